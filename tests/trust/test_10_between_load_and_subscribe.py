"""Messages committed between load and subscribe (trust 10), thousands of times.

Devices come and go without a pause while messages are sent without a pause, so that every opening
has some in the middle of it. The looks into the database that mend what the bus lost are off here:
nothing may be lost that they would have to mend.

Here more than a hundred times each way. Ten thousand times each:
`TRUST_OPENINGS=10000 pytest tests/trust/test_10_between_load_and_subscribe.py`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import pytest

from chat_app.accounts.schemas import Identity
from chat_app.core.ids import new_id
from chat_app.messages.queries import history
from chat_app.messages.replay import missed
from chat_app.node.node import Node
from chat_app.realtime.events import MessageCreated, decode
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.shapes import Message
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node, to_conversation, to_user

DEVICES = 8
# Of all devices together.
OPENINGS = int(os.environ.get("TRUST_OPENINGS", "160"))
IN_A_PAGE = 30

pytestmark = pytest.mark.timeout(400 + OPENINGS // 10)


class Room(NamedTuple):
    """A conversation, the node where its messages are received, and the user who receives them."""

    node: Node
    viewer: UUID
    id: UUID


Load = Callable[[Room, int], Awaitable[list[Message]]]


async def load_page(room: Room, _seen: int) -> list[Message]:
    """Load as a tab does: the newest page."""
    page = await history(
        room.node.database, viewer_id=room.viewer, conversation_id=room.id, limit=IN_A_PAGE
    )
    return page.items


async def load_missed(room: Room, seen: int) -> list[Message]:
    """Load as a program does: the messages since the last one received."""
    found = missed(
        room.node.database,
        viewer_id=room.viewer,
        cursors={room.id: seen},
        online=room.node.online,
    )
    changes: list[Message] = []
    async for one in found:
        assert one.changes is not None
        changes += [message for message, _ in one.changes]
    return changes


@asynccontextmanager
async def talk(storage: Storage, kind: str) -> AsyncIterator[Room]:
    """Write without a pause inside, at another node where the pair has two."""
    async with open_node(storage) as here:
        if storage.redis_url:
            async with open_node(storage) as there, talking(here, there, kind) as room:
                yield room
        else:
            async with talking(here, here, kind) as room:
                yield room


@asynccontextmanager
async def talking(here: Node, there: Node, kind: str) -> AsyncIterator[Room]:
    sender, viewer = await new_user(here), await new_user(here)
    if kind == "group":
        room = await add_group(here, actor_id=sender, title="Room", member_ids=[viewer])
        await here.messages.send(to_conversation(sender, room))
    else:
        room = (await here.messages.send(to_user(sender, viewer))).message.conversation_id

    async def write() -> None:
        while True:
            await here.messages.send(to_conversation(sender, room))
            await asyncio.sleep(0.001)  # faster than any device opens, and no flood

    writing = asyncio.create_task(write())
    try:
        yield Room(there, viewer, room)
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def receive_past(outlet: Outlet, rev: int) -> list[Message]:
    """Return what is received until something newer than `rev` is."""
    received: list[Message] = []
    async with asyncio.timeout(PATIENCE_S):
        while not received or received[-1].rev <= rev:
            for envelope in await outlet.take():
                events = decode(envelope.body)
                received += [e.message for e in events if isinstance(e, MessageCreated)]
    return received


async def come_and_go(room: Room, load: Load) -> None:
    """Open, load, receive and close, again and again; check for gaps and differences."""
    seen = 0
    for _ in range(OPENINGS // DEVICES):
        async with await room.node.open_outlet(Identity(room.viewer, new_id())) as outlet:
            loaded = await load(room, seen)
            newest = loaded[-1].rev if loaded else seen
            received = await receive_past(outlet, newest)
        revs = [message.rev for message in received]
        assert revs == sorted(set(revs)), "in order, and each once"
        known = {message.rev: message for message in loaded}
        assert all(known.get(message.rev, message) == message for message in received)
        first = loaded[0].rev if loaded else newest + 1
        assert known.keys() | set(revs) >= set(range(first, revs[-1] + 1)), "no hole"
        assert load is not load_missed or first == seen + 1 or not loaded
        seen = revs[-1]


@pytest.mark.parametrize("kind", ["direct", "group"])
@pytest.mark.parametrize("load", [load_page, load_missed], ids=["a tab loads", "a socket resumes"])
async def test_an_opening_misses_and_doubles_nothing(
    storage: Storage, load: Load, kind: str
) -> None:
    async with talk(storage, kind) as room:
        await asyncio.gather(*(come_and_go(room, load) for _ in range(DEVICES)))
