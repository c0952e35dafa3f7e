"""Connected devices of users at running nodes, without a server, and their presence events."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

from chat_app.accounts.schemas import Identity
from chat_app.models import Block, Friendship, User
from chat_app.node.node import Node
from chat_app.realtime.events import AnyEvent, Presence, decode
from chat_app.realtime.outlet import Outlet
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user

# Short enough to wait for, long enough that a busy machine does not run out of it by accident.
GRACE_S = 0.6
GRACE = timedelta(seconds=GRACE_S)
QUICK = {"CHAT_PRESENCE_GRACE_SECONDS": str(GRACE_S), "CHAT_PRESENCE_TTL_SECONDS": "4"}


class ConnectedDevice:
    """A connected device of a user, which keeps the events it received."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.received: list[AnyEvent] = []

    async def until_presence(self, user_id: UUID, *, online: bool | None) -> Presence:
        """Receive until this presence of a user, and return it; earlier events may come again.

        Later events are not lost: `presence_events` returns them.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in await self.next_events():
                    if not isinstance(event, Presence) or event.user_id != user_id:
                        continue
                    if event.online is online:
                        return event

    def presence_events(self) -> list[Presence]:
        """Return every presence event so far, those still queued included."""
        self.received += [
            event for envelope in self.outlet._queue for event in decode(envelope.body)
        ]
        return [event for event in self.received if isinstance(event, Presence)]

    async def next_events(self) -> list[AnyEvent]:
        """Return the next events, at least one."""
        async with asyncio.timeout(PATIENCE_S):
            events = [
                event for envelope in await self.outlet.take() for event in decode(envelope.body)
            ]
        self.received += events
        return events


@asynccontextmanager
async def device(node: Node, user_id: UUID) -> AsyncIterator[ConnectedDevice]:
    """Yield a connected device of a user at a node."""
    identity = Identity(user_id=user_id, session_id=uuid4())
    async with await node.open_outlet(identity) as outlet:
        yield ConnectedDevice(outlet)


async def until_settled(node: Node) -> None:
    """Wait until a fresh register reports a user offline."""
    someone = uuid4()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await node.online.connect([someone])
            if await node.online.disconnect([someone]):
                return
            await asyncio.sleep(0.1)  # time itself is the condition


async def befriend(node: Node, one: UUID, other: UUID) -> None:
    """Store a friendship of two users."""
    async with node.database.writing() as session:
        session.add(Friendship(user_id=one, friend_id=other))
        session.add(Friendship(user_id=other, friend_id=one))


async def block(node: Node, one: UUID, other: UUID) -> None:
    """Store a block of the second user by the first."""
    async with node.database.writing() as session:
        session.add(Block(blocker_id=one, blocked_id=other))


async def share_presence(node: Node, user_id: UUID, *, shared: bool) -> None:
    """Set whether a user shows their presence."""
    async with node.database.writing() as session:
        user = await session.get_one(User, user_id)
        user.share_presence = shared


def never_left(events: Iterable[Presence]) -> bool:
    """Return whether all events, at least one, say online."""
    return {event.online for event in events} == {True}


async def presence_so_far(node: Node, listener: ConnectedDevice, viewer_id: UUID) -> list[Presence]:
    """Return the presence events of a viewer so far.

    A friend connects and disconnects, so that all earlier events have arrived, if any.
    """
    witness = await new_user(node)
    await befriend(node, viewer_id, witness)
    async with device(node, witness):
        await listener.until_presence(witness, online=True)
    await listener.until_presence(witness, online=False)
    return [event for event in listener.presence_events() if event.user_id != witness]
