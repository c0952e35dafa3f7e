"""Unread counts equal a recount of the messages, whatever happened before."""

import random
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from chat_app.conversations.queries import (
    get_conversation,
    list_conversations,
    unread_counts,
)
from chat_app.core.errors import Invalid, NotFound
from chat_app.models import Message
from chat_app.node.node import Node
from chat_app.realtime.shapes import Message as MessageView
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_conversation


async def recount(node: Node, conversation_id: UUID, viewer_id: UUID, mark: int) -> int:
    async with node.database.reading() as session:
        rows = await session.execute(
            select(col(Message.seq), col(Message.sender_id)).where(
                col(Message.conversation_id) == conversation_id, col(Message.deleted_at).is_(None)
            )
        )
        return sum(seq > mark and sender_id != viewer_id for seq, sender_id in rows)


async def test_every_badge_equals_a_recount_after_random_days(storage: Storage) -> None:
    async with open_node(storage) as node:
        for seed in range(5):
            await _check_a_random_day(node, seed)


async def _check_a_random_day(node: Node, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  # a reproducible day, not a secret
    people = [await new_user(node) for _ in range(3)]
    group = await node.conversations.create_group(
        actor_id=people[0], title="three", member_ids=people
    )
    marks, last = dict.fromkeys(people, 0), 0
    sent: list[MessageView] = []
    for _ in range(40):
        who, deed = dice.choice(people), dice.choice(["send", "send", "read", "unread", "delete"])
        seq = dice.randint(0, last + 2)
        if deed == "send":
            sent.append((await node.messages.send(to_conversation(who, group))).message)
            last = marks[who] = sent[-1].seq
        elif deed == "delete" and sent:
            one = dice.choice(sent)
            await node.messages.delete(actor_id=one.sender_id, message_id=one.id)
        elif deed == "read":
            await node.conversations.mark_read(actor_id=who, conversation_id=group, seq=seq)
            marks[who] = max(marks[who], min(seq, last))
        elif 1 <= seq <= last:
            await node.conversations.mark_unread(actor_id=who, conversation_id=group, seq=seq)
            marks[who] = seq - 1

    for who in people:
        async with node.database.reading() as session:
            view = await get_conversation(
                session, viewer_id=who, conversation_id=group, online=node.online
            )
        counts = await unread_counts(node.database, viewer_id=who)
        expected = await recount(node, group, who, marks[who])
        assert (view.last_read_seq, view.unread) == (marks[who], expected), seed
        assert counts.get(group, 0) == expected, seed


async def test_marking_unread_takes_nothing_back_from_the_others(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        opened = await node.conversations.open_direct(actor_id=alice, user_id=bob)
        chat = opened.conversation.id
        for _ in range(3):
            await node.messages.send(to_conversation(alice, chat))
        await node.conversations.mark_read(actor_id=bob, conversation_id=chat, seq=99)
        await node.conversations.mark_unread(actor_id=bob, conversation_id=chat, seq=2)

        async with node.database.reading() as session:
            of_alice = await get_conversation(
                session, viewer_id=alice, conversation_id=chat, online=node.online
            )
            of_bob = await get_conversation(
                session, viewer_id=bob, conversation_id=chat, online=node.online
            )
        assert of_alice.receipts[0].read_seq == 3
        assert (of_bob.last_read_seq, of_bob.unread) == (1, 2)


async def test_strangers_cannot_mark_a_conversation(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, mallory = [await new_user(node) for _ in range(3)]
        chat = (await node.conversations.open_direct(actor_id=alice, user_id=bob)).conversation.id

        with pytest.raises(NotFound):
            await node.conversations.mark_read(actor_id=mallory, conversation_id=chat, seq=1)
        with pytest.raises(NotFound):
            await node.conversations.mark_unread(actor_id=mallory, conversation_id=chat, seq=1)
        with pytest.raises(Invalid):
            await node.conversations.mark_unread(actor_id=alice, conversation_id=chat, seq=1)


async def test_an_opened_conversation_is_listed_for_its_opener_until_its_first_message(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        chat = (await node.conversations.open_direct(actor_id=alice, user_id=bob)).conversation.id

        async def listed(viewer_id: UUID) -> list[UUID]:
            page = await list_conversations(node.database, viewer_id=viewer_id, online=node.online)
            return [item.id for item in page.items]

        assert (await listed(alice), await listed(bob)) == ([chat], [])
        await node.messages.send(to_conversation(alice, chat))
        assert (await listed(alice), await listed(bob)) == ([chat], [chat])
