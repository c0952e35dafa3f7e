"""Read marks that are refused, cancelled or waiting, and those beside them, which are stored."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update
from sqlmodel import col

from chat_app.conversations import read_marks
from chat_app.conversations.errors import ConversationNotFound
from chat_app.core.errors import RateLimited, Unavailable
from chat_app.models import Member
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.faults import locked_file, locked_tables
from tests.harness.nodes import new_user, open_node
from tests.harness.rooms import Room, group_at, room_of


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
