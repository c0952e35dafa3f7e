"""The two ways to write a frame of the live socket: JSON as text, MessagePack as binary.

Everything in the house is JSON, encoded once. For MessagePack an encoded frame is rewritten as it
is, so that both formats hold the same names and the same strings (ids and times too).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol

import msgspec
from litestar.types import WebSocketSendEvent

from chat_app.api.frames import AnyClientFrame, Error, read_frame, read_packed_frame

MAX_FRAME_BYTES = 65_536
# A message is news for everybody in its room; a replay is made for one reader and not kept.
SHARED_FRAMES = 256
SHARED_BYTES = 16 * 1024

Received = str | bytes


class WrongKind(Exception):
    """Binary where text was agreed upon, or the other way round."""


class Format(Protocol):
    """How the frames of one socket are written."""

    @property
    def subprotocol(self) -> str:
        """What both sides agree upon when the socket opens."""

    def is_too_big(self, received: Received) -> bool:
        """Whether a client's frame has more than `MAX_FRAME_BYTES`."""

    def read(self, received: Received) -> AnyClientFrame | Error:
        """Read a client's frame, or say what is wrong with it. Raises WrongKind."""

    @property
    def is_text(self) -> bool:
        """Whether frames are text, or else binary."""

    def written(self, body: bytes) -> bytes:
        """Return a frame as it is written, which is given as JSON."""

    def sending(self, body: bytes) -> WebSocketSendEvent:
        """Return the ASGI event that sends a frame, which is given as JSON."""


class Json:
    """The default: text frames."""

    subprotocol: Final = "chat.v1.json"
    is_text: Final = True

    def is_too_big(self, received: Received) -> bool:
        """Count the bytes, but only of what may have too many: four are the most a letter takes."""
        if len(received) <= MAX_FRAME_BYTES // 4:
            return False
        encoded = received.encode(errors="replace") if isinstance(received, str) else received
        return len(encoded) > MAX_FRAME_BYTES

    def read(self, received: Received) -> AnyClientFrame | Error:
        """Read a text frame."""
        if not isinstance(received, str):
            raise WrongKind
        return read_frame(received)

    def written(self, body: bytes) -> bytes:
        """Leave it as it is."""
        return body

    def sending(self, body: bytes) -> WebSocketSendEvent:
        """Send it as it is."""
        return {"type": "websocket.send", "text": body.decode(), "bytes": None}


class MessagePack:
    """By agreement: binary frames, smaller and quicker to read."""

    subprotocol: Final = "chat.v1.msgpack"
    is_text: Final = False

    def is_too_big(self, received: Received) -> bool:
        """Count the bytes."""
        return len(received) > MAX_FRAME_BYTES

    def read(self, received: Received) -> AnyClientFrame | Error:
        """Read a binary frame."""
        if not isinstance(received, bytes):
            raise WrongKind
        return read_packed_frame(received)

    def written(self, body: bytes) -> bytes:
        """Rewrite it; what many hear is rewritten once."""
        return _shared(body) if len(body) <= SHARED_BYTES else _packed(body)

    def sending(self, body: bytes) -> WebSocketSendEvent:
        """Send it rewritten."""
        return {"type": "websocket.send", "text": None, "bytes": self.written(body)}


def _packed(body: bytes) -> bytes:
    return msgspec.msgpack.encode(msgspec.json.decode(body))


_shared = lru_cache(maxsize=SHARED_FRAMES)(_packed)

JSON: Final[Format] = Json()
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {one.subprotocol: one for one in (JSON, MessagePack())}
)


def agree(offered: Sequence[str]) -> Format | None:
    """Return the first of the offered subprotocols that is spoken here (RFC 6455, 4.2.2)."""
    return next((FORMATS[name] for name in offered if name in FORMATS), None)
