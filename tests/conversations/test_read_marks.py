"""Read marks: merged and stored together, published once, and never back for the others."""

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col

from chat_app.conversations import read_marks
from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.read_marks import INTERVAL_S
from chat_app.core.errors import RateLimited, Unavailable
from chat_app.models import Block, Member
from chat_app.node.node import Node
from chat_app.realtime.events import ConversationRead, decode
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.connected import ConnectedDevice, block, device
from tests.harness.faults import locked_file, locked_tables
from tests.harness.nodes import new_user, open_node, to_conversation
from tests.harness.statements import statements

MESSAGES = 10


@dataclass(frozen=True)
class Room:
    """A conversation at a node; the first of its people has written its messages."""

    node: Node
    people: Sequence[UUID]
    id: UUID

    async def write(self, sender: UUID, count: int = 1) -> int:
        """Store messages; return the end of the conversation."""
        sends = [to_conversation(sender, self.id) for _ in range(count)]
        return max([(await self.node.messages.send(one)).message.seq for one in sends])

    async def read(self, reader: UUID, seq: int) -> None:
        """Mark messages as read."""
        await self.node.conversations.mark_read(actor_id=reader, conversation_id=self.id, seq=seq)

    async def submit(self, reader: UUID, seq: int) -> "asyncio.Future[None]":
        """Queue a mark; without limits this is done before another task runs."""
        return await self.node.conversations.submit_mark(
            actor_id=reader, conversation_id=self.id, seq=seq
        )

    async def unread(self, reader: UUID, seq: int) -> None:
        """Mark messages as unread."""
        await self.node.conversations.mark_unread(actor_id=reader, conversation_id=self.id, seq=seq)

    async def stored(self, reader: UUID) -> tuple[int, int]:
        """Return a member's own mark, and the one that the others see."""
        async with self.node.database.reading() as session:
            row = await session.execute(
                select(col(Member.last_read_seq), col(Member.read_seq)).where(
                    col(Member.conversation_id) == self.id, col(Member.user_id) == reader
                )
            )
        own, shown = row.one()
        return own, shown

    async def received(self, listener: ConnectedDevice) -> list[tuple[UUID, int]]:
        """Return the marks that a device has received so far, by the order of the log.

        The last of the people marks everything as read, and that mark is waited for.
        """
        last = ConversationRead(
            conversation_id=self.id,
            user_id=self.people[-1],
            seq=await self.write(self.people[0]),
        )
        await self.read(last.user_id, last.seq)
        while last not in listener.received:
            await listener.next_events()
        marks = [event for event in listener.received if isinstance(event, ConversationRead)]
        return [(mark.user_id, mark.seq) for mark in marks if mark.user_id != last.user_id]


@contextlib.asynccontextmanager
async def room_of(
    storage: Storage, people: int, *, messages: int = MESSAGES
) -> AsyncIterator[Room]:
    """Yield a group at a node."""
    async with open_node(storage) as node:
        yield await group_at(node, people, messages)


async def group_at(node: Node, people: int, messages: int = MESSAGES) -> Room:
    """Create a group with messages."""
    ids = [await new_user(node) for _ in range(people)]
    group = await node.conversations.create_group(actor_id=ids[0], title="room", member_ids=ids)
    room = Room(node, ids, group)
    await room.write(ids[0], messages)
    return room


async def direct_at(node: Node) -> Room:
    """Open a direct conversation with messages."""
    ids = [await new_user(node) for _ in range(2)]
    opened = await node.conversations.open_direct(actor_id=ids[0], user_id=ids[1])
    room = Room(node, ids, opened.conversation.id)
    await room.write(ids[0], MESSAGES)
    return room


def transactions(node: Node) -> int:
    """Return how many transactions of read marks there were."""
    histogram = node.metrics.histogram("chat_read_batch_marks", "")
    return sum(histogram.counts)


async def test_a_mark_is_stored_and_published(storage: Storage) -> None:
    async with room_of(storage, 3) as room:
        alice, bob, _ = room.people
        async with device(room.node, alice) as theirs, device(room.node, bob) as own:
            await room.read(bob, 4)

            assert await room.stored(bob) == (4, 4)
            for listener in (theirs, own):
                assert await room.received(listener) == [(bob, 4)]


async def test_waiting_marks_of_a_reader_are_merged_into_the_furthest(storage: Storage) -> None:
    async with room_of(storage, 3) as room:
        alice, bob, _ = room.people
        async with device(room.node, alice) as theirs:
            before = transactions(room.node)
            await asyncio.gather(*(room.read(bob, seq) for seq in (2, 7, 1, 5)))

            assert await room.stored(bob) == (7, 7)
            assert transactions(room.node) == before + 1
            assert await room.received(theirs) == [(bob, 7)]


async def test_marks_of_a_group_are_two_statements_and_few_frames(storage: Storage) -> None:
    async with room_of(storage, 120, messages=3) as room:
        alice, *others = room.people
        readers = others[:110]
        async with device(room.node, alice) as theirs:
            with statements() as asked:
                await asyncio.gather(*(room.read(reader, 2) for reader in readers))
            assert len([text for text in asked if "last_read_seq" in text]) == 2

            frames: list[int] = []
            async with asyncio.timeout(PATIENCE_S):
                while sum(frames) < len(readers):
                    events = [decode(one.body) for one in await theirs.outlet.take()]
                    frames += [
                        len(some) for some in events if isinstance(some[0], ConversationRead)
                    ]
            assert frames == [50, 50, 10]
        assert {await room.stored(reader) for reader in readers} == {(2, 2)}


async def test_marks_begin_no_more_transactions_than_the_interval_allows(storage: Storage) -> None:
    async with room_of(storage, 20, messages=30) as room:
        before, started = transactions(room.node), time.monotonic()

        async def read_all(reader: UUID) -> None:
            for seq in range(1, 31):
                await room.read(reader, seq)

        await asyncio.gather(*(read_all(reader) for reader in room.people[1:]))

        elapsed_s = time.monotonic() - started
        assert transactions(room.node) - before <= elapsed_s / INTERVAL_S + 1


async def test_a_mark_past_the_end_ends_at_the_end(storage: Storage) -> None:
    async with room_of(storage, 3) as room:
        alice, bob, _ = room.people
        async with device(room.node, alice) as theirs:
            await room.read(bob, 2**63 - 1)

            assert await room.stored(bob) == (10, 10)
            assert await room.received(theirs) == [(bob, 10)]


async def test_a_mark_that_is_no_further_changes_and_publishes_nothing(storage: Storage) -> None:
    async with room_of(storage, 3) as room:
        alice, bob, _ = room.people
        async with device(room.node, alice) as theirs:
            for seq in (6, 6, 3, 0):
                await room.read(bob, seq)

            assert await room.stored(bob) == (6, 6)
            assert await room.received(theirs) == [(bob, 6)]


async def test_a_mark_behind_an_earlier_one_is_published_to_own_devices_alone(
    storage: Storage,
) -> None:
    async with room_of(storage, 3) as room:
        alice, bob, _ = room.people
        async with device(room.node, alice) as theirs, device(room.node, bob) as own:
            await room.read(bob, 10)
            await room.unread(bob, 3)
            await room.read(bob, 5)

            assert await room.stored(bob) == (5, 10)
            assert await room.received(theirs) == [(bob, 10)]
            assert await room.received(own) == [(bob, 10), (bob, 5)]


async def test_a_mark_across_a_block_is_for_own_devices_alone(storage: Storage) -> None:
    async with open_node(storage) as node:
        room = await direct_at(node)
        alice, bob = room.people
        async with device(node, alice) as theirs, device(node, bob) as own:
            await block(node, alice, bob)
            await room.read(bob, 4)
            assert await room.stored(bob) == (4, 0)

            async with node.database.writing() as session:
                await session.execute(delete(Block))
            await room.read(bob, 6)
            assert await room.stored(bob) == (6, 6)

            last = ConversationRead(conversation_id=room.id, user_id=bob, seq=6)
            for listener, expected in ((theirs, [6]), (own, [4, 6])):
                while last not in listener.received:
                    await listener.next_events()
                events = [e for e in listener.received if isinstance(e, ConversationRead)]
                assert [event.seq for event in events] == expected


async def test_a_stranger_is_refused_and_the_marks_beside_are_stored(storage: Storage) -> None:
    async with room_of(storage, 3) as room:
        _, bob, carol = room.people
        stranger = await new_user(room.node)
        outcomes = await asyncio.gather(
            room.read(bob, 3), room.read(stranger, 3), room.read(carol, 4), return_exceptions=True
        )

        assert [type(outcome) for outcome in outcomes] == [
            type(None),
            ConversationNotFound,
            type(None),
        ]
        assert (await room.stored(bob), await room.stored(carol)) == ((3, 3), (4, 4))


async def test_marks_beyond_a_full_queue_are_refused(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_marks, "MAX_WAITING", 3)
    async with room_of(storage, 3) as room:
        bob = room.people[1]
        outcomes = await asyncio.gather(
            *(room.read(bob, seq) for seq in range(1, 6)), return_exceptions=True
        )

        assert [isinstance(one, Unavailable) for one in outcomes] == [False] * 3 + [True] * 2
        assert await room.stored(bob) == (3, 3)


async def test_a_cancelled_mark_is_not_stored(storage: Storage) -> None:
    async with room_of(storage, 3) as room:
        _, bob, carol = room.people
        (await room.submit(bob, 9)).cancel()
        (await room.submit(carol, 8)).cancel()
        await room.read(carol, 4)

        assert (await room.stored(bob), await room.stored(carol)) == ((0, 0), (4, 4))


@contextlib.asynccontextmanager
async def locked_members(storage: Storage) -> AsyncIterator[None]:
    """Hold the members' table, or the whole of an embedded database."""
    if storage.database_url:
        async with locked_tables(storage.database_url, "member"):
            yield
    else:
        with locked_file(storage.folder):
            yield


async def test_marks_are_refused_while_the_database_is_away_and_stored_when_it_is_back(
    storage: Storage,
) -> None:
    async with room_of(storage, 12) as room:
        readers = room.people[1:11]
        async with locked_members(storage):
            first = [await room.submit(reader, 5) for reader in readers[:5]]
            await asyncio.sleep(0)  # taken
            behind = [await room.submit(reader, 5) for reader in readers[5:]]
            async with asyncio.timeout(PATIENCE_S):
                outcomes = await asyncio.gather(*first, *behind, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {Unavailable}
        assert {await room.stored(reader) for reader in readers} == {(0, 0)}

        await asyncio.gather(*(room.read(reader, 6) for reader in readers))
        assert {await room.stored(reader) for reader in readers} == {(6, 6)}


async def test_waiting_marks_are_stored_before_the_node_ends(storage: Storage) -> None:
    async with room_of(storage, 12) as room:
        marks = [await room.submit(reader, 5) for reader in room.people[1:]]
    await asyncio.gather(*marks)
    with pytest.raises(Unavailable):
        await room.read(room.people[1], 6)

    async with open_node(storage) as node:
        again = Room(node, room.people, room.id)
        assert {await again.stored(reader) for reader in room.people[1:]} == {(5, 5)}


async def test_a_locked_member_holds_up_no_other(storage: Storage) -> None:
    if not storage.database_url:
        return  # an embedded database has one writer
    async with room_of(storage, 5) as room:
        _, bob, carol, *_ = room.people
        async with room.node.database.writing() as session:
            await session.execute(
                update(Member).where(col(Member.user_id) == bob).values(last_read_seq=7, read_seq=7)
            )
            waiting, lower = await room.submit(bob, 9), await room.submit(carol, 3)
            async with asyncio.timeout(PATIENCE_S):
                await lower
            assert not waiting.done()
        await waiting

        assert (await room.stored(bob), await room.stored(carol)) == ((9, 9), (3, 3))


async def test_marks_and_sends_wait_for_each_other_in_one_order(storage: Storage) -> None:
    """Both lock several members at once; a deadlock would take a second."""
    nodes = 2 if storage.database_url else 1
    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_node(storage)) for _ in range(nodes)]
        rooms = [await group_at(opened[0], 6) for _ in range(4)]
        ends: list[int] = []
        for _ in range(4):
            ends = [await room.write(room.people[0]) for room in rooms]
            work = [
                act
                for node in opened
                for room, end in zip(rooms, ends, strict=True)
                for who in room.people
                for act in (
                    node.messages.send(to_conversation(who, room.id)),
                    node.conversations.mark_read(actor_id=who, conversation_id=room.id, seq=end),
                )
            ]
            await asyncio.gather(*work)
        for room, end in zip(rooms, ends, strict=True):
            for who in room.people:
                own, shown = await room.stored(who)
                assert own == shown >= end


async def test_marks_of_a_user_are_limited(storage: Storage) -> None:
    settings = {
        "CHAT_LIMITS": "on",
        "CHAT_LIMIT_READ_MARK_BURST": "3",
        "CHAT_LIMIT_READ_MARKS_PER_SECOND": "0.01",
        "CHAT_LIMIT_UNREAD_MARK_BURST": "2",
        "CHAT_LIMIT_UNREAD_MARKS_PER_SECOND": "0.01",
    }
    async with open_node(storage, **settings) as node:
        room = await group_at(node, 3)
        _, bob, carol = room.people
        for seq in (1, 2, 3):
            await room.read(bob, seq)
        with pytest.raises(RateLimited):
            await room.read(bob, 4)
        for seq in (3, 2):
            await room.unread(bob, seq)
        with pytest.raises(RateLimited):
            await room.unread(bob, 1)

        assert await room.stored(bob) == (1, 3)
        await room.read(carol, 5)
        await room.unread(carol, 5)


async def test_a_failed_transaction_refuses_its_marks_and_the_next_ones_are_stored(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_of(storage, 3) as room:
        bob = room.people[1]
        with monkeypatch.context() as patch:
            patch.setattr(read_marks, "_envelopes", None)
            with pytest.raises(Unavailable):
                await room.read(bob, 4)
        await room.read(bob, 5)

        assert await room.stored(bob) == (5, 5)


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
