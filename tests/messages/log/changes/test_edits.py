"""Edits and deletions: by the sender only, each with the next `rev`, in one order with sends."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlmodel import col

from chat_app.conversations.errors import CannotMessage, FriendsOnly
from chat_app.conversations.queries import get_conversation
from chat_app.conversations.schemas import Conversation
from chat_app.core.errors import NotFound, RateLimited, Unavailable
from chat_app.messages.errors import IdempotencyConflict, MessageIsDeleted, NotYourMessage
from chat_app.messages.queries import history
from chat_app.models import Block
from chat_app.models import Message as MessageRow
from chat_app.node.node import Node
from chat_app.realtime.events import MessageCreated, MessageDeleted, MessageUpdated, decode
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.shapes import Message
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.connected import befriend
from tests.harness.groups import add_group
from tests.harness.nodes import change_user, new_user, open_node, to_conversation, to_user

News = MessageCreated | MessageUpdated | MessageDeleted
NEWS = (MessageCreated, MessageUpdated, MessageDeleted)


async def said(node: Node, sender: UUID, receiver: UUID, text: str = "hello") -> Message:
    return (await node.messages.send(to_user(sender, receiver, text))).message


async def stored(node: Node, viewer: UUID, conversation_id: UUID) -> list[Message]:
    page = await history(
        node.database, viewer_id=viewer, conversation_id=conversation_id, limit=100
    )
    return page.items


async def block(node: Node, blocker: UUID, blocked: UUID) -> None:
    async with node.database.writing() as session:
        session.add(Block(blocker_id=blocker, blocked_id=blocked))


async def heard(outlet: Outlet, count: int, *, after: int) -> list[News]:
    """Return the next news of messages after a `rev`, which may still be on its way."""
    found: list[News] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            events = [event for envelope in await outlet.take() for event in decode(envelope.body)]
            news = [event for event in events if isinstance(event, NEWS)]
            found += [event for event in news if event.message.rev > after]
    return found


async def test_an_edit_keeps_the_place_and_takes_the_next_rev(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        first = await said(node, alice, bob, "helo")
        second = await said(node, alice, bob)

        edited = await node.messages.edit(actor_id=alice, message_id=first.id, content="hello")

        assert (edited.seq, edited.rev, edited.content) == (1, 3, "hello")
        assert edited.created_at == first.created_at
        assert edited.edited_at is not None
        assert await stored(node, bob, first.conversation_id) == [edited, second]


async def test_a_deleted_message_keeps_its_place_and_loses_its_text(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob, "secret")

        gone = await node.messages.delete(actor_id=alice, message_id=message.id)

        assert (gone.seq, gone.rev, gone.content) == (1, 2, "")
        assert gone.deleted_at is not None
        async with node.database.reading() as session:
            row = (await session.execute(select(col(MessageRow.content)))).scalar_one()
        assert row == ""


async def test_an_unchanged_edit_takes_no_rev(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        same, gone = await said(node, alice, bob, "same"), await said(node, alice, bob, "gone")

        edited = await node.messages.edit(actor_id=alice, message_id=same.id, content="same")
        deleted = await node.messages.delete(actor_id=alice, message_id=gone.id)
        again = await node.messages.delete(actor_id=alice, message_id=gone.id)

        assert edited == same
        assert again == deleted
        assert (await said(node, alice, bob)).rev == 4


async def test_only_the_sender_may_change_a_message(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        message = await said(node, alice, bob)
        for actor, message_id, error in (
            (bob, message.id, NotYourMessage),
            (carol, message.id, NotFound),
            (alice, uuid4(), NotFound),
        ):
            with pytest.raises(error):
                await node.messages.edit(actor_id=actor, message_id=message_id, content="mine")
            with pytest.raises(error):
                await node.messages.delete(actor_id=actor, message_id=message_id)

        assert await stored(node, bob, message.conversation_id) == [message]


async def test_a_deleted_message_stays_deleted(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)

        delete = node.messages.delete(actor_id=alice, message_id=message.id)
        edit = node.messages.edit(actor_id=alice, message_id=message.id, content="back")
        gone, refused = await asyncio.gather(delete, edit, return_exceptions=True)

        assert isinstance(refused, MessageIsDeleted)
        assert await stored(node, bob, message.conversation_id) == [gone]


async def test_many_changes_at_once_are_numbered_without_a_hole(storage: Storage) -> None:
    async with open_node(storage) as node:
        people = [await new_user(node) for _ in range(3)]
        group = await add_group(node, actor_id=people[0], title="three", member_ids=people)
        sent = [
            (await node.messages.send(to_conversation(people[turn % 3], group))).message
            for turn in range(12)
        ]
        changes = [
            node.messages.edit(
                actor_id=one.sender_id, message_id=one.id, content=f"{one.seq}-{turn}"
            )
            for turn in range(3)
            for one in sent
        ]
        deletions = [
            node.messages.delete(actor_id=one.sender_id, message_id=one.id) for one in sent[:4]
        ]
        sends = [node.messages.send(to_conversation(people[0], group)) for _ in range(5)]

        changed = await asyncio.gather(*changes, *deletions)
        fresh = [one.message for one in await asyncio.gather(*sends)]

        revs = [one.rev for one in (*changed, *fresh)]
        assert sorted(revs) == list(range(13, 13 + len(revs)))
        kept = {one.id: one for one in sorted(changed, key=lambda one: one.rev)}
        assert (await stored(node, people[1], group))[:12] == [kept[one.id] for one in sent]


async def test_two_nodes_number_changes_as_one(storage: Storage) -> None:
    if not storage.database_url:
        return  # an embedded database has one process
    async with open_node(storage) as one, open_node(storage) as other:
        alice, bob = await new_user(one), await new_user(one)
        messages = [await said(one, alice, bob), await said(one, alice, bob)]

        changed = await asyncio.gather(
            *(
                node.messages.edit(actor_id=alice, message_id=message.id, content=f"{turn}")
                for turn in range(20)
                for node in (one, other)
                for message in messages
            )
        )

        revs = [message.rev for message in changed]
        view = await _view(one, alice, messages[0].conversation_id)
        # The second of two equal texts changes nothing and shows the message as it is.
        assert set(revs) <= set(range(3, view.last_rev + 1))
        assert max(message.rev for message in await stored(one, bob, view.id)) == view.last_rev


async def test_sends_and_changes_are_delivered_in_one_order(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        first = await said(node, alice, bob)
        outlets = [await node.hub.open(user_id=who, session_id=uuid4()) for who in (alice, bob)]
        send = node.messages.send(to_user(alice, bob, "second"))
        edit = node.messages.edit(actor_id=alice, message_id=first.id, content="better")
        delete = node.messages.delete(actor_id=alice, message_id=first.id)
        await asyncio.gather(send, edit, delete)

        for outlet in outlets:
            news = await heard(outlet, 3, after=first.rev)
            assert [type(event) for event in news] == [
                MessageCreated,
                MessageUpdated,
                MessageDeleted,
            ]
            assert [event.message.rev for event in news] == [2, 3, 4]
            assert news[-1].message.content == ""


async def test_a_change_updates_the_last_message_but_moves_no_conversation(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)
        before = await _view(node, bob, message.conversation_id)

        edited = await node.messages.edit(actor_id=alice, message_id=message.id, content="new")

        after = await _view(node, bob, message.conversation_id)
        assert (after.last_message, after.last_rev) == (edited, 2)
        assert (after.updated_at, after.unread) == (before.updated_at, before.unread)


@pytest.mark.parametrize("blocker", ["sender", "receiver"])
async def test_a_block_permits_deleting_but_not_editing(storage: Storage, blocker: str) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob, "old")
        pair = (alice, bob) if blocker == "sender" else (bob, alice)
        await block(node, *pair)

        with pytest.raises(CannotMessage):
            await node.messages.edit(actor_id=alice, message_id=message.id, content="new")
        same = await node.messages.edit(actor_id=alice, message_id=message.id, content="old")
        gone = await node.messages.delete(actor_id=alice, message_id=message.id)

        assert same == message
        assert await stored(node, bob, message.conversation_id) == [gone]


async def test_a_sender_who_may_not_write_any_more_may_not_edit(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob, "old")
        await change_user(node, bob, accept_messages_from="friends")

        with pytest.raises(FriendsOnly):
            await node.messages.edit(actor_id=alice, message_id=message.id, content="new")
        await befriend(node, alice, bob)
        edited = await node.messages.edit(actor_id=alice, message_id=message.id, content="new")

        assert edited.content == "new"


async def test_blocks_of_others_do_not_refuse_an_edit(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol, dave = [await new_user(node) for _ in range(4)]
        message = await said(node, alice, bob, "old")
        await said(node, carol, bob, "from one who blocks the peer")
        await said(node, dave, alice, "from one whom the peer blocks")
        await block(node, carol, bob)
        await block(node, bob, dave)

        edited = await node.messages.edit(actor_id=alice, message_id=message.id, content="new")

        assert await stored(node, bob, message.conversation_id) == [edited]


@pytest.mark.parametrize("change", ["edit", "delete"])
async def test_a_retry_of_a_changed_message_returns_its_present_state(
    storage: Storage, change: str
) -> None:
    async with open_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        send = to_user(alice, bob, "first", key="k")
        message = (await node.messages.send(send)).message
        if change == "edit":
            now = await node.messages.edit(actor_id=alice, message_id=message.id, content="other")
        else:
            now = await node.messages.delete(actor_id=alice, message_id=message.id)

        again = await node.messages.send(send)

        assert (again.message, again.replayed) == (now, True)
        with pytest.raises(IdempotencyConflict):
            await node.messages.send(to_user(alice, carol, "first", key="k"))


async def test_changes_count_as_messages_do(storage: Storage) -> None:
    limits = {
        "CHAT_LIMITS": "on",
        "CHAT_LIMIT_MESSAGE_BURST": "3",
        "CHAT_LIMIT_MESSAGES_PER_SECOND": "0.01",
    }
    async with open_node(storage, **limits) as node:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)
        await node.messages.edit(actor_id=alice, message_id=message.id, content="new")
        await node.messages.delete(actor_id=alice, message_id=message.id)

        with pytest.raises(RateLimited):
            await node.messages.delete(actor_id=alice, message_id=message.id)


async def test_a_locked_database_changes_nothing(storage: Storage) -> None:
    if storage.database_url:
        return  # PostgreSQL locks rows: a change waits for one and is made
    async with open_node(storage) as node, open_node(storage) as blocker:
        alice, bob = await new_user(node), await new_user(node)
        message = await said(node, alice, bob)

        async with blocker.database.transaction():
            with pytest.raises(Unavailable):
                await node.messages.edit(actor_id=alice, message_id=message.id, content="new")

        assert await stored(node, bob, message.conversation_id) == [message]


async def _view(node: Node, viewer: UUID, conversation_id: UUID) -> Conversation:
    async with node.database.reading() as session:
        return await get_conversation(
            session, viewer_id=viewer, conversation_id=conversation_id, online=node.online
        )
