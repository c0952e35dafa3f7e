"""A WebSocket client for measuring: so little Python a frame that the server is what is measured.

It speaks RFC 6455 as far as our own server does: no fragments; it reads what is compressed, and
compresses nothing itself. Its masking key is zero, which leaves a payload as it is; the server
unmasks it all the same.
"""

import asyncio
import base64
import os
import zlib
from collections.abc import Callable, Mapping
from typing import Self, cast
from urllib.parse import urlsplit

OnText = Callable[[bytes], None]

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FINAL, MASKED, PACKED = 0x80, 0x80, 0x40
END_OF_DEFLATED = b"\0\0\xff\xff"
HEAD = 2
SHORT, MEDIUM = 126, 127
SMALL_LENGTH = 1 << 16


class WireError(ConnectionError):
    """The server refused the socket, or ended it."""


class Wire(asyncio.Protocol):
    """One socket; every text frame goes to `on_text`."""

    def __init__(self, request: bytes, on_text: OnText) -> None:
        self.on_text = on_text
        self.closed: str | None = None
        self.frames = 0
        self._request = request
        self._buffer = b""
        self._inflater: zlib._Decompress | None = None
        self._keeps_context = True
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(
        cls, url: str, *, headers: Mapping[str, str] | None = None, on_text: OnText | None = None
    ) -> Self:
        """Open a socket; the first texts may come together with the server's consent."""
        address = urlsplit(url)
        target = f"{address.path}?{address.query}" if address.query else address.path
        lines = {
            "Host": address.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            # Browsers offer this; a server that accepts it would be measured with it.
            "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        request = f"GET {target} HTTP/1.1\r\n{head}\r\n".encode()
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(
            lambda: cls(request, on_text or _ignore), address.hostname or "", address.port or 80
        )
        await wire.is_open
        return wire

    def send(self, text: bytes) -> None:
        """Send one text frame."""
        self._send(TEXT, text)

    def close(self) -> None:
        """Go away without a word."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that it is over."""
        self.closed = self.closed or f"connection lost {exc or ''}"
        if not self.is_open.done():
            self.is_open.set_exception(WireError(self.closed))

    def data_received(self, data: bytes) -> None:
        """Hand on every whole frame."""
        data = self._buffer + data if self._buffer else data
        if not self.is_open.done():
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            self._upgrade(data[:end])
            data = data[end + 4 :]
        self._buffer = self._take_frames(data)

    def _upgrade(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 101"):
            self.is_open.set_exception(WireError(head[:200].decode(errors="replace")))
        else:
            if b"permessage-deflate" in head.lower():
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                self._keeps_context = b"server_no_context_takeover" not in head.lower()
            self.is_open.set_result(None)

    def _take_frames(self, data: bytes) -> bytes:
        at, size = 0, len(data)
        while size - at >= HEAD:
            length, start = data[at + 1], at + 2
            if length == SHORT:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == MEDIUM:
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if size < start + length:
                break
            payload = data[start : start + length]
            self._take(data[at] & 0xF, self._inflated(payload) if data[at] & PACKED else payload)
            at = start + length
        return data[at:]

    def _inflated(self, payload: bytes) -> bytes:
        if self._inflater is None:
            raise WireError("a compressed frame that was not agreed on")
        text = self._inflater.decompress(payload + END_OF_DEFLATED)
        if not self._keeps_context:
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        return text

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.frames += 1
            self.on_text(payload)
        elif opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self.closed = f"closed with {int.from_bytes(payload[:2], 'big')}"

    def _send(self, opcode: int, payload: bytes) -> None:
        if self._transport is None:
            raise WireError("not open")
        size = len(payload)
        if size < SHORT:
            head = bytes((FINAL | opcode, MASKED | size))
        elif size < SMALL_LENGTH:
            head = bytes((FINAL | opcode, MASKED | SHORT)) + size.to_bytes(2, "big")
        else:
            head = bytes((FINAL | opcode, MASKED | MEDIUM)) + size.to_bytes(8, "big")
        self._transport.write(head + b"\0\0\0\0" + payload)


def _ignore(_text: bytes) -> None:
    """Nobody listens yet."""
