"""Read marks: merged and stored together, published once, and never back for the others."""

import asyncio
import contextlib
import time
from uuid import UUID

from sqlalchemy import delete

from chat_app.conversations.read_marks import INTERVAL_S
from chat_app.models import Block
from chat_app.node.node import Node
from chat_app.realtime.events import ConversationRead, decode
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.connected import block, device
from tests.harness.nodes import open_node, to_conversation
from tests.harness.rooms import direct_at, group_at, room_of
from tests.harness.statements import statements


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
            # The push sender looks beside them who gets the messages that came before.
            of_marks = [text for text in asked if "push_subscription" not in text]
            assert len([text for text in of_marks if "last_read_seq" in text]) == 2

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
