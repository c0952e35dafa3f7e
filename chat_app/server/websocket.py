"""WebSocket protocol of uvicorn with bounds for peers that do not read or have disappeared.

uvicorn waits for such a peer before it sends a frame, close frames included, and until its buffers
are empty before it drops the connection. Both may take for ever.
"""

import asyncio
import socket
import struct
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Opcode
from websockets.http11 import Request

from chat_app.realtime.outlet import WRITE_AT_ONCE
from chat_app.server.compression import LARGE_BYTES, OfferLargeFramesDeflate

# The most that the kernel holds unsent; it would take megabytes for a slow reader.
UNSENT_BYTES = 128 * 1024
# How long a slow reader may take to get to the close frame.
LINGER_S = 20.0

SWITCHING = 101
NOT_UTF8 = 1007
# The length of a frame in its header (RFC 6455, section 5.2).
WHOLE = 0x80
SHORT, MEDIUM = 126, 127

_COMPRESSION = [OfferLargeFramesDeflate()]


def head_of(opcode: Opcode, size: int) -> bytes:
    """Return the header of a server's unfragmented frame of `size` bytes."""
    if size < SHORT:
        return bytes((WHOLE | opcode, size))
    if size < 1 << 16:
        return struct.pack("!BBH", WHOLE | opcode, SHORT, size)
    return struct.pack("!BBQ", WHOLE | opcode, MEDIUM, size)


class WebSocketPeer(WebSocketsSansIOProtocol):
    """The server's side of a WebSocket, in bounded time and memory."""

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Bound what the kernel holds unsent."""
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection: socket.socket = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        super().connection_made(transport)
        # uvicorn's own would compress everything and keep a dictionary a connection.
        self.conn.available_extensions = _COMPRESSION

    def handle_connect(self, event: Request) -> None:
        """Offer `write_at_once` as an extension of ASGI."""
        super().handle_connect(event)
        if self.response.status_code == SWITCHING:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[WRITE_AT_ONCE] = self.write_at_once

    def write_at_once(self, body: bytes, *, is_text: bool) -> bool:
        """Send a frame at once; return False if it must wait, be compressed, or is too late."""
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        if self.conn.extensions and len(body) >= LARGE_BYTES:
            return False
        opcode = Opcode.TEXT if is_text else Opcode.BINARY
        self.transport.write(head_of(opcode, len(body)) + body)
        return True

    def send_receive_event_to_app(self) -> None:
        """Pass a message on, or close if its text is not UTF-8; uvicorn would log a traceback."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.conn.send_close(NOT_UTF8)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:  # noqa: ANN401  # any of ASGI's
        """Send a message; a close does not wait until the peer has read what was sent before."""
        if message["type"] == "websocket.close":
            self.writable.set()
            if self._ending is None:
                self._ending = self.loop.call_later(LINGER_S, self.transport.abort)
        await super().send(message)

    def keepalive_timeout(self) -> None:
        """Abort the connection of a peer that has not answered a ping."""
        super().keepalive_timeout()
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the pending abort."""
        if self._ending is not None:
            self._ending.cancel()
        super().connection_lost(exc)
