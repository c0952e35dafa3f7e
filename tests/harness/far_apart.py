"""Two nodes on one database without a broker between them: nothing wakes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from chat_app.accounts.schemas import Identity
from chat_app.core.ids import new_id
from chat_app.node.node import Node
from chat_app.realtime.events import (
    AnyEvent,
    ConversationUpdated,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    decode,
)
from chat_app.realtime.outlet import Outlet
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node

TOLD_WITHIN_S = 2.0
# The machine of the tests may be busy with other things; the design is measured elsewhere.
PATIENCE_S = 10 * TOLD_WITHIN_S


class Far(NamedTuple):
    """Two people, each at a node of their own, and the device of the second."""

    here: Node
    there: Node
    alice: UUID
    bob: UUID
    device: Outlet


@asynccontextmanager
async def far_apart(storage: Storage) -> AsyncIterator[Far]:
    """Yield a user at each of two nodes on one database."""
    alone = replace(storage, redis_url="")
    async with open_node(alone) as here, open_node(alone) as there:
        alice, bob = await new_user(here), await new_user(here)
        device = await there.open_outlet(Identity(bob, new_id()))
        yield Far(here, there, alice, bob, device)


async def heard(outlet: Outlet, count: int) -> list[AnyEvent]:
    """Return the next `count` events about messages and conversations."""
    events: list[AnyEvent] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(events) < count:
            for envelope in await outlet.take():
                kinds = MessageCreated | MessageUpdated | MessageDeleted | ConversationUpdated
                events += [e for e in decode(envelope.body) if isinstance(e, kinds)]
    return events


def created_in(outlet: Outlet) -> list[AnyEvent]:
    """Return the news of messages that waits in an outlet."""
    events = [event for envelope in outlet._queue for event in decode(envelope.body)]
    return [event for event in events if isinstance(event, MessageCreated)]


async def nothing_more(far: Far) -> None:
    """See that nothing follows what was delivered."""
    await far.there.tail.close()
    assert await far.there.tail.read() == 0
