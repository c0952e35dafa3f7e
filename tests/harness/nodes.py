"""Nodes that run in the test's process without a server, and users without a password."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from chat_app.accounts import session_monitor
from chat_app.accounts.names import part_rows
from chat_app.accounts.store import index_names
from chat_app.change_log import tail
from chat_app.conversations import deliveries
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.ids import new_id
from chat_app.core.settings import Settings, read_settings
from chat_app.files import check, removal
from chat_app.messages.due import queue as due_queue
from chat_app.messages.schemas import NewMessage
from chat_app.models import NamePart, User
from chat_app.node.node import Node, running_node
from chat_app.push.sender import PushSender
from chat_app.search.indexer import Indexer
from tests.harness.chats import SECRET, Storage

# The intervals of a node's periodic statements.
PERIODS = (
    (tail, "INTERVAL_S"),
    (due_queue, "INTERVAL_S"),
    (deliveries, "INTERVAL_S"),
    (session_monitor, "INTERVAL_S"),
    (check, "INTERVAL_S"),
    (removal, "INTERVAL_S"),
)
NEVER_S = 3_600.0
AT_ONCE = 1_000


def settings_of(storage: Storage, **more: str) -> Settings:
    """Read the settings of `storage`; limits are off unless `more` turns them on."""
    names = {"CHAT_LIMITS": "off", "CHAT_SECRET_KEY": SECRET, **storage.settings, **more}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        return read_settings()


@asynccontextmanager
async def open_node(storage: Storage, **more: str) -> AsyncIterator[Node]:
    """Run a node over `storage`."""
    async with running_node(settings_of(storage, **more)) as node:
        yield node


@asynccontextmanager
async def open_still_node(storage: Storage, **more: str) -> AsyncIterator[Node]:
    """Run a node over `storage` without periodic statements, an index of messages, and pushes.

    The index is filled and pushes are sent after each send, beside it.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module, name in PERIODS:
            patch.setattr(module, name, NEVER_S)
        for beside in (Indexer, PushSender):
            patch.setattr(beside, "start", lambda _task, _supervisor: None)
        async with open_node(storage, **more) as node:
            yield node


async def new_user(node: Node, display_name: str = "Somebody", **fields: Any) -> UUID:  # noqa: ANN401  # columns of any type
    """Store a user who can never sign in, and return their id."""
    username = f"u{uuid4().hex[:20]}"
    user = User(
        username=username,
        username_key=username,
        display_name=display_name,
        password_hash="none",
        **fields,
    )
    async with node.database.writing() as session:
        session.add(user)
        await index_names(session, user)
    return user.id


async def change_user(node: Node, user_id: UUID, **values: object) -> None:
    """Set columns of a user."""
    async with node.database.writing() as session:
        await session.execute(update(User).where(col(User.id) == user_id).values(**values))


async def delete_user(node: Node, user_id: UUID) -> None:
    """Mark a user as deleted, without removing their relations."""
    await change_user(node, user_id, deleted_at=utc_now())


async def new_users(node: Node, count: int) -> list[UUID]:
    """Add many users at once, whom the search does not find, and return their ids."""
    async with node.database.transaction() as connection:
        return await _insert_users(connection, [(uuid4().hex, "Somebody") for _ in range(count)])


async def add_crowd(node: Node, names: Sequence[tuple[str, str]]) -> None:
    """Add many users whom the search finds by their usernames and display names."""
    async with node.database.transaction() as connection:
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            ids = await _insert_users(connection, some)
            parts = [part_rows(user_id, *name) for user_id, name in zip(ids, some, strict=True)]
            await connection.execute(insert(NamePart), [row for rows in parts for row in rows])


async def people_named(node: Node, usernames: Sequence[str]) -> list[UUID]:
    """Return the ids of users by their usernames, in their order."""
    async with node.database.reading() as session:
        rows = await session.execute(select(col(User.username), col(User.id)))
        ids = {row.username: row.id for row in rows}
    return [ids[username] for username in usernames]


async def _insert_users(
    connection: AsyncConnection, names: Sequence[tuple[str, str]]
) -> list[UUID]:
    people = [
        User(
            id=new_id(),
            username=username,
            username_key=username,
            display_name=display_name,
            password_hash="",
            created_at=utc_now(),
        )
        for username, display_name in names
    ]
    await connection.execute(insert(User), [person.model_dump() for person in people])
    return [person.id for person in people]


def to_user(
    sender_id: UUID, receiver_id: UUID, content: str = "hello", key: str = ""
) -> NewMessage:
    """Address a message to a user."""
    return NewMessage(sender_id, content, key or uuid4().hex, receiver_id=receiver_id)


def to_conversation(sender_id: UUID, conversation_id: UUID, content: str = "hello") -> NewMessage:
    """Address a message to a conversation."""
    return NewMessage(sender_id, content, uuid4().hex, conversation_id=conversation_id)


@asynccontextmanager
async def open_database(url: str, folder: Path) -> AsyncIterator[Database]:
    """Open a database by its address, without migrating it."""
    database = Database(settings_of(Storage("", url, "", folder)))
    try:
        yield database
    finally:
        await database.close()
