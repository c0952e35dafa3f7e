"""Permission to write: blocks and friends-only, for every kind of address."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from chat_app.conversations.errors import CannotMessage, FriendsOnly
from chat_app.messages.schemas import Sent
from chat_app.models import Conversation
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.groups import add_group
from tests.harness.nodes import (
    change_user,
    delete_user,
    new_user,
    open_node,
    to_conversation,
    to_user,
)


async def conversations(node: Node) -> int:
    async with node.database.reading() as session:
        statement = select(func.count(col(Conversation.id)))
        return int((await session.execute(statement)).scalar_one())


@pytest.mark.parametrize("written_before", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("blocker", ["sender", "receiver"])
async def test_a_block_refuses_sends_both_ways(
    storage: Storage, blocker: str, *, written_before: bool
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        if written_before:
            await node.messages.send(to_user(alice, bob))
        one, other = (alice, bob) if blocker == "sender" else (bob, alice)
        await node.friends.block(actor_id=one, user_id=other)

        for _ in range(2):
            with pytest.raises(CannotMessage):
                await node.messages.send(to_user(alice, bob))

        assert await conversations(node) == written_before
        await node.friends.unblock(actor_id=one, user_id=other)
        sent = await node.messages.send(to_user(alice, bob))
        assert sent.message.seq == 1 + written_before


async def test_a_block_refuses_sends_by_conversation_id(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        opened = await node.conversations.open_direct(actor_id=alice, user_id=bob)
        await node.friends.block(actor_id=bob, user_id=alice)

        with pytest.raises(CannotMessage):
            await node.messages.send(to_conversation(alice, opened.conversation.id))


async def test_a_replay_is_answered_after_a_block(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        first = await node.messages.send(to_user(alice, bob, "before", key="k"))
        await node.friends.block(actor_id=bob, user_id=alice)

        again = await node.messages.send(to_user(alice, bob, "before", key="k"))

        assert again == Sent(first.message, replayed=True)


async def test_a_block_does_not_reach_into_a_group(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        group = await add_group(node, actor_id=alice, title="three", member_ids=[bob, carol])
        await node.friends.block(actor_id=bob, user_id=alice)
        await change_user(node, carol, accept_messages_from="friends")

        sent = await node.messages.send(to_conversation(alice, group))

        assert sent.message.seq == 1


@pytest.mark.parametrize("written_before", [False, True], ids=["first", "later"])
async def test_friends_only_refuses_strangers(storage: Storage, *, written_before: bool) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        if written_before:
            await node.messages.send(to_user(alice, bob))
        await change_user(node, bob, accept_messages_from="friends")

        with pytest.raises(FriendsOnly):
            await node.messages.send(to_user(alice, bob))
        if not written_before:
            with pytest.raises(FriendsOnly):
                await node.conversations.open_direct(actor_id=alice, user_id=bob)
        assert await conversations(node) == written_before

        # They may still write themselves, to whoever takes it.
        await node.messages.send(to_user(bob, alice))
        with pytest.raises(FriendsOnly):
            await node.messages.send(to_user(alice, bob))
        await node.friends.request(actor_id=alice, user_id=bob)
        with pytest.raises(FriendsOnly):
            await node.messages.send(to_user(alice, bob))
        await node.friends.accept(actor_id=bob, user_id=alice)
        await node.messages.send(to_user(alice, bob))
        await node.friends.unfriend(actor_id=alice, user_id=bob)
        with pytest.raises(FriendsOnly):
            await node.messages.send(to_user(alice, bob))


async def test_first_messages_of_both_at_once_are_checked_each(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        for _ in range(5):
            alice = await new_user(node)
            bob = await new_user(node, accept_messages_from="friends")

            refused, sent = await asyncio.gather(
                node.messages.send(to_user(alice, bob)),
                node.messages.send(to_user(bob, alice)),
                return_exceptions=True,
            )

            assert isinstance(refused, FriendsOnly)
            assert isinstance(sent, Sent)
            assert sent.message.seq == 1


@pytest.mark.parametrize("state", ["blocked me", "I blocked", "friends only", "gone"])
async def test_an_existing_conversation_can_be_opened_across_a_block(
    storage: Storage, state: str
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        there = (await node.conversations.open_direct(actor_id=bob, user_id=alice)).conversation
        match state:
            case "blocked me":
                await node.friends.block(actor_id=bob, user_id=alice)
            case "I blocked":
                await node.friends.block(actor_id=alice, user_id=bob)
            case "friends only":
                await change_user(node, bob, accept_messages_from="friends")
            case _:
                await delete_user(node, bob)

        opened = await node.conversations.open_direct(actor_id=alice, user_id=bob)

        assert (opened.conversation.id, opened.created) == (there.id, False)


@pytest.mark.parametrize("written_before", [False, True], ids=["first", "later"])
async def test_no_send_that_starts_after_the_block_is_stored(
    storage: Storage, *, written_before: bool
) -> None:
    async with open_node(storage) as node:
        for _ in range(5):
            alice, bob = await new_user(node), await new_user(node)
            if written_before:
                await node.messages.send(to_user(alice, bob))

            assert True not in await stored_late(node, alice, bob)


async def stored_late(node: Node, sender: UUID, receiver: UUID) -> list[bool]:
    """Block a sender who goes on and on; return of all that was stored whether it began after."""
    blocked = asyncio.Event()
    stored: list[bool] = []

    async def write() -> None:
        for _ in range(20):
            is_late = blocked.is_set()
            try:
                await node.messages.send(to_user(sender, receiver))
            except CannotMessage:
                continue
            stored.append(is_late)

    async def block() -> None:
        await node.friends.block(actor_id=receiver, user_id=sender)
        blocked.set()

    await asyncio.gather(write(), write(), block(), write())
    return stored


async def test_a_block_holds_on_another_node_once_it_is_answered(storage: Storage) -> None:
    if not storage.database_url:
        return  # one process owns an embedded database
    async with open_node(storage) as one, open_node(storage) as other:
        alice, bob = await new_user(one), await new_user(one)
        # Both nodes remember which conversation this is.
        await one.messages.send(to_user(alice, bob))
        await other.messages.send(to_user(alice, bob))

        await one.friends.block(actor_id=bob, user_id=alice)

        outcomes = await asyncio.gather(
            *(other.messages.send(to_user(alice, bob)) for _ in range(20)),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, CannotMessage) for outcome in outcomes)
