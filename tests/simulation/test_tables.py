"""Modelled tables: commits in any order, snapshots, row locks and unique keys, as PostgreSQL's."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from chat_app.core.errors import Overtaken, Unavailable
from simulation.clock import VirtualLoop, virtual_time
from simulation.tables import Tables, Transaction

TALK, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
def tables() -> Iterator[Tables]:
    loop = VirtualLoop()
    with virtual_time(loop, 0):
        yield Tables(loop, "postgresql", {})
    loop.close()


def append(tables: Tables) -> Transaction:
    """Return a transaction that has appended an entry."""
    transaction = tables.begin("node")
    transaction.append("kind", b"", None, datetime(2030, 1, 1, tzinfo=UTC))
    return transaction


def positions(tables: Tables, place: int | str) -> list[int]:
    """Return the positions of the entries that follow a place."""
    return sorted(row.position for row in tables.log_after(place))


def play(tables: Tables, work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in virtual time."""
    tables.loop.run_until_complete(work)


def test_a_late_commit_follows_a_place_behind_later_positions(tables: Tables) -> None:
    early, late = append(tables), append(tables)
    late.commit()
    place = tables.present_place()
    assert positions(tables, place) == []

    early.commit()

    assert positions(tables, place) == [1]
    assert positions(tables, tables.present_place()) == []


def test_what_is_rolled_back_is_never_seen(tables: Tables) -> None:
    place = tables.present_place()
    append(tables).roll_back()
    append(tables).commit()

    assert positions(tables, place) == [2]


def test_a_transaction_alone_sees_its_writes_until_the_commit(tables: Tables) -> None:
    writing, reading = tables.begin("one"), tables.begin("other")
    writing.set_conversation(TALK, id=TALK, direct_key="pair", last_rev=0)

    assert writing.conversation(TALK) is not None
    assert reading.conversation(TALK) is None
    writing.commit()
    assert reading.conversation(TALK) is not None
    assert reading.direct_id("pair") == TALK


def test_a_locked_row_is_waited_for_until_the_end_of_its_transaction(tables: Tables) -> None:
    async def work() -> None:
        first, second = tables.begin("one"), tables.begin("other")
        await tables.lock(first, TALK)
        waiting = asyncio.create_task(tables.lock(second, TALK))
        await asyncio.sleep(1)
        assert not waiting.done()
        first.commit()
        await waiting

    play(tables, work())


def test_a_lock_is_not_waited_for_longer_than_for_an_answer(tables: Tables) -> None:
    async def work() -> None:
        first, second = tables.begin("one"), tables.begin("other")
        await tables.lock(first, TALK)
        with pytest.raises(Unavailable):
            await tables.lock(second, TALK)

    play(tables, work())


def test_one_of_two_that_wait_for_each_other_is_overtaken(tables: Tables) -> None:
    async def work() -> None:
        first, second = tables.begin("one"), tables.begin("other")
        await tables.lock(first, TALK)
        await tables.lock(second, OTHER)
        waiting = asyncio.create_task(tables.lock(first, OTHER))
        await asyncio.sleep(0)
        with pytest.raises(Overtaken):
            await tables.lock(second, TALK)
        second.roll_back()
        await waiting

    play(tables, work())


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_unique_key_is_there_once_its_transaction_is_committed(
    tables: Tables, *, is_committed: bool
) -> None:
    async def work() -> None:
        first, second = tables.begin("one"), tables.begin("other")
        await first.claim("direct_key", "pair")
        first.set_conversation(TALK, id=TALK, direct_key="pair", last_rev=0)
        waiting = asyncio.create_task(second.claim("direct_key", "pair"))
        await asyncio.sleep(1)
        if is_committed:
            first.commit()
            with pytest.raises(IntegrityError):
                await waiting
        else:
            first.roll_back()
            await waiting

    play(tables, work())


def test_connections_that_are_gone_are_rolled_back_but_for_commits(tables: Tables) -> None:
    async def work() -> None:
        lost, committing = append(tables), append(tables)
        committing.is_committing = True
        place = tables.present_place()

        tables.disconnect("node", after_s=1.0)
        await asyncio.sleep(2)
        committing.commit()

        assert lost.ended.is_set()
        assert positions(tables, place) == [2]

    play(tables, work())
