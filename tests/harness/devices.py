"""Devices that run the client of the documents, and the messages they received."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from docs.client import Client
from tests.harness.clients import PASSWORD, PATIENCE_S, Json, Person


@dataclass
class Device:
    """A device of a person; `received` is every message of its client, in order."""

    client: Client
    received: list[Json] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Return the texts of the received messages."""
        return [message["content"] for message in self.received]

    async def until(self, *texts: str, seconds: float = PATIENCE_S) -> None:
        """Wait until exactly these texts were received."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(self.received) >= len(texts), seconds=seconds)
        assert self.texts == list(texts)


@contextlib.asynccontextmanager
async def device(
    url: str,
    person: Person,
    cursors: Mapping[str, int] | None = None,
    *,
    file: str = ":memory:",
) -> AsyncIterator[Device]:
    """Yield a running device of that person, which reaches the chat at `url`."""
    received: list[Json] = []
    sign_in = {"username": person.username, "password": PASSWORD}
    client = Client(url, sign_in, on_message=received.append, file=file)
    client.cursors.update(cursors or {})
    running = asyncio.create_task(client.run())
    try:
        yield Device(client, received)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE_S) -> None:
    """Wait until `condition` holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
