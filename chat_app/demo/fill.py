"""Write the demo's story into an empty database, with the rows that real use would have left."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from chat_app.accounts.names import part_rows
from chat_app.accounts.rules import check_new_password, username_key
from chat_app.core import migrations
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.ids import new_id, pair_key
from chat_app.core.passwords import Passwords
from chat_app.demo.people import FRIENDSHIPS, NEIGHBOURS, REQUESTS, Neighbour
from chat_app.demo.story import Published, Talk, read_story
from chat_app.models import (
    Conversation,
    FriendRequest,
    Friendship,
    Member,
    Message,
    NamePart,
    User,
)

PASSWORD = "lime-street"  # noqa: S105  # that of all demo people, and no secret
MOVED_IN = timedelta(days=40)
BECAME_FRIENDS = timedelta(days=21)
ASKED = timedelta(hours=2)

Ids = dict[str, UUID]
Rows = list[dict[str, Any]]


class NotEmpty(Exception):
    """The database has accounts already."""


async def fill(database: Database) -> None:
    """Migrate the database and add the demo's people and messages. Raises NotEmpty."""
    if await migrations.current_revision(database) is not None:
        async with database.reading() as session:
            await _must_be_empty(session)
    await migrations.upgrade(database)
    hashes = await _hashes([one.username for one in NEIGHBOURS])
    now = utc_now()
    ids = {one.username: new_id() for one in NEIGHBOURS}
    async with database.transaction() as connection:
        await _must_be_empty(connection)
        await _write_people(connection, ids, hashes, now)
        await _write_relations(connection, ids, now)
        # The story's days are in the time zone of this machine.
        for talk in read_story(now.astimezone()):
            await _write_talk(connection, ids, talk)


async def _must_be_empty(connection: AsyncConnection | AsyncSession) -> None:
    if (await connection.execute(select(col(User.id)).limit(1))).first() is not None:
        raise NotEmpty


async def _hashes(usernames: Iterable[str]) -> dict[str, str]:
    passwords = Passwords()
    try:
        names = list(usernames)
        checked = [check_new_password(PASSWORD, name) for name in names]
        return dict(zip(names, await asyncio.gather(*map(passwords.hash, checked)), strict=True))
    finally:
        passwords.close()


async def _write_people(
    connection: AsyncConnection, ids: Ids, hashes: dict[str, str], now: datetime
) -> None:
    people = [
        _person(one, ids[one.username], hashes[one.username], now).model_dump()
        for one in NEIGHBOURS
    ]
    parts = [
        row
        for one in NEIGHBOURS
        for row in part_rows(ids[one.username], one.username, one.display_name)
    ]
    await connection.execute(insert(User), people)
    await connection.execute(insert(NamePart), parts)


def _person(one: Neighbour, user_id: UUID, password_hash: str, now: datetime) -> User:
    return User(
        id=user_id,
        username=one.username,
        username_key=username_key(one.username),
        display_name=one.display_name,
        status_text=one.status_text,
        bio=one.bio,
        password_hash=password_hash,
        share_presence=one.share_presence,
        created_at=now - MOVED_IN,
        last_seen_at=now - timedelta(minutes=one.minutes),
    )


async def _write_relations(connection: AsyncConnection, ids: Ids, now: datetime) -> None:
    friendships = [
        {"user_id": ids[mine], "friend_id": ids[theirs], "created_at": now - BECAME_FRIENDS}
        for one, other in map(str.split, FRIENDSHIPS)
        for mine, theirs in ((one, other), (other, one))
    ]
    requests = [
        {
            "sender_id": ids[sender],
            "receiver_id": ids[receiver],
            "pair_key": pair_key(ids[sender], ids[receiver]),
            "created_at": now - ASKED,
        }
        for sender, receiver in map(str.split, REQUESTS)
    ]
    await connection.execute(insert(Friendship), friendships)
    await connection.execute(insert(FriendRequest), requests)


async def _write_talk(connection: AsyncConnection, ids: Ids, talk: Talk) -> None:
    one, other = ids[talk.one], ids[talk.other]
    last = talk.messages[-1]
    conversation = Conversation(
        kind="direct",
        direct_key=pair_key(one, other),
        created_by=ids[talk.messages[0].sender],
        last_seq=len(talk.messages),
        last_rev=sum(map(_changes, talk.messages)),
        created_at=talk.messages[0].at,
        updated_at=last.at,
    )
    await connection.execute(insert(Conversation), conversation.model_dump())
    members = [
        _member(conversation, ids[name], talk, is_last=name == last.sender)
        for name in (talk.one, talk.other)
    ]
    await connection.execute(insert(Member), members)
    await connection.execute(insert(Message), _messages(conversation.id, ids, talk.messages))


def _member(
    conversation: Conversation, user_id: UUID, talk: Talk, *, is_last: bool
) -> dict[str, Any]:
    read_seq = conversation.last_seq - (0 if is_last else talk.unread)
    return Member(
        conversation_id=conversation.id,
        user_id=user_id,
        opened=True,
        last_read_seq=read_seq,
        read_seq=read_seq,
        delivered_seq=conversation.last_seq - (0 if is_last else talk.waiting),
        joined_at=conversation.created_at,
    ).model_dump()


def _messages(conversation_id: UUID, ids: Ids, published: Iterable[Published]) -> Rows:
    rows: Rows = []
    rev = 0
    for seq, one in enumerate(published, 1):
        rev += _changes(one)
        message = Message(
            conversation_id=conversation_id,
            seq=seq,
            rev=rev,
            client_id=uuid4().hex,
            sender_id=ids[one.sender],
            content=one.content,
            created_at=one.at,
            edited_at=one.at + timedelta(minutes=1) if one.is_edited else None,
            deleted_at=one.at + timedelta(seconds=20) if one.is_deleted else None,
        )
        rows.append(message.model_dump())
    return rows


def _changes(one: Published) -> int:
    """Return the number of revisions of a message: one, and one more if it was changed."""
    return 2 if one.is_edited or one.is_deleted else 1
