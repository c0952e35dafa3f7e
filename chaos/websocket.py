"""WebSocket frames (RFC 6455, section 5.2), as far as repeating one needs them."""

from collections.abc import Callable
from enum import Enum, auto

FINAL_TEXT = 0x81
MASK = 4
SHORT, LONG = 126, 127
END_OF_HEAD = b"\r\n\r\n"


class _Kind(Enum):
    UNKNOWN = auto()
    PLAIN_HTTP = auto()
    WEBSOCKET = auto()


class Repeater:
    """Repeats some whole text frames of what a device sends. Plain HTTP passes as it is."""

    def __init__(self, is_repeated: Callable[[], bool]) -> None:
        self._is_repeated = is_repeated
        self._kind = _Kind.UNKNOWN
        self._kept = b""

    def feed(self, chunk: bytes) -> bytes:
        """Return what is to be sent on for `chunk`."""
        if self._kind is _Kind.PLAIN_HTTP:
            return chunk
        self._kept += chunk
        if self._kind is _Kind.WEBSOCKET:
            return self._frames()
        head, end, rest = self._kept.partition(END_OF_HEAD)
        if not end:
            return chunk  # of the head, which is looked at once it is whole
        if b"upgrade: websocket" not in head.lower():
            self._kind, self._kept = _Kind.PLAIN_HTTP, b""
            return chunk
        self._kind, self._kept = _Kind.WEBSOCKET, rest
        return chunk[: len(chunk) - len(rest)] + self._frames()

    def _frames(self) -> bytes:
        out = b""
        while length := frame_length(self._kept):
            frame, self._kept = self._kept[:length], self._kept[length:]
            twice = frame[0] == FINAL_TEXT and self._is_repeated()
            out += frame * (2 if twice else 1)
        return out


def frame_length(data: bytes) -> int:
    """Return how long the masked frame is that `data` begins with, 0 while it is not whole."""
    if len(data) < 2:  # noqa: PLR2004  # the smallest head
        return 0
    head, length = 2, data[1] & 0x7F
    if length == SHORT:
        head, length = 4, int.from_bytes(data[2:4])
    elif length == LONG:
        head, length = 10, int.from_bytes(data[2:10])
    whole = head + MASK + length
    return whole if len(data) >= whole else 0
