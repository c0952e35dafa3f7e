"""Reads about one message on behalf of a member: its reactions and texts, and what is pinned.

Permission is in each statement, or in `readable_message`.
"""

import functools
import re
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, String, Uuid, bindparam, select
from sqlmodel import col

from chat_app.conversations.errors import BadCursor, ConversationNotFound
from chat_app.conversations.message_rows import (
    IS_READABLE,
    SENDER,
    message_columns,
    message_of,
    person_of,
)
from chat_app.core.database import Database
from chat_app.friends.cards import VIEWER
from chat_app.messages.emoji import qualified
from chat_app.messages.errors import MessageNotFound, NotAnEmoji
from chat_app.messages.schemas import EarlierText, Pins, Reactor, ReactorPage, Texts
from chat_app.models.tables import (
    CONVERSATIONS,
    EARLIER_TEXTS,
    MEMBERS,
    MESSAGES,
    REACTIONS,
    USERS,
)
from chat_app.realtime.shapes import Message

# The `rev` of a reaction: the place after it.
CURSOR = re.compile(r"[0-9]{1,18}")


async def readable_message(database: Database, *, viewer_id: UUID, message_id: UUID) -> Message:
    """Return a message. Raises MessageNotFound where it is not the viewer's to read."""
    given = {"viewer_id": viewer_id, "message_id": message_id}
    rows = await database.fetch_all(_readable(database.dialect), given)
    if not rows:
        raise MessageNotFound
    return message_of(rows[0], rows[0].direct_key)


async def pinned_messages(database: Database, *, viewer_id: UUID, conversation_id: UUID) -> Pins:
    """Return the pinned messages of a conversation, the newest pin first.

    Raises ConversationNotFound.
    """
    given = {"viewer_id": viewer_id, "conversation_id": conversation_id}
    rows = await database.fetch_all(_pinned(database.dialect), given)
    if not rows and not await database.fetch_all(_membership(), given):
        raise ConversationNotFound
    return Pins(items=[message_of(row, row.direct_key) for row in rows])


async def texts_of(database: Database, *, viewer_id: UUID, message_id: UUID) -> Texts:
    """Return all texts that a message has had, none of a deleted one. Raises MessageNotFound."""
    message = await readable_message(database, viewer_id=viewer_id, message_id=message_id)
    if message.deleted_at is not None:
        return Texts(items=[])
    rows = await database.fetch_all(_earlier_texts(), {"message_id": message_id})
    texts = [
        EarlierText(content=row.content, at=row.written_at) for row in rows if row.rev < message.rev
    ]
    present = EarlierText(content=message.content, at=message.edited_at or message.created_at)
    return Texts(items=[*texts, present])


async def own_reactions(database: Database, *, viewer_id: UUID, message_id: UUID) -> set[str]:
    """Return the emoji with which the viewer has reacted to a message."""
    given = {"viewer_id": viewer_id, "message_id": message_id}
    return {row.emoji for row in await database.fetch_all(_own_reactions(), given)}


async def reactors_of(
    database: Database,
    *,
    viewer_id: UUID,
    message_id: UUID,
    emoji: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> ReactorPage:
    """Return a page of those who have reacted, with one emoji or any, in the order they did.

    Raises MessageNotFound, NotAnEmoji and BadCursor.
    """
    await readable_message(database, viewer_id=viewer_id, message_id=message_id)
    values: dict[str, Any] = {"message_id": message_id, "most": limit + 1, "after": 0}
    if after is not None:
        if not CURSOR.fullmatch(after):
            raise BadCursor("after")
        values["after"] = int(after)
    if emoji is not None:
        values["emoji"] = qualified(emoji)
        if values["emoji"] is None:
            raise NotAnEmoji
    rows = await database.fetch_all(_reactors(is_of_one=emoji is not None), values)
    items = [
        Reactor(
            user=person_of(row.id, row.username, row.display_name, row.avatar),
            emoji=row.emoji,
            at=row.created_at,
        )
        for row in rows[:limit]
    ]
    more = len(rows) > limit
    return ReactorPage(items=items, next_after=str(rows[limit - 1].rev) if more else None)


def _of_viewer(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select messages that the viewer may read."""
    return (
        select(*message_columns(dialect, viewer_id=VIEWER), CONVERSATIONS.c.direct_key)
        .select_from(MESSAGES)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        .join(
            MEMBERS,
            (MEMBERS.c.conversation_id == CONVERSATIONS.c.id) & (MEMBERS.c.user_id == VIEWER),
        )
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        .where(IS_READABLE)
    )


@functools.cache
def _readable(dialect: str) -> Select[*tuple[Any, ...]]:
    return _of_viewer(dialect).where(MESSAGES.c.id == bindparam("message_id", type_=Uuid))


@functools.cache
def _pinned(dialect: str) -> Select[*tuple[Any, ...]]:
    return (
        _of_viewer(dialect)
        .where(
            MESSAGES.c.conversation_id == bindparam("conversation_id", type_=Uuid),
            MESSAGES.c.pinned_at.is_not(None),
        )
        .order_by(MESSAGES.c.pinned_at.desc(), MESSAGES.c.seq.desc())
    )


@functools.cache
def _membership() -> Select[*tuple[Any, ...]]:
    return select(MEMBERS.c.user_id).where(
        MEMBERS.c.conversation_id == bindparam("conversation_id", type_=Uuid),
        MEMBERS.c.user_id == VIEWER,
    )


@functools.cache
def _earlier_texts() -> Select[*tuple[Any, ...]]:
    return (
        select(EARLIER_TEXTS.c.rev, EARLIER_TEXTS.c.content, EARLIER_TEXTS.c.written_at)
        .where(EARLIER_TEXTS.c.message_id == bindparam("message_id", type_=Uuid))
        .order_by(EARLIER_TEXTS.c.rev)
    )


@functools.cache
def _own_reactions() -> Select[*tuple[Any, ...]]:
    return select(REACTIONS.c.emoji).where(
        REACTIONS.c.message_id == bindparam("message_id", type_=Uuid),
        REACTIONS.c.user_id == VIEWER,
    )


@functools.cache
def _reactors(*, is_of_one: bool) -> Select[*tuple[Any, ...]]:
    found = (
        select(
            REACTIONS.c.emoji,
            REACTIONS.c.rev,
            REACTIONS.c.created_at,
            USERS.c.id,
            USERS.c.username,
            USERS.c.display_name,
            USERS.c.avatar,
        )
        .join(USERS, USERS.c.id == REACTIONS.c.user_id)
        .where(
            REACTIONS.c.message_id == bindparam("message_id", type_=Uuid),
            REACTIONS.c.rev > bindparam("after", type_=BigInteger),
        )
    )
    if is_of_one:
        found = found.where(REACTIONS.c.emoji == bindparam("emoji", type_=String))
    return found.order_by(REACTIONS.c.rev).limit(bindparam("most", type_=BigInteger))
