"""Delivery receipts: published to the sender once, and never across a block."""

import asyncio
from uuid import UUID, uuid4

import pytest

from chat_app.conversations import deliveries
from chat_app.conversations.groups.queries import message_receipts
from chat_app.conversations.queries import MAX_RECEIPTS, get_conversation
from chat_app.models import Block
from chat_app.node.node import Node
from chat_app.realtime.events import (
    AnyEvent,
    ConversationDelivered,
    ConversationRead,
    Delivery,
    MessageCreated,
    decode,
)
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.shapes import Message
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node, open_still_node, to_conversation, to_user
from tests.harness.statements import statements

RECEIPTS = (ConversationDelivered, ConversationRead)


async def said(node: Node, sender: UUID, receiver: UUID) -> Message:
    return (await node.messages.send(to_user(sender, receiver))).message


async def device(node: Node, user_id: UUID) -> Outlet:
    return await node.hub.open(user_id=user_id, session_id=uuid4())


async def hand_out(outlet: Outlet) -> list[AnyEvent]:
    """Take the queued envelopes, record that the device has them, and return their events."""
    async with asyncio.timeout(PATIENCE_S):
        taken = await outlet.take()
    for envelope in taken:
        outlet.delivered(envelope)
    return [event for envelope in taken for event in decode(envelope.body)]


async def receipt(outlet: Outlet) -> ConversationDelivered | ConversationRead:
    """Return the next receipt that the outlet hears."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            events = [event for envelope in await outlet.take() for event in decode(envelope.body)]
            found = [event for event in events if isinstance(event, RECEIPTS)]
            if found:
                return found[0]


def waiting_receipts(outlet: Outlet) -> list[AnyEvent]:
    """Return the receipts that the outlet has not taken."""
    events = [event for envelope in outlet._queue for event in decode(envelope.body)]
    return [event for event in events if isinstance(event, RECEIPTS)]


async def marks(node: Node, viewer: UUID, conversation_id: UUID) -> tuple[int, int]:
    """Return how far the other one has received and read, as `viewer` is told."""
    async with node.database.reading() as session:
        view = await get_conversation(
            session, viewer_id=viewer, conversation_id=conversation_id, online=node.online
        )
    return view.receipts[0].delivered_seq, view.receipts[0].read_seq


async def delivered_to(node: Node, viewer: UUID, group: UUID) -> dict[UUID, int]:
    """Return how far each other member of a group has received it, as `viewer` reads."""
    async with node.database.reading() as session:
        view = await get_conversation(
            session, viewer_id=viewer, conversation_id=group, online=node.online
        )
    return {one.user_id: one.delivered_seq for one in view.receipts}


async def settled(node: Node) -> None:
    """Store what was noted."""
    await node.deliveries._flush()


async def block(node: Node, blocker: UUID, blocked: UUID) -> None:
    async with node.database.writing() as session:
        session.add(Block(blocker_id=blocker, blocked_id=blocked))


async def test_a_receipt_is_published_to_the_sender(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        theirs = await device(node, bob)
        await said(node, alice, bob)
        message = await said(node, alice, bob)
        own = await device(node, alice)

        async with asyncio.timeout(PATIENCE_S):
            while await marks(node, alice, message.conversation_id) != (2, 0):
                await hand_out(theirs)

        told = await receipt(own)
        assert isinstance(told, ConversationDelivered)
        assert told.user_id == bob


async def test_a_receipt_of_another_node_is_published_to_the_sender(storage: Storage) -> None:
    if not storage.database_url:
        return  # an embedded database has one process
    async with open_node(storage) as here, open_node(storage) as there:
        alice, bob = await new_user(here), await new_user(here)
        own, theirs = await device(here, alice), await device(there, bob)
        message = await said(here, alice, bob)

        while not there.deliveries._waiting:
            await hand_out(theirs)

        told = await receipt(own)
        assert told == ConversationDelivered(
            conversation_id=message.conversation_id, user_id=bob, seq=1
        )


async def test_a_message_without_a_connected_receiver_is_not_delivered(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        own, theirs = await device(node, alice), await device(node, bob)
        message = await said(node, alice, bob)
        await hand_out(own)
        await settled(node)

        assert theirs.id
        assert await marks(node, alice, message.conversation_id) == (0, 0)


async def test_many_receipts_are_one_statement_and_one_entry_of_the_log(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        bob = await new_user(node)
        peers = [await new_user(node) for _ in range(5)]
        messages = [await said(node, peer, bob) for peer in peers for _ in range(3)]
        for message in messages:
            node.deliveries.record_page([message], viewer_id=bob)
        with statements() as asked:
            await settled(node)

        for peer, message in zip(peers, messages[::3], strict=True):
            assert await marks(node, peer, message.conversation_id) == (3, 0)
    assert [text.split()[0] for text in asked if text != "BEGIN IMMEDIATE"] == ["WITH", "INSERT"]


async def test_a_repeated_receipt_costs_no_statement(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)
        node.deliveries.record_page([message], viewer_id=bob)
        await settled(node)

        with statements() as asked:
            node.deliveries.record_page([message], viewer_id=bob)
            await settled(node)

    assert asked == []


async def test_reading_implies_delivery(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)
        own = await device(node, alice)
        read = node.conversations.mark_read
        await read(actor_id=bob, conversation_id=message.conversation_id, seq=1)
        node.deliveries.record_page([message], viewer_id=bob)
        await settled(node)

        assert isinstance(await receipt(own), ConversationRead)
        assert await marks(node, alice, message.conversation_id) == (1, 1)
        assert not waiting_receipts(own)


async def test_a_small_group_has_a_receipt_of_every_member(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        group = await add_group(node, actor_id=alice, title="three", member_ids=[bob, carol])
        own, theirs = await device(node, alice), await device(node, bob)
        sent = (await node.messages.send(to_conversation(alice, group))).message

        async with asyncio.timeout(PATIENCE_S):
            while (delivered := await delivered_to(node, alice, group))[bob] == 0:
                await hand_out(theirs)

        assert delivered == {bob: 1, carol: 0}
        told = await receipt(own)
        assert told == ConversationDelivered(conversation_id=group, user_id=bob, seq=1)
        page = await message_receipts(
            node.database, viewer_id=alice, message_id=sent.id, after=None, limit=50
        )
        assert page is not None
        assert (page.read_count, page.delivered_count) == (0, 1)


async def test_a_larger_group_has_no_receipts_of_delivery(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, *others = [await new_user(node) for _ in range(MAX_RECEIPTS + 1)]
        bob = others[0]
        group = await add_group(node, actor_id=alice, title="large", member_ids=others)
        theirs = await device(node, bob)
        sent = (await node.messages.send(to_conversation(alice, group))).message
        taken: list[AnyEvent] = []
        while not any(isinstance(event, MessageCreated) for event in taken):
            taken = await hand_out(theirs)
        assert not node.deliveries._waiting

        node.deliveries.record_page([sent], viewer_id=bob)
        await node.deliveries.record_all(viewer_id=bob)
        await settled(node)
        page = await message_receipts(
            node.database, viewer_id=alice, message_id=sent.id, after=None, limit=50
        )
        assert page is not None
        assert page.delivered_count == 0


async def test_a_list_delivers_the_newest_of_every_conversation(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        group = await add_group(node, actor_id=alice, title="two", member_ids=[bob])
        await node.messages.send(to_conversation(alice, group))
        messages = [await said(node, alice, bob), await said(node, carol, bob)]

        await node.deliveries.record_all(viewer_id=bob)
        await settled(node)

        for message in messages:
            delivered = await marks(node, message.sender_id, message.conversation_id)
            assert delivered == (1, 0)
        assert await marks(node, alice, group) == (1, 0)


@pytest.mark.parametrize("blocker", ["sender", "receiver"])
async def test_a_block_hides_delivery_and_reading(storage: Storage, blocker: str) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)
        await block(node, *((alice, bob) if blocker == "sender" else (bob, alice)))
        own, theirs = await device(node, alice), await device(node, bob)
        here = message.conversation_id
        node.deliveries.record_page([message], viewer_id=bob)
        await settled(node)
        await node.conversations.mark_read(actor_id=bob, conversation_id=here, seq=1)

        read = await receipt(theirs)
        assert (read.user_id, read.seq) == (bob, 1)
        assert not waiting_receipts(own)
        assert await marks(node, alice, here) == (0, 0)
        async with node.database.reading() as session:
            view = await get_conversation(
                session, viewer_id=bob, conversation_id=here, online=node.online
            )
        assert (view.last_read_seq, view.unread) == (1, 0)


async def test_blocks_of_others_hide_nothing(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol, dave = [await new_user(node) for _ in range(4)]
        message = await said(node, alice, bob)
        await said(node, carol, alice)
        await said(node, dave, bob)
        await block(node, carol, alice)
        await block(node, alice, dave)
        own, here = await device(node, alice), message.conversation_id
        await node.conversations.mark_read(actor_id=bob, conversation_id=here, seq=1)

        read = await receipt(own)
        assert (read.user_id, read.seq) == (bob, 1)
        assert await marks(node, alice, here) == (1, 1)


async def test_what_waits_is_stored_before_the_node_ends(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)
        node.deliveries.record_page([message], viewer_id=bob)

    async with open_node(storage) as node:
        assert await marks(node, alice, message.conversation_id) == (1, 0)


async def test_waiting_receipts_are_limited(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MAX_WAITING", 3)
    async with open_node(storage) as node:
        for _ in range(10):
            node.deliveries.record(Delivery(uuid4(), uuid4(), uuid4(), 1))

        assert len(node.deliveries._waiting) == 3


async def test_receipts_and_sends_wait_for_each_other_in_one_order(storage: Storage) -> None:
    """Both lock several members at once; a deadlock would fail some of the sends."""
    async with open_node(storage) as node:
        people = [await new_user(node) for _ in range(6)]
        pairs = [(one, other) for one in people for other in people if one < other]
        for pair in pairs:
            await said(node, *pair)

        for _ in range(3):
            sends = [node.messages.send(to_user(*pair)) for pair in pairs]
            back = [node.messages.send(to_user(other, one)) for one, other in pairs]
            sent = asyncio.gather(*sends, *back)
            while not sent.done():
                node.deliveries._stored.clear()
                for one in people:
                    await node.deliveries.record_all(viewer_id=one)
                await settled(node)
            assert len(await sent) == 2 * len(pairs)
