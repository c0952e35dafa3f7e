"""Catch-up: lost events are delivered from the database, by every node, in two seconds, once.

Two nodes share a database without a broker between them: each loses all events of the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from chat_app.accounts.schemas import Identity
from chat_app.core.ids import new_id
from chat_app.messages import catch_up
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
                event = decode(envelope.body)
                kinds = MessageCreated | MessageUpdated | MessageDeleted | ConversationUpdated
                if isinstance(event, kinds):
                    events.append(event)
    return events


def revs_of(events: list[AnyEvent]) -> list[int]:
    """Return the revisions that events about messages tell of."""
    kinds = MessageCreated | MessageUpdated | MessageDeleted
    return [event.message.rev for event in events if isinstance(event, kinds)]


async def nothing_more(far: Far) -> None:
    """See that another look tells nothing."""
    await far.there.catch_up.close()
    assert await far.there.catch_up.check() == 0


async def test_a_lost_message_arrives_after_its_conversation(storage: Storage) -> None:
    async with far_apart(storage) as far:
        sent = await far.here.messages.send(to_user(far.alice, far.bob))

        introduced, created = await heard(far.device, 2)

        assert isinstance(introduced, ConversationUpdated)
        assert introduced.conversation.unread == 1
        assert created == MessageCreated(message=sent.message)
        await nothing_more(far)


async def test_lost_changes_arrive_in_order(storage: Storage) -> None:
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
        # A look may come between two of them, and then finds the second message undeleted.
        early = {second.message.rev}
        assert [rev for rev in revs if rev not in early] == [
            edited.rev,
            third.message.rev,
            deleted.rev,
        ]
        await nothing_more(far)


async def test_a_delivered_change_is_not_delivered_again(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.catch_up.close()
        async with await node.open_outlet(Identity(bob, new_id())):
            for text in ("one", "two", "three"):
                await node.messages.send(to_user(alice, bob, text))
            await asyncio.sleep(catch_up.IN_FLIGHT_S * 2)

            assert await node.catch_up.check() == 0


async def test_a_lost_message_is_delivered_after_later_ones(storage: Storage) -> None:
    async with far_apart(storage) as far:
        await far.here.messages.send(to_user(far.alice, far.bob, "one"))
        await heard(far.device, 2)
        lost = await far.here.messages.send(to_user(far.alice, far.bob, "lost"))
        known = await far.there.messages.send(to_user(far.bob, far.alice, "heard"))

        revs = revs_of(await heard(far.device, 2))

        assert sorted(revs) == [lost.message.rev, known.message.rev]
        await nothing_more(far)


async def test_a_catch_up_delivers_to_members_only(storage: Storage) -> None:
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
        await node.catch_up.close()
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
            # What is missing twice running is taken for lost.
            looks = [await node.catch_up.check() for _ in range(3)]
            may_go_on.set()
            sent = await sending

        assert looks == [0, 0, 0]
        assert await heard(another, 1) == [MessageCreated(message=sent.message)]
        assert await node.catch_up.check() == 0
        assert created_in(mine) == []


def created_in(outlet: Outlet) -> list[AnyEvent]:
    """Return the news of messages that waits in an outlet."""
    events = [decode(envelope.body) for envelope in outlet._queue]
    return [event for event in events if isinstance(event, MessageCreated)]


async def test_groups_catch_up_too(storage: Storage) -> None:
    async with far_apart(storage) as far:
        group = await far.here.conversations.create_group(
            actor_id=far.alice, title="group", member_ids=[far.bob]
        )
        device = await far.there.open_outlet(Identity(far.bob, new_id()))
        sent = await far.here.messages.send(to_conversation(far.alice, group))

        (created,) = await heard(device, 1)

        assert created == MessageCreated(message=sent.message)


async def test_a_new_conversation_needs_no_catch_up(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.catch_up.close()
        async with await node.open_outlet(Identity(bob, new_id())):
            await node.messages.send(to_user(alice, bob, "one"))
            last = (await node.messages.send(to_user(alice, bob, "two"))).message

            assert node.hub.delivered_revs.rev_of(last.conversation_id) == last.rev


async def test_changes_above_the_limit_are_delivered_by_the_next_check(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "MAX_CHANGES", 3)
    async with far_apart(storage) as far:
        await far.there.catch_up.close()
        other = await new_user(far.here)
        texts = ("one", "two", "three", "four")
        sent = [
            (await far.here.messages.send(to_user(sender, far.bob, text))).message.id
            for sender in (far.alice, other)
            for text in texts
        ]

        told = 0
        async with asyncio.timeout(PATIENCE_S):
            while told < len(sent):
                told += await far.there.catch_up.check()
                await asyncio.sleep(0.1)

        events = await heard(far.device, len(sent) + 2)
        created = [event.message.id for event in events if isinstance(event, MessageCreated)]
        assert sorted(created) == sorted(sent)
