"""One kept-alive HTTP connection, as lean as the WebSocket one."""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from benchmarks.ledger import Violation


class Pages:
    """Gets pages with a bearer token; use as a context manager."""

    def __init__(self, url: str, token: str) -> None:
        self._address = urlsplit(url)
        self._head = f"Host: {self._address.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        """Connect."""
        self._streams = await asyncio.open_connection(self._address.hostname, self._address.port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()

    async def get(self, path: str) -> bytes:
        """Return the body of a page. Raises Violation for anything but 200."""
        if self._streams is None:
            raise Violation("not connected")
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\n{self._head}".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise Violation(head.decode(errors="replace"))
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        return await reader.readexactly(int(length))
