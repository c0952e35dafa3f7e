"""HTTP connections with a time limit for what the client sends, and refusals of what is not HTTP.

uvicorn waits for ever for a request that has begun, and for the first one of a connection: whoever
opens connections and stops half-way could take every file descriptor of the process.
"""

import asyncio
import json
from http import HTTPStatus
from typing import ClassVar
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chat_app.server.edge import REQUEST_ID, Headers

# nginx has the same limits in deploy/nginx.conf: for the whole head of a request, and between two
# pieces of its body.
HEAD_SECONDS = 15.0
BODY_PAUSE_SECONDS = 15.0


class HttpPeer(HttpToolsProtocol):
    """One connection, which ends when its client stops in the middle of a request."""

    # The headers of a refusal, which no application sees.
    security: ClassVar[Headers] = []

    _limit: asyncio.TimerHandle | None = None
    _is_in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Wait for the first request."""
        super().connection_made(transport)
        self._expect_within(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a piece of a request."""
        if self._is_in_body:
            self._expect_within(BODY_PAUSE_SECONDS)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Wait for the head of a later request: the keep-alive limit ends with its first byte."""
        super().on_message_begin()
        if self._limit is None:
            self._expect_within(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """Wait for the body."""
        self._is_in_body = True
        self._expect_within(BODY_PAUSE_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Let the application answer, however long it takes."""
        self._is_in_body = False
        self._expect_nothing()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be parsed, in the form of all errors."""
        status, request_id = HTTPStatus.BAD_REQUEST, uuid4().hex
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status,
            "detail": msg,
            "code": "malformed_request",
            "request_id": request_id,
        }
        body = json.dumps(problem).encode()
        headers: Headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"cache-control", b"no-store"),
            (REQUEST_ID, request_id.encode()),
            *self.server_state.default_headers,
            *self.security,
        ]
        head = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n%b\r\n%b" % (head, body))
        self.transport.close()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket protocol, which has limits of its own."""
        self._expect_nothing()
        super().handle_websocket_upgrade()

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._limit = self.loop.call_later(seconds, self._stop_waiting)

    def _expect_nothing(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _stop_waiting(self) -> None:
        self._limit = None
        if self._is_in_body and self.flow.read_paused:
            # The application is slow to read, not the client to send.
            self._expect_within(BODY_PAUSE_SECONDS)
        elif not self.transport.is_closing():
            self.transport.close()
