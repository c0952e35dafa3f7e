"""Read marks after random days: what a simple model says is stored and received."""

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import delete

from chat_app.models import Block
from chat_app.realtime.events import ConversationRead
from tests.harness.chats import Storage
from tests.harness.connected import ConnectedDevice, block, device
from tests.harness.nodes import open_node
from tests.harness.rooms import MESSAGES, Room, direct_at, group_at


@dataclass
class Model:
    """The marks of the members of one conversation, as they must be."""

    own: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    shown: dict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    last: int = 0
    # And whether for all or for the reader alone.
    published: list[tuple[UUID, int, bool]] = field(default_factory=list)

    def send(self, who: UUID) -> None:
        """Count a message, which its sender has read."""
        self.last += 1
        self.own[who] = self.shown[who] = self.last

    def read(self, who: UUID, seq: int, *, is_blocked: bool) -> None:
        """Move a mark forward."""
        seq = min(seq, self.last)
        if seq <= self.own[who]:
            return
        self.own[who] = seq
        is_news = not is_blocked and seq > self.shown[who]
        if is_news:
            self.shown[who] = seq
        self.published.append((who, seq, is_news))

    def expected(self, viewer: UUID, reader: UUID) -> list[int]:
        """Return the marks of a reader that a viewer's device receives."""
        return [
            seq
            for who, seq, is_for_all in self.published
            if who == reader and (is_for_all or viewer == reader)
        ]


class Day:
    """Random deeds of the members of a conversation, beside the model of their marks."""

    def __init__(self, room: Room, devices: Sequence[ConnectedDevice], dice: random.Random) -> None:
        self._room = room
        self._devices = devices
        self._dice = dice
        self._model = Model()
        self._is_blocked = False
        for _ in range(MESSAGES):
            self._model.send(room.people[0])

    async def send(self) -> None:
        """Send a message, unless a block stands between the two."""
        if not self._is_blocked:
            who = self._dice.choice(self._room.people)
            await self._room.write(who)
            self._model.send(who)

    async def mark(self) -> None:
        """Mark messages as read, several at one moment."""
        people, last = self._room.people, self._model.last
        marks = [(self._dice.choice(people), self._dice.randint(0, last + 2)) for _ in range(6)]
        await asyncio.gather(*(self._room.read(*mark) for mark in marks))
        for reader in people:
            furthest = max((seq for one, seq in marks if one == reader), default=0)
            self._model.read(reader, furthest, is_blocked=self._is_blocked)

    async def mark_unread(self) -> None:
        """Mark messages as unread."""
        who = self._dice.choice(self._room.people)
        seq = self._dice.randint(1, self._model.last)
        await self._room.unread(who, seq)
        self._model.own[who] = seq - 1

    async def block_or_unblock(self) -> None:
        """Make a block between the two of a direct conversation, or remove it."""
        one, other, *others = self._room.people
        if others:
            return
        if self._is_blocked:
            async with self._room.node.database.writing() as session:
                await session.execute(delete(Block))
        else:
            await block(self._room.node, other, one)
        self._is_blocked = not self._is_blocked

    async def check_stored(self) -> None:
        """Compare what is stored with the model."""
        for reader in self._room.people:
            expected = self._model.own[reader], self._model.shown[reader]
            assert await self._room.stored(reader) == expected

    async def check_received(self) -> None:
        """Compare what every device receives with the model."""
        people = self._room.people
        for viewer, listener in zip(people, self._devices, strict=True):
            for reader in people:
                expected = self._model.expected(viewer, reader)
                while len(marks := self._marks(listener, reader)) < len(expected):
                    await listener.next_events()
                assert marks == expected

    def _marks(self, listener: ConnectedDevice, reader: UUID) -> list[int]:
        events = [event for event in listener.received if isinstance(event, ConversationRead)]
        return [event.seq for event in events if event.user_id == reader]


@pytest.mark.parametrize("kind", ["direct", "group"])
async def test_marks_are_those_of_a_simple_model_after_random_days(
    storage: Storage, kind: str
) -> None:
    async with open_node(storage) as node, contextlib.AsyncExitStack() as stack:
        for seed in range(3):
            dice = random.Random(seed)  # noqa: S311  # a reproducible day, not a secret
            room = await (direct_at(node) if kind == "direct" else group_at(node, 4))
            devices = [await stack.enter_async_context(device(node, who)) for who in room.people]
            day = Day(room, devices, dice)
            deeds = [day.send, day.mark, day.mark, day.mark, day.mark_unread, day.block_or_unblock]
            for _ in range(40):
                await dice.choice(deeds)()
                await day.check_stored()
            await day.check_received()
