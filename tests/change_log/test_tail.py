"""The tail of the change log: every node delivers what others commit, in two seconds, once.

Most tests run two nodes on one database without a broker between them: nothing wakes them.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from chat_app.accounts.schemas import Identity
from chat_app.core.ids import new_id
from chat_app.messages.log.writer import Committed
from chat_app.messages.publishing import MessagePublisher
from chat_app.realtime.events import (
    AnyEvent,
    ConversationUpdated,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
)
from tests.harness.chats import Storage
from tests.harness.far_apart import PATIENCE_S, far_apart, heard, nothing_more
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node, to_conversation, to_user


def revs_of(events: list[AnyEvent]) -> list[int]:
    """Return the revisions that events about messages tell of."""
    kinds = MessageCreated | MessageUpdated | MessageDeleted
    return [event.message.rev for event in events if isinstance(event, kinds)]


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


async def test_groups_are_delivered_too(storage: Storage) -> None:
    async with far_apart(storage) as far:
        group = await add_group(far.here, actor_id=far.alice, title="group", member_ids=[far.bob])
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
            group = await add_group(far.here, actor_id=sender, title="group", member_ids=[far.bob])
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
        group = await add_group(far.here, actor_id=far.alice, title="group", member_ids=[far.bob])
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
