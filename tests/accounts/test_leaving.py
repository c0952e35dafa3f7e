"""Deleting an account: its rows, its relations, and who receives its end."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest_asyncio
from sqlalchemy import func, select
from sqlmodel import col

from chat_app.accounts.schemas import Device, Identity, PasswordConfirmation, Registration
from chat_app.conversations.queries import get_conversation
from chat_app.core.tokens import read_access_token
from chat_app.models import (
    AuthSession,
    Block,
    FriendRequest,
    Friendship,
    NamePart,
    PushSubscription,
    RefreshToken,
    User,
)
from chat_app.models.base import Table
from chat_app.node.node import Node
from chat_app.push.schemas import SubscriptionRequest
from chat_app.realtime.events import AnyEvent, FriendRemoved, SessionEnded, decode
from chat_app.realtime.outlet import Outlet
from tests.harness.chats import Storage
from tests.harness.clients import PASSWORD, PATIENCE_S, new_username
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node
from tests.harness.push import Browser

HOME = Device("Firefox", "192.0.2.7")


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Give a running node; its first account, which would be admin, is nobody's here."""
    async with open_node(storage) as node:
        await new_user(node)
        yield node


async def joined(node: Node) -> Identity:
    """Register somebody who can sign in, and return their session."""
    data = Registration(username=new_username(), password=PASSWORD, display_name="Mira Lind")
    signed_in = await node.accounts.register(data, device=HOME)
    assert signed_in.tokens is not None
    secret = node.settings.secret_key.get_secret_value()
    claims = read_access_token(signed_in.tokens.access_token, secret=secret)
    assert claims is not None
    return Identity(*claims)


async def leave(node: Node, mira: Identity) -> None:
    await node.accounts.delete(mira, PasswordConfirmation(password=PASSWORD), device=HOME)


async def count(node: Node, table: type[Table]) -> int:
    async with node.database.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def add(node: Node, *rows: Table) -> None:
    async with node.database.writing() as session:
        session.add_all(rows)


def friendship(one: UUID, other: UUID) -> list[Friendship]:
    return [
        Friendship(user_id=one, friend_id=other),
        Friendship(user_id=other, friend_id=one),
    ]


async def heard(outlet: Outlet) -> list[AnyEvent]:
    async with asyncio.timeout(PATIENCE_S):
        return [event for envelope in await outlet.take() for event in decode(envelope.body)]


async def test_a_deleted_account_keeps_nothing_personal(node: Node) -> None:
    mira = await joined(node)
    data = Browser("one", "https://93.184.216.34/one").subscription
    await node.push_subscriptions.put(mira, SubscriptionRequest.model_validate(data))

    await leave(node, mira)

    async with node.database.reading() as session:
        row = await session.get_one(User, mira.user_id)
        devices = (await session.execute(select(AuthSession))).scalars().all()
        names = list(await session.scalars(select(col(NamePart.user_id))))
    assert row.deleted_at is not None
    assert row.last_seen_at is None
    assert (row.username, row.display_name, row.bio, row.status_text) == ("", "", "", "")
    assert mira.user_id not in names
    assert row.password_hash == ""
    assert row.username_key == f"!{mira.user_id.hex}"
    assert [(one.user_agent, one.address, one.ended_at is None) for one in devices] == [
        ("", "", False)
    ]
    assert await count(node, RefreshToken) == 0
    assert await count(node, PushSubscription) == 0


async def test_relations_of_a_deleted_account_are_deleted_on_both_sides(node: Node) -> None:
    mira = await joined(node)
    one, two, three = [await new_user(node) for _ in range(3)]
    me = mira.user_id
    await add(
        node,
        *friendship(me, one),
        *friendship(one, two),
        FriendRequest(sender_id=me, receiver_id=two, pair_key="a"),
        FriendRequest(sender_id=three, receiver_id=me, pair_key="b"),
        FriendRequest(sender_id=one, receiver_id=three, pair_key="c"),
        Block(blocker_id=me, blocked_id=two),
        Block(blocker_id=three, blocked_id=me),
        Block(blocker_id=one, blocked_id=three),
    )

    await leave(node, mira)

    async with node.database.reading() as session:
        pairs = await session.execute(select(col(Friendship.user_id), col(Friendship.friend_id)))
        requests = await session.execute(select(col(FriendRequest.pair_key)))
        blocks = await session.execute(select(col(Block.blocker_id)))
        assert {tuple(pair) for pair in pairs} == {(one, two), (two, one)}
        assert requests.scalars().all() == ["c"]
        assert blocks.scalars().all() == [one]


async def test_a_deletion_is_published_to_friends_and_requesters_only(node: Node) -> None:
    mira = await joined(node)
    friend, asker, blocked = [await new_user(node) for _ in range(3)]
    await add(
        node,
        *friendship(mira.user_id, friend),
        FriendRequest(sender_id=asker, receiver_id=mira.user_id, pair_key="a"),
        Block(blocker_id=mira.user_id, blocked_id=blocked),
    )
    outlets = [
        await node.hub.open(user_id=user_id, session_id=uuid4()) for user_id in (friend, asker)
    ]
    bystander = await node.hub.open(user_id=blocked, session_id=uuid4())

    await leave(node, mira)

    for outlet in outlets:
        assert await heard(outlet) == [FriendRemoved(user_id=mira.user_id)]
    assert not bystander._queue


async def test_the_end_of_a_session_is_the_last_event_of_its_tab(node: Node) -> None:
    mira = await joined(node)
    outlet = await node.open_outlet(mira)

    await leave(node, mira)

    assert await heard(outlet) == [SessionEnded(reason="account_deleted")]


async def test_a_deleted_account_is_in_no_group_any_more(node: Node) -> None:
    mira = await joined(node)
    one, two = [await new_user(node) for _ in range(2)]
    group = await add_group(node, actor_id=one, title="Trip", member_ids=[two, mira.user_id])

    await leave(node, mira)

    async with node.database.reading() as session:
        seen = await get_conversation(
            session, viewer_id=one, conversation_id=group, online=node.online
        )
    assert [receipt.user_id for receipt in seen.receipts] == [two]
    assert {member.id for member in seen.members} == {one, two}
    assert seen.members_count == 2


async def test_requests_during_a_deletion_leave_no_row(node: Node) -> None:
    mira = await joined(node)
    askers = [await new_user(node) for _ in range(10)]
    for asker in askers[:5]:
        await node.friends.request(actor_id=asker, user_id=mira.user_id)

    await asyncio.gather(
        leave(node, mira),
        *(node.friends.accept(actor_id=mira.user_id, user_id=asker) for asker in askers[:5]),
        *(node.friends.request(actor_id=asker, user_id=mira.user_id) for asker in askers[5:]),
        return_exceptions=True,
    )

    assert await count(node, Friendship) == 0
    assert await count(node, FriendRequest) == 0
