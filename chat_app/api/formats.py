"""The wire formats of the live socket: JSON as text, MessagePack as binary.

Inside the server an event is JSON, encoded once. For MessagePack the encoded frame is transcoded,
so that both formats hold the same names and the same strings (ids and times too).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol

import msgspec
from litestar.types import WebSocketSendEvent

from chat_app.api.frames import AnyClientFrame, Error, read_frame, read_packed_frame

MAX_FRAME_BYTES = 65_536
# Events go to every reader of a conversation, so their transcoding is cached; large frames are
# replays for one reader.
CACHED_FRAMES = 256
MAX_CACHED_BYTES = 16 * 1024

Received = str | bytes


class WrongKind(Exception):
    """The frame is binary although the subprotocol is text, or the reverse."""


class Format(Protocol):
    """The encoding of one socket's frames."""

    @property
    def subprotocol(self) -> str:
        """The name of the WebSocket subprotocol (RFC 6455, section 1.9)."""

    def is_too_big(self, received: Received) -> bool:
        """Return whether a client's frame has more than `MAX_FRAME_BYTES`."""

    def read(self, received: Received) -> AnyClientFrame | Error:
        """Decode a client's frame; return an Error frame for an invalid one. Raises WrongKind."""

    @property
    def is_text(self) -> bool:
        """Whether frames are text or binary."""

    def encoded(self, body: bytes) -> bytes:
        """Encode a frame that is given as JSON."""

    def send_event(self, body: bytes) -> WebSocketSendEvent:
        """Return the ASGI event that sends a frame that is given as JSON."""


class Json:
    """JSON in text frames, the default."""

    subprotocol: Final = "chat.v1.json"
    is_text: Final = True

    def is_too_big(self, received: Received) -> bool:
        """Return whether the text is too long; count its bytes only where it may be."""
        if len(received) <= MAX_FRAME_BYTES // 4:
            return False
        encoded = received.encode(errors="replace") if isinstance(received, str) else received
        return len(encoded) > MAX_FRAME_BYTES

    def read(self, received: Received) -> AnyClientFrame | Error:
        """Decode a text frame."""
        if not isinstance(received, str):
            raise WrongKind
        return read_frame(received)

    def encoded(self, body: bytes) -> bytes:
        """Return the frame as it is."""
        return body

    def send_event(self, body: bytes) -> WebSocketSendEvent:
        """Return the event of a text frame."""
        return {"type": "websocket.send", "text": body.decode(), "bytes": None}


class MessagePack:
    """MessagePack in binary frames, smaller and quicker to decode."""

    subprotocol: Final = "chat.v1.msgpack"
    is_text: Final = False

    def is_too_big(self, received: Received) -> bool:
        """Return whether the frame is too long."""
        return len(received) > MAX_FRAME_BYTES

    def read(self, received: Received) -> AnyClientFrame | Error:
        """Decode a binary frame."""
        if not isinstance(received, bytes):
            raise WrongKind
        return read_packed_frame(received)

    def encoded(self, body: bytes) -> bytes:
        """Transcode the frame, small ones from a cache: many readers get the same."""
        return _cached(body) if len(body) <= MAX_CACHED_BYTES else _packed(body)

    def send_event(self, body: bytes) -> WebSocketSendEvent:
        """Return the event of a binary frame."""
        return {"type": "websocket.send", "text": None, "bytes": self.encoded(body)}


def _packed(body: bytes) -> bytes:
    return msgspec.msgpack.encode(msgspec.json.decode(body))


_cached = lru_cache(maxsize=CACHED_FRAMES)(_packed)

JSON: Final[Format] = Json()
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {one.subprotocol: one for one in (JSON, MessagePack())}
)


def agree(offered: Sequence[str]) -> Format | None:
    """Return the format of the first known subprotocol offered (RFC 6455, section 4.2.2)."""
    return next((FORMATS[name] for name in offered if name in FORMATS), None)
