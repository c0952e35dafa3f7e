"""The tail of the change log: every node delivers what others commit, in two seconds, once.

Most tests run two nodes on one database without a broker between them: nothing wakes them.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import AsyncMock
from uuid import UUID

import pytest
from sqlalchemy import delete, text

from chat_app.accounts.schemas import Identity
from chat_app.change_log import tail
from chat_app.change_log.store import (
    MESSAGES,
    PUBLISHED,
    NewEntry,
    Publication,
    append,
    published,
)
from chat_app.core import clock, supervisor
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.core.ids import new_id
from chat_app.core.maintenance import Maintenance
from chat_app.messages.log.writer import Committed
from chat_app.messages.publishing import MessagePublisher
from chat_app.models import Change
from chat_app.node.node import Node
from chat_app.node.parts import JOBS
from chat_app.realtime.events import (
    AnyEvent,
    ConversationUpdated,
    Envelope,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    decode,
    user_topic,
)
from chat_app.realtime.outlet import Outlet
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_conversation, to_user

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


def revs_of(events: list[AnyEvent]) -> list[int]:
    """Return the revisions that events about messages tell of."""
    kinds = MessageCreated | MessageUpdated | MessageDeleted
    return [event.message.rev for event in events if isinstance(event, kinds)]


async def nothing_more(far: Far) -> None:
    """See that nothing follows what was delivered."""
    await far.there.tail.close()
    assert await far.there.tail.read() == 0


async def test_a_message_of_another_node_arrives_after_its_conversation(storage: Storage) -> None:
    async with far_apart(storage) as far:
        sent = await far.here.messages.send(to_user(far.alice, far.bob))

        introduced, created = await heard(far.device, 2)

        assert isinstance(introduced, ConversationUpdated)
        assert introduced.conversation.unread == 1
        assert created == MessageCreated(message=sent.message)
        await nothing_more(far)


async def test_changes_of_another_node_arrive_in_order(storage: Storage) -> None:
    async with far_apart(storage) as far:
        first = await far.here.messages.send(to_user(far.alice, far.bob, "one"))
        await heard(far.device, 2)
        second = await far.here.messages.send(to_user(far.alice, far.bob, "two"))
        edited = await far.here.messages.edit(
            actor_id=far.alice, message_id=first.message.id, content="edited"
        )
        third = await far.here.messages.send(to_user(far.alice, far.bob, "three"))
        deleted = await far.here.messages.delete(actor_id=far.alice, message_id=second.message.id)

        revs: list[int] = []
        while deleted.rev not in revs:
            revs += revs_of(await heard(far.device, 1))
        # The node may read between two of them, and then finds the second message undeleted.
        early = {second.message.rev}
        assert [rev for rev in revs if rev not in early] == [
            edited.rev,
            third.message.rev,
            deleted.rev,
        ]
        await nothing_more(far)


async def test_a_node_does_not_deliver_its_own_messages_again(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.tail.close()
        async with await node.open_outlet(Identity(bob, new_id())):
            for text in ("one", "two", "three"):
                await node.messages.send(to_user(alice, bob, text))

            assert await node.tail.read() == 0


async def test_a_message_of_another_node_arrives_after_later_ones_of_its_own(
    storage: Storage,
) -> None:
    async with far_apart(storage) as far:
        await far.here.messages.send(to_user(far.alice, far.bob, "one"))
        await heard(far.device, 2)
        other = await far.here.messages.send(to_user(far.alice, far.bob, "of the other"))
        own = await far.there.messages.send(to_user(far.bob, far.alice, "its own"))

        revs = revs_of(await heard(far.device, 2))

        assert sorted(revs) == [other.message.rev, own.message.rev]
        await nothing_more(far)


async def test_the_tail_delivers_to_members_only(storage: Storage) -> None:
    async with far_apart(storage) as far:
        stranger = await new_user(far.here)
        device = await far.there.open_outlet(Identity(stranger, new_id()))
        await far.here.messages.send(to_user(far.alice, far.bob))
        await heard(far.device, 2)

        device.close_after_queue(1012, "the test is over")
        with pytest.raises(Exception, match="over"):
            await device.take()


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


def created_in(outlet: Outlet) -> list[AnyEvent]:
    """Return the news of messages that waits in an outlet."""
    events = [event for envelope in outlet._queue for event in decode(envelope.body)]
    return [event for event in events if isinstance(event, MessageCreated)]


async def test_groups_are_delivered_too(storage: Storage) -> None:
    async with far_apart(storage) as far:
        group = await far.here.conversations.create_group(
            actor_id=far.alice, title="group", member_ids=[far.bob]
        )
        await heard(far.device, 1)
        sent = await far.here.messages.send(to_conversation(far.alice, group))

        assert await heard(far.device, 1) == [MessageCreated(message=sent.message)]


async def test_the_first_message_of_a_group_reaches_members_who_were_there(
    storage: Storage,
) -> None:
    """Its node has not read of the group yet, which another node made."""
    async with far_apart(storage) as far:
        await far.there.tail.close()
        carol = await new_user(far.there)
        for sender, node in ((far.alice, far.here), (carol, far.there)):
            group = await far.here.conversations.create_group(
                actor_id=sender, title="group", member_ids=[far.bob]
            )
            sent = await node.messages.send(to_conversation(sender, group))

            await far.there.tail.read()

            introduced, created = await heard(far.device, 2)
            assert isinstance(introduced, ConversationUpdated)
            assert created == MessageCreated(message=sent.message)


async def test_a_group_message_reaches_members_who_join_while_its_batch_introduces_others(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node reads of the group between publishing the message and the end of its batch."""
    introduce = MessagePublisher.introduce
    async with far_apart(storage) as far:
        await far.there.tail.close()
        group = await far.here.conversations.create_group(
            actor_id=far.alice, title="group", member_ids=[far.bob]
        )
        carol = await new_user(far.there)
        # From now on the writer knows the group, and takes it together with others.
        first = await far.there.messages.send(to_conversation(far.alice, group))
        reading: list[asyncio.Task[int]] = []

        async def introduce_late(
            publisher: MessagePublisher, unintroduced: Sequence[Committed]
        ) -> None:
            reading.append(asyncio.create_task(far.there.tail.read()))
            async with asyncio.timeout(PATIENCE_S):
                while f"conversation:{group.hex}" not in far.device.topics:
                    await asyncio.sleep(0.01)
            await introduce(publisher, unintroduced)

        monkeypatch.setattr(MessagePublisher, "introduce", introduce_late)
        second, _ = await asyncio.gather(
            far.there.messages.send(to_conversation(far.alice, group)),
            far.there.messages.send(to_user(far.alice, carol)),
        )

        await reading[0]
        introduced, *created = await heard(far.device, 3)

        assert isinstance(introduced, ConversationUpdated)
        assert created == [MessageCreated(message=one.message) for one in (first, second)]


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


async def test_a_node_that_is_too_far_behind_lets_its_devices_resume(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MAX_BEHIND", 3)
    async with far_apart(storage) as far:
        await far.there.tail.close()
        for text in ("one", "two", "three", "four"):
            await far.here.messages.send(to_user(far.alice, far.bob, text))

        assert await far.there.tail.read() == 0

        assert far.device.is_too_slow
        sent = await far.here.messages.send(to_user(far.alice, far.bob, "five"))
        device = await far.there.open_outlet(Identity(far.bob, new_id()))
        assert await far.there.tail.read() == 1
        assert await heard(device, 1) == [MessageCreated(message=sent.message)]


async def test_a_log_that_was_emptied_by_hand_makes_devices_resume(storage: Storage) -> None:
    async with far_apart(storage) as far:
        await far.here.messages.send(to_user(far.alice, far.bob, "one"))
        await heard(far.device, 2)
        await far.there.tail.close()
        await far.here.messages.send(to_user(far.alice, far.bob, "two"))
        async with far.here.database.writing() as session:
            await session.execute(delete(Change))

        await far.there.tail.read()

        assert far.device.is_too_slow


async def test_a_log_that_counts_from_the_beginning_again_makes_devices_resume(
    storage: Storage,
) -> None:
    restarts = {
        "sqlite": "DELETE FROM sqlite_sequence WHERE name = 'change_log'",
        "postgresql": "ALTER SEQUENCE change_log_position_seq RESTART",
    }
    async with far_apart(storage) as far:
        for text_sent in ("one", "two", "three"):
            await far.here.messages.send(to_user(far.alice, far.bob, text_sent))
        await heard(far.device, 4)
        await far.there.tail.close()
        await far.here.messages.send(to_user(far.alice, far.bob, "four"))
        async with far.here.database.writing() as session:
            await session.execute(delete(Change))
            await session.execute(text(restarts[far.here.database.dialect]))
        await far.here.messages.send(to_user(far.alice, far.bob, "five"))

        await far.there.tail.read()

        assert far.device.is_too_slow


async def test_a_node_that_was_stopped_until_entries_were_removed_makes_devices_resume(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log was empty when it began to read: nothing in the table shows that entries are gone."""
    async with far_apart(storage) as far:
        await far.there.tail.close()
        for text in ("one", "two", "three"):
            await far.here.messages.send(to_user(far.alice, far.bob, text))
        tomorrow = datetime.now(UTC) + timedelta(hours=25)
        monkeypatch.setattr(clock, "machine_now", lambda: tomorrow)
        removed = await Maintenance(far.here.database, JOBS).remove_expired()
        assert removed["change_log"] > 0

        await far.there.tail.read()

        assert far.device.is_too_slow


async def test_a_wall_clock_that_was_set_back_does_not_hide_how_long_a_node_was_stopped(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with far_apart(storage) as far:
        await far.there.tail.close()
        yesterday = datetime.now(UTC) - timedelta(hours=25)
        monkeypatch.setattr(clock, "machine_now", lambda: yesterday)
        later = time.monotonic() + tail.MAX_UNREAD_S + 1
        monkeypatch.setattr(tail, "time", SimpleNamespace(monotonic=lambda: later))

        await far.there.tail.read()

        assert far.device.is_too_slow


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


async def test_ten_nodes_deliver_everything_once(storage: Storage) -> None:
    async with contextlib.AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(open_node(storage)) for _ in range(10)]
        alice, bob = await new_user(nodes[0]), await new_user(nodes[0])
        devices = [await node.open_outlet(Identity(bob, new_id())) for node in nodes]
        sent = [
            (await node.messages.send(to_user(alice, bob, str(number)))).message
            for number, node in enumerate(nodes)
        ]

        for device in devices:
            events = await heard(device, len(sent) + 1)
            created = [one.message.id for one in events if isinstance(one, MessageCreated)]
            assert sorted(created) == sorted(message.id for message in sent)
        for node in nodes:
            await node.tail.close()
            assert await node.tail.read() == 0


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
