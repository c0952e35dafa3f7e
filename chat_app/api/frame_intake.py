"""The intake of a live socket: rate limit, request context and counters of received frames."""

import logging
from contextlib import AbstractContextManager

import structlog

from chat_app.api import frames
from chat_app.core import request_context
from chat_app.core.metrics import Counter, Metrics
from chat_app.core.request_context import RequestContext
from chat_app.core.token_bucket import TokenBucket
from chat_app.core.traces import NO_SPAN, Span
from chat_app.node.node import Node

TOO_MANY = 4429

log = structlog.get_logger(__name__)


class SocketMetrics:
    """The counters of all live sockets of a process."""

    def __init__(self, metrics: Metrics) -> None:
        self.received = metrics.counter("chat_frames_received_total", "Frames from sockets")
        self.refused = metrics.counters(
            "chat_frames_refused_total", "Error frames to sockets, by their code", "code"
        )
        self.closed = metrics.counters(
            "chat_sockets_closed_total", "Sockets that this node closed, by close code", "code"
        )


class SocketRefused(Exception):
    """A socket that must be closed with `code` and `reason` (RFC 6455, section 7.4)."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


class FrameBudget:
    """The token bucket of one socket: `limit_frames_per_second`, `limit_frame_burst` at once."""

    def __init__(self, node: Node) -> None:
        settings = node.settings
        self._bucket = None
        if settings.limits == "on":
            self._bucket = TokenBucket(
                burst=settings.limit_frame_burst, per_second=settings.limit_frames_per_second
            )

    def take(self) -> None:
        """Count a frame. Raises SocketRefused (4429) beyond the limit."""
        if self._bucket is not None and self._bucket.take():
            raise SocketRefused(TOO_MANY, "too many frames")


class FrameContexts:
    """The request contexts of one socket's frames: the id of its request, a dot, a number."""

    def __init__(self, node: Node, received: Counter) -> None:
        self._socket_id = request_context.current().request_id
        self._number = 0
        self._traces = node.traces
        self._received = received
        # Frames are many: log lines and spans are made only where they are kept.
        self._is_watched = node.traces.are_on or log.is_enabled_for(logging.DEBUG)

    def enter(self, frame: frames.AnyClientFrame | frames.Error) -> AbstractContextManager[Span]:
        """Count a frame, set its request context, and return the span around its handling."""
        self._number += 1
        self._received.add()
        request_context.set_current(RequestContext(f"{self._socket_id}.{self._number}"))
        if not self._is_watched:
            return NO_SPAN
        kind = "refused" if isinstance(frame, frames.Error) else type(frame).__name__.lower()
        log.debug("frame", kind=kind)
        return self._traces.span(f"frame {kind}", "server")
