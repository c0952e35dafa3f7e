"""Unread bodies: read on after an early answer, so that an ordinary client sees it.

A client that still sends its body does not read yet. If the server closed the connection then, its
kernel would answer the rest with a reset, upon which the client's drops the answer unread.
"""

import asyncio
import time

from chat_app.server.edge import AsgiApp, Message, Receive, Scope, Send

# So much is read and dropped, within such a time, and while something comes.
MAX_BYTES = 65 * 1024 * 1024
MAX_S = 60.0
IDLE_S = 5.0
# After a longer body, of which something is not read, the connection is not used again.
SHORT_BYTES = 256 * 1024
CONNECTION = b"connection"


def discard_unread(app: AsgiApp) -> AsgiApp:
    """Wrap an application that may answer before it has read the body of a request."""

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _has_body(scope):
            await app(scope, receive, send)
            return
        body = _Body(scope, receive, send)
        await app(scope, body.receive, body.send)
        await body.finish()

    return patient


class _Body:
    """The body of one request, and the answer to it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._headers = dict(scope["headers"])
        self._is_asked_for = False
        self._is_read = False
        self._is_held = False

    async def receive(self) -> Message:
        """Return the next part of the body."""
        self._is_asked_for = True
        message = await self._receive()
        self._is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Forward the answer, but hold back its end while the body is not read."""
        if not self._is_read and message["type"] == "http.response.start" and self._must_close():
            others = [pair for pair in message.get("headers", ()) if pair[0].lower() != CONNECTION]
            message = {**message, "headers": [*others, (CONNECTION, b"close")]}
        elif not self._is_read and message["type"] == "http.response.body":
            self._is_held = not message.get("more_body", False)
            message = {**message, "more_body": True}
        await self._send(message)

    async def finish(self) -> None:
        """Read the rest of the body, in bounds, and send the end of the answer."""
        if not self._is_held:
            return
        end, left = time.monotonic() + MAX_S, MAX_BYTES
        while not self._is_read and left > 0 and (left_s := end - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(IDLE_S, left_s)):
                    message = await self.receive()
            except TimeoutError:
                break
            left -= len(message.get("body", b""))
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _must_close(self) -> bool:
        # A client that waits for "100 Continue" does not send the body any more, or already does.
        waits = b"expect" in self._headers and not self._is_asked_for
        length = self._headers.get(b"content-length", b"")
        return waits or not length.isdigit() or int(length) > SHORT_BYTES


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )
