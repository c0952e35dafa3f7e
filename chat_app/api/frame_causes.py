"""Every frame of a socket is a cause of its own: in the logs and in the traces."""

import logging
from contextlib import AbstractContextManager

import structlog

from chat_app.api import frames
from chat_app.core import request_context
from chat_app.core.metrics import Counter
from chat_app.core.request_context import RequestContext
from chat_app.core.traces import NOTHING, Span
from chat_app.node.node import Node

log = structlog.get_logger(__name__)


class FrameCauses:
    """Names the frames of one socket: the id of the socket's request, a dot, the frame's number."""

    def __init__(self, node: Node, received: Counter) -> None:
        self._socket_id = request_context.current().request_id
        self._number = 0
        self._traces = node.traces
        self._received = received
        # Frames are many: nothing is made for nobody.
        self._is_watched = node.traces.are_on or log.is_enabled_for(logging.DEBUG)

    def of(self, frame: frames.AnyClientFrame | frames.Error) -> AbstractContextManager[Span]:
        """Have what this task does from now on be because of `frame`, and measure a block."""
        self._number += 1
        self._received.add()
        request_context.set_current(RequestContext(f"{self._socket_id}.{self._number}"))
        if not self._is_watched:
            return NOTHING
        kind = "refused" if isinstance(frame, frames.Error) else type(frame).__name__.lower()
        log.debug("frame", kind=kind)
        return self._traces.span(f"frame {kind}", "server")
