"""Maintenance: what has expired is removed, by one node at a time, and nothing else."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlmodel import col

from chat_app.accounts.schemas import Device, Identity
from chat_app.accounts.store import add_refresh_token, open_session
from chat_app.core import maintenance
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.core.maintenance import LOCK, Maintenance
from chat_app.models import AuthSession, Change, RefreshToken, Table
from chat_app.node.node import Node
from chat_app.node.parts import JOBS
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_user

DEVICE = Device("Firefox", "192.0.2.7")


async def count(node: Node, table: type[Table]) -> int:
    async with node.database.reading() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def add_sessions(node: Node) -> None:
    """Add a live session, one that has just ended, and old ones that were ended or expired."""
    user, now = await new_user(node), utc_now()
    old, lately = now - timedelta(days=8), now - timedelta(days=6)
    async with node.database.writing() as session:
        for expires_at, ended_at in [
            (now + timedelta(days=30), None),
            (now + timedelta(days=30), lately),
            (lately, None),
            (old, None),
            (now + timedelta(days=30), old),
        ]:
            session_id, _ = open_session(
                session, user_id=user, device=DEVICE, lifetime=timedelta(days=30)
            )
            await add_refresh_token(session, session_id=session_id)
            await session.flush()
            row = await session.get_one(AuthSession, session_id)
            row.expires_at, row.ended_at = expires_at, ended_at


async def test_old_sessions_go_with_their_tokens(storage: Storage) -> None:
    async with open_node(storage) as node:
        await add_sessions(node)

        removed = await Maintenance(node.database, JOBS).remove_expired()

        assert removed["sessions"] == 2
        assert await count(node, AuthSession) == await count(node, RefreshToken) == 3


async def test_entries_of_the_log_go_after_a_day_but_the_newest_stays(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "BATCH_SIZE", 2)
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        for _ in range(5):
            await node.messages.send(to_user(alice, bob))
        before = await count(node, Change)
        assert (await Maintenance(node.database, JOBS).remove_expired())["change_log"] == 0
        async with node.database.writing() as session:
            await session.execute(
                text("UPDATE change_log SET written_at = :old"),
                {"old": utc_now() - timedelta(days=2)},
            )

        removed = await Maintenance(node.database, JOBS).remove_expired()

        assert (removed["change_log"], await count(node, Change)) == (before - 1, 1)
        async with await node.open_outlet(Identity(bob, new_id())) as device:
            await node.messages.send(to_user(alice, bob))
            await node.tail.read()
            assert not device.is_too_slow


async def test_one_node_removes_at_a_time(storage: Storage) -> None:
    if not storage.database_url:
        return  # only PostgreSQL has several nodes
    async with open_node(storage) as node:
        await add_sessions(node)
        async with node.database.transaction() as another:
            await another.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            removed = await asyncio.wait_for(Maintenance(node.database, JOBS).remove_expired(), 30)
            assert removed["sessions"] == 0

        assert (await Maintenance(node.database, JOBS).remove_expired())["sessions"] == 2
        async with node.database.reading() as session:
            ended = await session.scalars(select(col(AuthSession.ended_at)))
            assert all(at is None or at > utc_now() - timedelta(days=7) for at in ended)
