"""Devices of users at running nodes, without a server."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest_asyncio

from chat_app.accounts.schemas import Identity
from chat_app.models import Block, Friendship, User
from chat_app.node.node import Node
from chat_app.realtime.events import AnyEvent, Presence, decode
from chat_app.realtime.outlet import Outlet
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_node

# Short enough to wait for, long enough that a busy machine does not run out of it by accident.
GRACE_S = 0.6
GRACE = timedelta(seconds=GRACE_S)
QUICK = {"CHAT_PRESENCE_GRACE_SECONDS": str(GRACE_S), "CHAT_PRESENCE_TTL_SECONDS": "4"}


class Listener:
    """A device of somebody that keeps what it hears."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.heard: list[AnyEvent] = []

    async def until_told(self, user_id: UUID, *, online: bool | None) -> Presence:
        """Listen until told so about somebody, and return it. What was told before may come again.

        Of what is told later nothing is lost: it is in `told`.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in await self.next_events():
                    if not isinstance(event, Presence) or event.user_id != user_id:
                        continue
                    if event.online is online:
                        return event

    def told(self) -> list[Presence]:
        """Return all that was told of anybody's presence, what is still queued included."""
        self.heard += [decode(envelope.body) for envelope in self.outlet._queue]
        return [event for event in self.heard if isinstance(event, Presence)]

    async def next_events(self) -> list[AnyEvent]:
        """Return what comes next, at least one event."""
        async with asyncio.timeout(PATIENCE_S):
            events = [decode(envelope.body) for envelope in await self.outlet.take()]
        self.heard += events
        return events


@asynccontextmanager
async def device(node: Node, user_id: UUID) -> AsyncIterator[Listener]:
    """Give a device of somebody at a node."""
    identity = Identity(user_id=user_id, session_id=uuid4())
    async with await node.open_outlet(identity) as outlet:
        yield Listener(outlet)


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Give a node with a short grace."""
    async with open_node(storage, **QUICK) as node:
        await until_settled(node)
        yield node


@pytest_asyncio.fixture
async def devices() -> AsyncIterator[AsyncExitStack]:
    """Give a stack that closes the devices at the end."""
    async with AsyncExitStack() as stack:
        yield stack


async def until_settled(node: Node) -> None:
    """Wait until a fresh register believes in absence."""
    someone = uuid4()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await node.online.connect([someone])
            if await node.online.disconnect([someone]):
                return
            await asyncio.sleep(0.1)  # time itself is the condition


async def befriend(node: Node, one: UUID, other: UUID) -> None:
    """Make two people friends."""
    async with node.database.writing() as session:
        session.add(Friendship(user_id=one, friend_id=other))
        session.add(Friendship(user_id=other, friend_id=one))


async def block(node: Node, one: UUID, other: UUID) -> None:
    """Have one person block another."""
    async with node.database.writing() as session:
        session.add(Block(blocker_id=one, blocked_id=other))


async def share_presence(node: Node, user_id: UUID, *, shared: bool) -> None:
    """Have somebody show or hide their presence."""
    async with node.database.writing() as session:
        user = await session.get_one(User, user_id)
        user.share_presence = shared


def never_left(told: Iterable[Presence]) -> bool:
    """Whether somebody was told to be there, perhaps again and again, and never to be gone."""
    return {event.online for event in told} == {True}


async def told_by_now(node: Node, listener: Listener, viewer_id: UUID) -> list[Presence]:
    """Return what a viewer was told of others: a friend comes and goes, and is heard of after it.

    So whoever left before has been told of by then, if at all.
    """
    witness = await new_user(node)
    await befriend(node, viewer_id, witness)
    async with device(node, witness):
        await listener.until_told(witness, online=True)
    await listener.until_told(witness, online=False)
    return [event for event in listener.told() if event.user_id != witness]
