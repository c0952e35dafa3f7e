"""A private S3 for tests, its buckets, and a way to it that can be closed."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree as ET

import httpx
import pytest

from chat_app.core import tasks
from tests.harness.servers import LOOPBACK, Server, free_port

CHUNK = 65_536
# moto believes every key.
KEYS = {
    "AWS_ACCESS_KEY_ID": "key-of-the-tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "AWS_REGION": "us-east-1",
}
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=none"
}
PREFIX = "chat/files"
NAMESPACE = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}


class S3:
    """A private server that keeps everything in memory."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(self.port)]
        self._server = Server(command, log=folder / f"s3-{self.port}.log")
        self._server.wait_until(self._answers)

    def new_bucket(self) -> "TestBucket":
        """Make an empty bucket."""
        name = f"bucket-{uuid4().hex}"
        httpx.put(f"{self.url}/{name}", timeout=90).raise_for_status()
        return TestBucket(self, name)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the server from answering; its connections stay open."""
        self._server.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop(with_signal=signal.SIGKILL)

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=5).status_code < 500
        except httpx.TransportError:
            return False


class TestBucket:
    """A bucket of the tests, with what chats put into it below `PREFIX`."""

    __test__ = False

    def __init__(self, server: S3, name: str) -> None:
        self.server = server
        self.name = name
        self.url = f"s3://{name}/{PREFIX}"

    def settings(self, address: str = "") -> dict[str, str]:
        """Return the environment of a chat with its files here; `address` is a way to S3."""
        endpoint = {"AWS_ENDPOINT_URL": address or self.server.url}
        return {"CHAT_FILES_URL": self.url, **KEYS, **endpoint}

    @contextlib.contextmanager
    def used(self, address: str = "") -> Iterator[None]:
        """Set the environment of this process so that nodes have their files here."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.settings(address).items():
                patch.setenv(name, value)
            yield

    def sizes(self) -> dict[str, int]:
        """Return the sizes of all objects by their names, without the prefix."""
        found = self._listed("list-type=2")
        return {
            (one.findtext("s3:Key", "", NAMESPACE)).removeprefix(f"{PREFIX}/"): int(
                one.findtext("s3:Size", "", NAMESPACE)
            )
            for one in found.findall("s3:Contents", NAMESPACE)
        }

    def unfinished(self) -> int:
        """Return how many puts in several parts were begun and are not finished."""
        return len(self._listed("uploads").findall(".//{*}Upload"))

    def put(self, name: str, data: bytes) -> None:
        """Store an object, as an operator may."""
        httpx.put(self._address(name), content=data, headers=SIGNED, timeout=90).raise_for_status()

    def get(self, name: str) -> bytes:
        """Return the bytes of an object."""
        reply = httpx.get(self._address(name), headers=SIGNED, timeout=90)
        return reply.raise_for_status().content

    def delete(self, name: str) -> None:
        """Delete an object, as an operator may."""
        httpx.delete(self._address(name), headers=SIGNED, timeout=90).raise_for_status()

    def _address(self, name: str) -> str:
        return f"{self.server.url}/{self.name}/{PREFIX}/{name}"

    def _listed(self, query: str) -> ET.Element:
        reply = httpx.get(f"{self.server.url}/{self.name}?{query}", timeout=90)
        return ET.fromstring(reply.raise_for_status().text)  # noqa: S314  # of our own server


class Gate:
    """A way to S3 at `url`; while it is closed, links are cut at once."""

    def __init__(self, server: S3, listening: socket.socket) -> None:
        self.url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
        self._there = server.port
        self._is_open = True
        self._links: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        # A link that is cancelled while it is opened would stay for ever.
        self._opening = asyncio.Lock()

    @classmethod
    @contextlib.asynccontextmanager
    async def to(cls, server: S3, port: int = 0) -> AsyncIterator["Gate"]:
        """Yield an open gate, on a free port or the one that is named."""
        with socket.create_server((LOOPBACK, port)) as listening:
            listening.settimeout(0)
            gate = cls(server, listening)
            accepting = asyncio.create_task(gate._accept(listening))
            try:
                yield gate
            finally:
                async with gate._opening:
                    accepting.cancel()
                await tasks.end([accepting])
                await gate.close()

    def open(self) -> None:
        """Let everything through."""
        self._is_open = True

    async def close(self) -> None:
        """Cut all links, and those that are opened from now on."""
        self._is_open = False
        await tasks.end(list(self._links))
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(0)  # they are closed then

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            link, _ = await asyncio.get_running_loop().sock_accept(listening)
            if not self._is_open:
                link.close()
                continue
            async with self._opening:
                reader, writer = await asyncio.open_connection(sock=link)
                there, here = await asyncio.open_connection(LOOPBACK, self._there)
            self._writers += [writer, here]
            if not self._is_open:  # it was closed meanwhile
                await self.close()
                continue
            task = asyncio.create_task(_carry(reader, here, there, writer))
            self._links.add(task)
            task.add_done_callback(self._links.discard)


async def _carry(
    reader: asyncio.StreamReader,
    here: asyncio.StreamWriter,
    there: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    with contextlib.suppress(OSError):
        await asyncio.gather(_copy(reader, here), _copy(there, writer))
    for one in (here, writer):
        one.transport.abort()


async def _copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        to.write(data)
        await to.drain()
    to.close()
