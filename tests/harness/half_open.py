"""A proxy to a server whose links may become half open: they stay, and swallow everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.harness.servers import LOOPBACK

CHUNK = 65_536


class HalfOpenProxy:
    """The proxy at `port`; links that are opened after `swallow` work."""

    def __init__(self, there: int) -> None:
        self.port = 0
        self._there = there
        self._swallowed = 0
        self._opened = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int | None) -> AsyncIterator["HalfOpenProxy"]:
        """Yield a proxy to a local port; its links are cut at the end."""
        assert port is not None
        proxy = cls(port)
        server = await asyncio.start_server(proxy._accept, LOOPBACK, 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            for task in proxy._tasks:
                task.cancel()
            await asyncio.gather(*proxy._tasks, return_exceptions=True)

    def swallow(self) -> None:
        """Make every link that is open now half open, for ever."""
        self._swallowed = self._opened

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._opened += 1
        number = self._opened
        try:
            there, here = await asyncio.open_connection(LOOPBACK, self._there)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(
                self._copy(number, reader, here), self._copy(number, there, writer)
            )
        except (OSError, asyncio.CancelledError):
            # The link is cut, or we are: asyncio would print a cancelled task.
            pass
        finally:
            here.close()
            writer.close()

    async def _copy(
        self, number: int, source: asyncio.StreamReader, to: asyncio.StreamWriter
    ) -> None:
        while data := await source.read(CHUNK):
            if number > self._swallowed:
                to.write(data)
                await to.drain()
        to.close()
