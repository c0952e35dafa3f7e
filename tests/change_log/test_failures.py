"""Failures of a node and of its database: the tail of the change log delivers all the same."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from chat_app.accounts.schemas import Identity
from chat_app.change_log.store import (
    MESSAGES,
    PUBLISHED,
    NewEntry,
    Publication,
    append,
    published,
)
from chat_app.core import supervisor
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.core.ids import new_id
from chat_app.messages.publishing import MessagePublisher
from chat_app.realtime.events import (
    Envelope,
    MessageCreated,
    user_topic,
)
from tests.harness.chats import Storage
from tests.harness.far_apart import created_in, far_apart, heard, nothing_more
from tests.harness.nodes import new_user, open_node, to_user


async def test_an_unacknowledged_message_is_left_to_the_log_writer(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sending socket gets the ack and no event; all others get the event, the own ones too."""
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.tail.close()
        mine = await node.open_outlet(Identity(alice, new_id()))
        another = await node.open_outlet(Identity(alice, new_id()))
        await node.messages.send(to_user(alice, bob, "the first, which introduces"))
        for device in (mine, another):
            await heard(device, 2)
        stored, may_go_on = asyncio.Event(), asyncio.Event()
        transact = node.database.transact

        async def transact_and_wait(work: Any) -> Any:  # noqa: ANN401  # whatever it returns
            outcome = await transact(work)
            stored.set()
            await may_go_on.wait()
            return outcome

        with monkeypatch.context() as patch:
            patch.setattr(node.database, "transact", transact_and_wait)
            message = to_user(alice, bob)._replace(origin=mine.id)
            sending = asyncio.create_task(node.messages.send(message))
            await stored.wait()
            reading = asyncio.create_task(node.tail.read())
            await asyncio.sleep(0.2)  # time enough to deliver it, were it not the writer's
            assert created_in(another) == []
            may_go_on.set()
            sent = await sending

        assert await heard(another, 1) == [MessageCreated(message=sent.message)]
        assert await reading == 0
        assert created_in(mine) == []


async def test_a_commit_whose_answer_was_lost_is_delivered(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender is told that nothing was stored; the same `client_id` gets the stored message."""
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob, "the first, which introduces"))
        device = await node.open_outlet(Identity(bob, new_id()))
        transact = node.database.transact

        async def lose_the_answer(work: Any) -> Any:  # noqa: ANN401  # whatever it returns
            await transact(work)
            raise Unavailable

        message = to_user(alice, bob, "stored all the same", key="lost")
        with monkeypatch.context() as patch:
            patch.setattr(node.database, "transact", lose_the_answer)
            with pytest.raises(Unavailable):
                await node.messages.send(message)

        (created,) = await heard(device, 1)
        again = await node.messages.send(message)

        assert created == MessageCreated(message=again.message)
        assert again.replayed


async def test_messages_whose_publishing_failed_are_delivered_by_the_tail(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        device = await node.open_outlet(Identity(bob, new_id()))
        failures = iter([RuntimeError("a mistake"), Unavailable()])
        deliver = MessagePublisher._deliver

        def fail(publisher: MessagePublisher, delivery: Any) -> None:  # noqa: ANN401  # passed on
            if (failure := next(failures, None)) is not None:
                raise failure
            deliver(publisher, delivery)

        monkeypatch.setattr(MessagePublisher, "_deliver", fail)
        sent = [(await node.messages.send(to_user(alice, bob, text))).message for text in "ab"]

        created = [one for one in await heard(device, 3) if isinstance(one, MessageCreated)]
        assert [one.message for one in created] == sent


async def test_entries_of_a_later_version_are_skipped(storage: Storage) -> None:
    async with far_apart(storage) as far:
        await far.here.messages.send(to_user(far.alice, far.bob, "one"))
        await heard(far.device, 2)
        later = [
            NewEntry("of tomorrow", b"?"),
            NewEntry(PUBLISHED, b"\xc1"),
            NewEntry(MESSAGES, b"\xc1"),
        ]
        await far.here.database.transact(lambda connection: append(connection, later))

        sent = await far.here.messages.send(to_user(far.alice, far.bob, "two"))

        assert await heard(far.device, 1) == [MessageCreated(message=sent.message)]


async def test_a_reader_that_fails_is_tried_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with far_apart(storage) as far:
        await far.here.messages.send(to_user(far.alice, far.bob, "one"))
        await heard(far.device, 2)
        fetch_all, failures = far.there.database.fetch_all, iter([Unavailable()] * 3)

        async def fail(*arguments: Any) -> Any:  # noqa: ANN401  # passed on
            if (failure := next(failures, None)) is not None:
                raise failure
            return await fetch_all(*arguments)

        monkeypatch.setattr(far.there.database, "fetch_all", fail)
        sent = await far.here.messages.send(to_user(far.alice, far.bob, "two"))

        assert await heard(far.device, 1) == [MessageCreated(message=sent.message)]
        await nothing_more(far)


async def test_commits_out_of_order_are_delivered_once_and_a_rolled_back_one_never(
    storage: Storage,
) -> None:
    """On PostgreSQL, where several write at once: the later one does not wait for the earlier."""
    if not storage.database_url:
        return
    async with open_node(storage) as node:
        bob = await new_user(node)
        device = await node.open_outlet(Identity(bob, new_id()))
        await node.tail.close()

        def entry(name: str) -> NewEntry:
            return published([Publication([user_topic(bob)], Envelope(name.encode()))])

        async def delivered() -> list[bytes]:
            await node.tail.read()
            return [envelope.body for envelope in await device.take()] if device.queued else []

        async with contextlib.AsyncExitStack() as slow:
            early = await slow.enter_async_context(node.database.transaction())
            await early.run_sync(append, [entry("early")])
            with contextlib.suppress(Unavailable):
                async with node.database.transaction() as undone:
                    await undone.run_sync(append, [entry("undone")])
                    raise Unavailable
            async with node.database.transaction() as late:
                await late.run_sync(append, [entry("late")])

            assert await delivered() == [b"late"]
            assert await delivered() == []
        assert await delivered() == [b"early"]
        assert await delivered() == []


async def test_an_outlet_opens_only_once_the_node_has_a_place_in_the_log(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would miss what is published before that; the database may be away at the start."""
    alone = replace(storage, redis_url="")
    async with open_node(alone) as here:
        alice, bob = await new_user(here), await new_user(here)
        with monkeypatch.context() as patch:
            patch.setattr(Database, "fetch_all", AsyncMock(side_effect=Unavailable))
            patch.setattr(supervisor, "FIRST_PAUSE_S", 5.0)
            async with open_node(alone) as there:
                with pytest.raises(Unavailable):
                    await there.open_outlet(Identity(bob, new_id()))
                patch.undo()
                device = await there.open_outlet(Identity(bob, new_id()))
                sent = await here.messages.send(to_user(alice, bob))

                _, created = await heard(device, 2)

                assert created == MessageCreated(message=sent.message)
