"""Events that may change the unread count of a conversation that the list has not loaded."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest_asyncio

from chat_app.conversations.queries import list_conversations
from chat_app.conversations.schemas import Conversation
from chat_app.node.node import Node
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRead,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
)
from chat_app.ui.conversations.updates import changes_unlisted_count, must_load
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_user


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Yield a running node on fresh storage."""
    async with open_node(storage) as running:
        yield running


async def test_only_own_marks_and_deletions_of_others_change_an_unlisted_count(node: Node) -> None:
    me, friend = await new_user(node), await new_user(node)
    theirs = (await node.messages.send(to_user(friend, me))).message
    mine = (await node.messages.send(to_user(me, friend))).message
    here = theirs.conversation_id
    counted: list[AnyEvent] = [
        MessageDeleted(message=theirs),
        ConversationRead(conversation_id=here, user_id=me, seq=1),
    ]
    others: list[AnyEvent] = [
        MessageDeleted(message=mine),
        MessageUpdated(message=theirs),
        MessageCreated(message=theirs),
        ConversationRead(conversation_id=here, user_id=friend, seq=1),
    ]

    assert all(changes_unlisted_count(event, viewer_id=me) for event in counted)
    assert not any(changes_unlisted_count(event, viewer_id=me) for event in others)


async def test_only_the_deletion_of_an_unread_message_loads_a_listed_conversation(
    node: Node,
) -> None:
    me, friend = await new_user(node), await new_user(node)
    read, unread = [(await node.messages.send(to_user(friend, me))).message for _ in range(2)]
    here = read.conversation_id
    await node.conversations.mark_read(actor_id=me, conversation_id=here, seq=read.seq)
    mine, theirs = await _listed(node, me), await _listed(node, friend)

    assert must_load(mine, MessageDeleted(message=unread), viewer_id=me)
    assert not must_load(mine, MessageDeleted(message=read), viewer_id=me)
    assert not must_load(mine, MessageUpdated(message=unread), viewer_id=me)
    assert not must_load(theirs, MessageDeleted(message=unread), viewer_id=friend)


async def _listed(node: Node, viewer_id: UUID) -> Conversation:
    page = await list_conversations(node.database, viewer_id=viewer_id, online=node.online)
    (one,) = page.items
    return one
