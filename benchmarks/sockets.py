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


read_frame = msgspec.json.Decoder(Frame).decode


async def open_program(url: str, person: Person) -> Wire:
    """Open a socket with the access token, and wait for its greeting."""
    wire = await Wire.open(f"{url}/ws")
    return await _greeted(wire, msgspec.json.encode({"type": "auth", "content": person.token}))


async def open_browser(url: str, person: Person) -> Wire:
    """Open a socket as a page does: cookie and Origin."""
    wire = await Wire.open(f"{url}/ws", headers={"Cookie": person.cookie, "Origin": url})
    return await _greeted(wire)


async def open_all(
    url: str,
    people: Sequence[Person],
    opened: Callable[[str, Person], Awaitable[Wire]] = open_program,
) -> list[Wire]:
    """Open a socket for each, a few at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(person: Person) -> Wire:
        async with turns:
            return await opened(url, person)

    return await asyncio.gather(*(one(person) for person in people))


async def _greeted(wire: Wire, first: bytes | None = None) -> Wire:
    greeting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    wire.on_text = lambda _text: None if greeting.done() else greeting.set_result(None)
    if first is not None:
        wire.send(first)
    async with asyncio.timeout(PATIENCE_S):
        await greeting
    return wire
