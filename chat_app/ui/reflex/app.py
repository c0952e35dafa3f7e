"""The Reflex app: conditional compilation, the Socket.IO server, and the log of failed handlers."""

import time
from types import SimpleNamespace
from typing import Any

import msgspec
import reflex as rx
import structlog
from reflex.state import StateUpdate
from reflex_base.environment import environment
from reflex_base.utils.serializers import serialize
from socketio import AsyncServer

from chat_app.core.errors import AppError
from chat_app.core.logs import without_token
from chat_app.core.own_origins import own_origins
from chat_app.core.settings import Settings
from chat_app.ui.reflex import build
from chat_app.ui.reflex.patches import PacketQueue

log = structlog.get_logger(__name__)

# A script could call a handler with wrong values fifty times a second. The first traces show where
# the failures come from; more would only fill the disk.
TRACES_PER_WINDOW = 20
REPORTS_PER_WINDOW = 10
MAX_REPORT_LENGTH = 2_000
WINDOW_S = 60.0

_encoder = msgspec.json.Encoder(enc_hook=serialize)


class CompiledApp(rx.App):
    """An app that compiles its pages only when their sources have changed."""

    def _should_compile(self) -> bool:
        return super()._should_compile() and not build.front_end_is_current()


def socket_server(settings: Settings) -> AsyncServer:
    """Return the Socket.IO server for our own pages, as Reflex makes it but for its JSON."""

    def is_own(origin: str | None, environ: dict[str, Any]) -> bool:
        return origin in own_origins(settings, environ["asgi.scope"].get("server"))

    server = AsyncServer(
        async_mode="asgi",
        cors_allowed_origins=is_own,
        cors_credentials=True,
        max_http_buffer_size=environment.REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE.get(),
        ping_interval=environment.REFLEX_SOCKET_INTERVAL.get().total_seconds(),
        ping_timeout=environment.REFLEX_SOCKET_TIMEOUT.get().total_seconds(),
        json=SimpleNamespace(dumps=encode, loads=msgspec.json.decode),
        allow_upgrades=False,
        transports=["websocket"],
        async_handlers=False,
    )
    # The links of tabs ask such a queue whether they may write past it.
    server.eio.create_queue = PacketQueue
    return server


def encode(packet: object, **_layout: Any) -> str:  # noqa: ANN401  # what Socket.IO calls with
    """Return a packet as compact JSON; Reflex's own encoder takes several times as long."""
    if isinstance(packet, list):
        # Reflex's serializer leaves out the empty fields of this dataclass.
        packet = [serialize(one) if isinstance(one, StateUpdate) else one for one in packet]
    return _encoder.encode(packet).decode()


class Window:
    """At most `most` times in a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ends = 0.0
        self._count = 0

    def take(self) -> bool:
        """Count one more; return whether it is among the first."""
        now = time.monotonic()
        if now > self._ends:
            self._ends = now + WINDOW_S
            self._count = 0
        self._count += 1
        return self._count <= self._most


class HandlerFailures:
    """The log of handlers that failed, with a bounded number of traces."""

    def __init__(self) -> None:
        self._traces = Window(TRACES_PER_WINDOW)

    def report(self, exception: Exception) -> None:
        """Log a failure; an AppError is a refusal of the chat and needs no trace."""
        if isinstance(exception, AppError):
            log.warning("handler_refused", code=exception.code)
            return
        log.error(
            "handler_failed",
            kind=type(exception).__name__,
            exc_info=exception if self._traces.take() else None,
        )


class PageFailures:
    """The log of what failed in a browser: anybody can send any text."""

    def __init__(self) -> None:
        self._reports = Window(REPORTS_PER_WINDOW)

    def report(self, exception: Exception) -> None:
        """Log the beginning of a report, unless there were many lately."""
        if self._reports.take():
            log.warning("page_failed", report=without_token(str(exception)[:MAX_REPORT_LENGTH]))
