"""What a tab may send through its socket: well-formed, known and not too much of it.

Everything else Reflex would answer with a traceback in the log, and a script could fill the disk
with those.
"""

import inspect
from typing import Any

import msgspec
import structlog
from reflex_base.registry import RegistrationContext

from chat_app.core.settings import Settings
from chat_app.core.token_bucket import TokenBucket
from chat_app.server.edge import Message, Receive, Send

log = structlog.get_logger(__name__)

TOO_MANY_FRAMES = 4429
BAD_FRAME = 1008

CONNECT = "40/_event,"
EVENT = "42/_event,"
# Engine.IO's answer to the server's heartbeat; Socket.IO's leaving of the namespace.
BARE_FRAMES = ("3", "41/_event,", "41/_event", CONNECT)

# Every state of Reflex has this one: it reaches any method whose name begins with `set_`.
SET_ANY_VAR = ".setvar"


class _Packet(msgspec.Struct):
    """One event as the browser sends it."""

    name: str
    payload: dict[str, Any] = {}
    router_data: dict[str, Any] = {}


class _Boot(msgspec.Struct):
    """What comes with the connect: the first event."""

    event: _Packet | None = None


_boot = msgspec.json.Decoder(_Boot)
_packet = msgspec.json.Decoder(_Packet)
_message = msgspec.json.Decoder(list[msgspec.Raw])


class Frames:
    """The receiving half of one socket. Ends it over a frame that may not pass."""

    def __init__(self, settings: Settings, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._budget = None
        if settings.limits == "on":
            self._budget = TokenBucket(
                burst=settings.limit_frame_burst, per_second=settings.limit_frames_per_second
            )

    async def receive(self) -> Message:
        """Return the next message that may pass."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            return message
        if self._budget is not None and self._budget.take():
            return await self._end(TOO_MANY_FRAMES)
        if not is_acceptable(message.get("text")):
            return await self._end(BAD_FRAME)
        return message

    async def _end(self, code: int) -> Message:
        log.warning("tab_socket_ended", code=code)
        await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}


def is_acceptable(text: str | None) -> bool:
    """Whether a frame is one that our own pages could have sent."""
    if text is None:
        return False
    if text in BARE_FRAMES:
        return True
    try:
        if text.startswith(CONNECT):
            boot = _boot.decode(text[len(CONNECT) :]).event
            return boot is None or _is_known(boot)
        if text.startswith(EVENT):
            kind, *rest = _message.decode(text[len(EVENT) :])
            return _is_known_message(msgspec.json.decode(kind), rest)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return False


def _is_known_message(kind: object, rest: list[msgspec.Raw]) -> bool:
    if kind == "event" and len(rest) == 1:
        return _is_known(_packet.decode(rest[0]))
    # Reflex answers the one, and counts and cuts the other, by itself.
    return kind in ("ping", "client_error") and len(rest) <= 1


def _is_known(packet: _Packet) -> bool:
    """Whether there is such a handler and it takes these arguments."""
    registered = RegistrationContext.ensure_context().event_handlers.get(packet.name)
    if registered is None or packet.name.endswith(SET_ANY_VAR):
        return False
    try:
        inspect.signature(registered.handler.fn).bind(None, **packet.payload)
    except TypeError:
        return False
    return True
