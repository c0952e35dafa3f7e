"""Write the demo's story into an empty database, with the rows that real use would have left."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from chat_app.accounts.names import part_rows
from chat_app.accounts.rules import check_new_password, username_key
from chat_app.core import migrations
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.ids import id_at, new_id, pair_key
from chat_app.core.passwords import Passwords
from chat_app.core.text import fold
from chat_app.demo.later import write_due_items
from chat_app.demo.people import FIRST, FRIENDSHIPS, NEIGHBOURS, REQUESTS, Neighbour
from chat_app.demo.story import Published, Talk, read_story
from chat_app.messages.emoji import qualified
from chat_app.messages.log.mentioned import mentions_text
from chat_app.messages.mentions import calls_in
from chat_app.models import (
    Conversation,
    EarlierText,
    FriendRequest,
    Friendship,
    Member,
    Mention,
    Message,
    NamePart,
    Reaction,
    User,
)
from chat_app.realtime.shapes import Notice
from chat_app.search.rebuild import rebuild

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
        await write_due_items(connection, ids, now.astimezone())
    # The change log has nothing of it.
    await rebuild(database, lambda _: None)


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
        admin=one.username == FIRST,
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
    people = [ids[name] for name in talk.people]
    last = talk.messages[-1]
    # A group begins with the notice that it was made.
    notices = 1 if talk.title else 0
    conversation = Conversation(
        kind="group" if talk.title else "direct",
        title=talk.title,
        title_key=fold(talk.title),
        visibility="open" if talk.is_open else "private",
        direct_key=None if talk.title else pair_key(*people),
        members_count=len(people),
        created_by=people[0] if talk.title else ids[talk.messages[0].sender],
        last_seq=notices + len(talk.messages),
        last_rev=notices + sum(map(_changes, talk.messages)),
        created_at=talk.messages[0].at,
        updated_at=last.at,
    )
    await connection.execute(insert(Conversation), conversation.model_dump())
    members = [_member(conversation, ids[name], talk, name) for name in talk.people]
    await connection.execute(insert(Member), members)
    rows = [_notice(conversation, people)] if talk.title else []
    told = _messages(conversation.id, ids, talk.messages, after=notices)
    await connection.execute(insert(Message), [*rows, *told])
    await _write_parts(connection, ids, talk.messages, told)
    mentions = [
        {"user_id": user_id, "conversation_id": conversation.id, "seq": seq}
        for seq, one in enumerate(talk.messages, notices + 1)
        for user_id in _mentioned(one.content, ids)
    ]
    if mentions:
        await connection.execute(insert(Mention), mentions)


def _member(conversation: Conversation, user_id: UUID, talk: Talk, name: str) -> dict[str, Any]:
    owns = bool(talk.title) and name == talk.people[0]
    is_last = name == talk.messages[-1].sender or (bool(talk.title) and not owns)
    read_seq = conversation.last_seq - (0 if is_last else talk.unread)
    return Member(
        conversation_id=conversation.id,
        user_id=user_id,
        opened=True,
        last_read_seq=read_seq,
        read_seq=read_seq,
        delivered_seq=conversation.last_seq - (0 if is_last else talk.waiting),
        joined_at=conversation.created_at,
        role="owner" if owns else "member",
    ).model_dump()


def _notice(conversation: Conversation, people: list[UUID]) -> dict[str, Any]:
    owner, *others = people
    notice = Notice(
        event="created", actor_id=owner, user_ids=tuple(others), title=conversation.title
    )
    return Message(
        conversation_id=conversation.id,
        seq=1,
        rev=1,
        client_id=uuid4().hex,
        sender_id=owner,
        content="",
        created_at=conversation.created_at,
        kind="notice",
        notice=msgspec.json.encode(notice).decode(),
    ).model_dump()


async def _write_parts(
    connection: AsyncConnection, ids: Ids, published: Iterable[Published], told: Rows
) -> None:
    """Write reactions and earlier texts; each reaction has one of the last revs of its message."""
    reactions, texts = [], []
    for one, row in zip(published, told, strict=True):
        first = row["rev"] - len(one.marks.reactions) + 1
        reactions += [
            {
                "message_id": row["id"],
                "emoji": qualified(emoji),
                "user_id": ids[who],
                "rev": rev,
                "created_at": one.at + timedelta(minutes=2),
            }
            for rev, (emoji, who) in enumerate(one.marks.reactions, first)
        ]
        if one.marks.was:
            texts.append(
                {
                    "message_id": row["id"],
                    "rev": row["rev"] - 1,
                    "content": one.marks.was,
                    "written_at": one.at,
                }
            )
    if reactions:
        await connection.execute(insert(Reaction), reactions)
    if texts:
        await connection.execute(insert(EarlierText), texts)


def _messages(
    conversation_id: UUID, ids: Ids, published: Iterable[Published], *, after: int
) -> Rows:
    rows: Rows = []
    rev = after
    for seq, one in enumerate(published, after + 1):
        rev += _changes(one)
        message = Message(
            id=id_at(one.at),
            conversation_id=conversation_id,
            seq=seq,
            rev=rev,
            client_id=uuid4().hex,
            sender_id=ids[one.sender],
            content=one.content,
            created_at=one.at,
            edited_at=one.at + timedelta(minutes=1) if one.is_edited else None,
            deleted_at=one.at + timedelta(seconds=20) if one.is_deleted else None,
            mentions=mentions_text(_mentioned(one.content, ids)),
            mentions_all=calls_in(one.content).calls_all,
            is_changed=_changes(one) > 1,
            reply_to=rows[-one.marks.above]["id"] if one.marks.above else None,
            forwarded_from=ids.get(one.marks.forwarded_from),
            pinned_at=one.at + timedelta(minutes=1) if one.marks.pinned_by else None,
            pinned_by=ids.get(one.marks.pinned_by),
            has_reactions=bool(one.marks.reactions),
        )
        rows.append(message.model_dump())
    return rows


def _mentioned(content: str, ids: Ids) -> tuple[UUID, ...]:
    """Return the people whom a text mentions; nobody mentions strangers in the story."""
    return tuple(ids[key] for names in calls_in(content).names for key in names if key in ids)


def _changes(one: Published) -> int:
    """Return the number of revisions of a message: one, and one more for each change."""
    is_changed = one.is_edited or one.is_deleted
    return 1 + is_changed + bool(one.marks.pinned_by) + len(one.marks.reactions)
