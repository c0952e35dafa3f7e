"""Connecting: two statements, and a few more for many devices at once."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from chat_app.accounts.schemas import Device, Identity, Registration, SignedIn
from chat_app.accounts.session_monitor import SessionMonitor
from chat_app.core.clock import utc_now
from chat_app.models import AuthSession
from chat_app.node.node import Node
from chat_app.realtime.outlet import Outlet
from tests.harness.chats import Storage
from tests.harness.clients import PASSWORD, new_username
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node, open_still_node, to_conversation, to_user
from tests.harness.statements import plan_of, statements

CROWD = 50
OF_CONNECTING = ("auth_session", "FROM user_account WHERE", "AS unread", "conversation.kind")
A_DAY = timedelta(days=1)


async def sign_up(node: Node) -> SignedIn:
    """Make an account that is signed in on one device."""
    registration = Registration(username=new_username(), password=PASSWORD)
    return await node.accounts.register(registration, device=Device())


async def connect(node: Node, signed_in: SignedIn) -> Outlet:
    """Connect as a program does: say who it is, and be greeted."""
    assert signed_in.tokens is not None
    known = await node.accounts.authenticate_token(signed_in.tokens.access_token)
    assert known is not None
    assert known.user == signed_in.user
    outlet, _ = await node.open_with_unread(known.identity)
    return outlet


@contextlib.contextmanager
def statements_of_connecting() -> Iterator[list[str]]:
    """Give a list that has, after the block, what connecting asked.

    Presence and catching up ask as well, for all at once and at their own times, and a connection
    that is made asks what it has come to.
    """
    asked: list[str] = []
    with statements() as seen:
        yield asked
    asked += [text for text in seen if any(name in text for name in OF_CONNECTING)]


async def session_of(node: Node, session_id: UUID) -> AuthSession:
    async with node.database.reading() as session:
        statement = select(AuthSession).where(col(AuthSession.id) == session_id)
        return (await session.execute(statement)).scalar_one()


async def change_session(node: Node, session_id: UUID, **values: object) -> None:
    """Change a session behind everybody's back: the news of it is lost."""
    async with node.database.writing() as session:
        await session.execute(
            update(AuthSession).where(col(AuthSession.id) == session_id).values(**values)
        )


async def identity_of(node: Node, signed_in: SignedIn) -> Identity:
    known = await node.accounts.authenticate_cookie(signed_in.cookie)
    assert known is not None
    return known.identity


async def test_connecting_costs_two_statements(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        alice, bob = await sign_up(node), await new_user(node)
        await node.messages.send(to_user(bob, alice.user.id))
        (await connect(node, alice)).close_after_queue(1000, "warm")
        with statements_of_connecting() as asked:
            await connect(node, alice)

        assert len(asked) == 2, asked


async def test_groups_cost_one_statement_more(storage: Storage) -> None:
    """What came before the outlet heard a group must be counted, what comes after it is told."""
    async with open_still_node(storage) as node:
        alice, bob = await sign_up(node), await new_user(node)
        for _ in range(3):
            group = await add_group(
                node, actor_id=bob, title="group", member_ids=[bob, alice.user.id]
            )
            await node.messages.send(to_conversation(bob, group))
        with statements_of_connecting() as asked:
            await connect(node, alice)

        assert len(asked) <= 3, asked


async def test_a_crowd_that_comes_at_once_costs_a_few_statements(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        some = [await sign_up(node) for _ in range(5)]
        devices = [one for one in some for _ in range(CROWD // len(some))]
        with statements_of_connecting() as asked:
            outlets = await asyncio.gather(*(connect(node, device) for device in devices))

        assert len(outlets) == CROWD
        assert len(asked) <= 10, asked


async def test_no_look_up_of_connecting_reads_a_whole_table(storage: Storage) -> None:
    """On SQLite, which tells its plan; PostgreSQL rightly scans tables as small as these."""
    if storage.database_url:
        return
    async with open_still_node(storage) as node:
        alice = await sign_up(node)
        with statements_of_connecting() as asked:
            outlet = await connect(node, alice)
            await identity_of(node, alice)
            await SessionMonitor(database=node.database, hub=node.hub, lifetime=A_DAY).check_open()
        with statements() as pings:
            await node.conversations.recent_revs(outlet.user_id)
        asked += [text for text in pings if "conversation.last_rev" in text]
        plans = [await plan_of(node, text) for text in asked if text.startswith("SELECT")]

    assert len(plans) >= 5
    tables = ("auth_session", "user_account", "member", "conversation", "message")
    scans = tuple(f"SCAN {table}" for table in tables)
    assert not [line for plan in plans for line in plan if line.startswith(scans)]


async def test_memberships_and_revs_are_loaded_for_each_user(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob, carol = [await new_user(node) for _ in range(3)]
        sent = await node.messages.send(to_user(alice, bob))
        await node.messages.send(to_user(alice, bob))
        group = await add_group(node, actor_id=alice, title="group", member_ids=[alice, bob])

        memberships = await asyncio.gather(*map(node.conversations.membership, [alice, bob, carol]))
        revs = await asyncio.gather(*map(node.conversations.recent_revs, [bob, carol]))

    assert memberships == [
        ([group], {}, {}),
        ([group], {sent.message.conversation_id: 2}, {}),
        None,
    ]
    assert revs == [{sent.message.conversation_id: 2, group: 0}, None]


async def test_a_session_in_use_is_extended(storage: Storage) -> None:
    """By a request, or by a device that is merely connected."""
    long_ago = utc_now() - A_DAY
    async with open_node(storage) as node:
        asks, listens, neither = [await sign_up(node) for _ in range(3)]
        identities = [await identity_of(node, one) for one in (asks, listens, neither)]
        for one in identities:
            await change_session(node, one.session_id, last_used_at=long_ago)
        await node.open_outlet(identities[1])
        await identity_of(node, asks)
    async with open_node(storage) as node:
        await node.open_outlet(identities[1])
        await SessionMonitor(database=node.database, hub=node.hub, lifetime=A_DAY).check_open()
        used = [(await session_of(node, one.session_id)) for one in identities]

    assert [one.last_used_at > long_ago for one in used] == [True, True, False]
    assert used[1].expires_at > utc_now()
