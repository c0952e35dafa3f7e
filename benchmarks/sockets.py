"""Sockets of the chat, opened as programs or as browsers do, and what comes out of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from benchmarks.stage import Person
from benchmarks.wire import Wire

AT_ONCE = 50
PATIENCE_S = 30


class MessageSeen(msgspec.Struct):
    """The fields of a message that measuring needs; the others are not even decoded."""

    conversation_id: str
    seq: int
    client_id: str


class Frame(msgspec.Struct):
    """An ack, an event or an error."""

    type: str
    message: MessageSeen | None = None
    code: str = ""
    id: str | None = None
    events: list["Frame"] = []


read_frame = msgspec.json.Decoder(Frame).decode


def frames_in(text: bytes) -> Sequence[Frame]:
    """Return the frame, or those that a batch holds."""
    frame = read_frame(text)
    return frame.events if frame.type == "batch" else (frame,)


async def open_program(url: str, person: Person) -> Wire:
    """Open a socket with the access token, and wait for its greeting."""
    greeting = Greeting()
    wire = await Wire.open(f"{url}/ws", on_text=greeting.take)
    wire.send(msgspec.json.encode({"type": "auth", "content": person.token}))
    await greeting.came()
    return wire


async def open_browser(url: str, person: Person) -> Wire:
    """Open a socket as a page does: cookie and Origin; wait for its greeting."""
    greeting = Greeting()
    headers = {"Cookie": person.cookie, "Origin": url}
    wire = await Wire.open(f"{url}/ws", headers=headers, on_text=greeting.take)
    await greeting.came()
    return wire


class Greeting:
    """The first frame of a socket."""

    def __init__(self) -> None:
        self._came = asyncio.Event()

    def take(self, _text: bytes) -> None:
        """Notice it."""
        self._came.set()

    async def came(self) -> None:
        """Wait for it."""
        async with asyncio.timeout(PATIENCE_S):
            await self._came.wait()


async def open_all(
    url: str | Sequence[str],
    people: Sequence[Person],
    opened: Callable[[str, Person], Awaitable[Wire]] = open_program,
) -> list[Wire]:
    """Open a socket for each, a few at a time; at one address, or at one of each person's own."""
    turns = asyncio.Semaphore(AT_ONCE)
    urls = [url] * len(people) if isinstance(url, str) else url

    async def one(at: str, person: Person) -> Wire:
        async with turns:
            return await opened(at, person)

    return await asyncio.gather(*(one(at, who) for at, who in zip(urls, people, strict=True)))
