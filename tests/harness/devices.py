"""Devices that run the client of the documents, and what they were told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from docs.client import Client
from tests.harness.clients import PASSWORD, PATIENCE_S, Json, Person


@dataclass
class Device:
    """A device of a person; `heard` is what its client told, in order."""

    client: Client
    heard: list[Json] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """What was told, as text."""
        return [message["content"] for message in self.heard]

    async def until(self, *texts: str, seconds: float = PATIENCE_S) -> None:
        """Wait until exactly these were told."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(self.heard) >= len(texts), seconds=seconds)
        assert self.texts == list(texts)


@contextlib.asynccontextmanager
async def device(
    url: str,
    person: Person,
    cursors: Mapping[str, int] | None = None,
    *,
    file: str = ":memory:",
) -> AsyncIterator[Device]:
    """Give a running device of that person, which reaches the chat at `url`."""
    heard: list[Json] = []
    sign_in = {"username": person.username, "password": PASSWORD}
    client = Client(url, sign_in, on_message=heard.append, file=file)
    client.cursors.update(cursors or {})
    running = asyncio.create_task(client.run())
    try:
        yield Device(client, heard)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE_S) -> None:
    """Wait until it is so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
