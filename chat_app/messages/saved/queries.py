"""Reads about saved messages on behalf of their owner."""

import functools
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, select, tuple_
from sqlmodel import col

from chat_app.conversations.errors import BadCursor
from chat_app.conversations.message_rows import (
    IS_READABLE,
    SENDER,
    message_columns,
    message_of,
)
from chat_app.core.cursors import cursor_at, place_of
from chat_app.core.database import Database
from chat_app.friends.cards import VIEWER
from chat_app.messages.schemas import Saved, SavedPage
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES, SAVED_MESSAGES

# More than people save by hand: a page keeps these ids.
MAX_IDS = 2_000


async def list_saved(
    database: Database, *, viewer_id: UUID, before: str | None = None, limit: int = 50
) -> SavedPage:
    """Return a page of what the viewer has saved and may read now, the latest first.

    Raises BadCursor and Unavailable.
    """
    values: dict[str, Any] = {"viewer_id": viewer_id, "most": limit + 1}
    if before is not None:
        place = place_of(before)
        if place is None:
            raise BadCursor
        values["before_at"], values["before_id"] = place
    rows = await database.fetch_all(_saved(database.dialect, first=before is None), values)
    items = [
        Saved(message=message_of(row, row.direct_key), at=row.saved_at) for row in rows[:limit]
    ]
    next_before = None
    if len(rows) > limit:
        next_before = cursor_at(items[-1].at, items[-1].message.id)
    return SavedPage(items=items, next_before=next_before)


async def saved_ids(database: Database, *, viewer_id: UUID) -> list[UUID]:
    """Return the ids of the latest messages that the viewer has saved. Raises Unavailable."""
    rows = await database.fetch_all(_ids(), {"viewer_id": viewer_id, "most": MAX_IDS})
    return [row.message_id for row in rows]


@functools.cache
def _saved(dialect: str, *, first: bool) -> Select[*tuple[Any, ...]]:
    place = (SAVED_MESSAGES.c.saved_at, SAVED_MESSAGES.c.message_id)
    found = (
        select(
            SAVED_MESSAGES.c.saved_at,
            CONVERSATIONS.c.direct_key,
            *message_columns(dialect, viewer_id=VIEWER),
        )
        .select_from(SAVED_MESSAGES)
        .join(MESSAGES, MESSAGES.c.id == SAVED_MESSAGES.c.message_id)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        .join(
            MEMBERS,
            (MEMBERS.c.conversation_id == MESSAGES.c.conversation_id)
            & (MEMBERS.c.user_id == VIEWER),
        )
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        .where(SAVED_MESSAGES.c.user_id == VIEWER, IS_READABLE, MESSAGES.c.deleted_at.is_(None))
    )
    if not first:
        before = tuple_(
            bindparam("before_at", type_=SAVED_MESSAGES.c.saved_at.type),
            bindparam("before_id", type_=SAVED_MESSAGES.c.message_id.type),
        )
        found = found.where(tuple_(*place) < before)
    return found.order_by(*(column.desc() for column in place)).limit(
        bindparam("most", type_=Integer)
    )


@functools.cache
def _ids() -> Select[*tuple[Any, ...]]:
    """Select what is saved, without asking whether it is still readable: ids open nothing."""
    return (
        select(SAVED_MESSAGES.c.message_id)
        .where(SAVED_MESSAGES.c.user_id == VIEWER)
        .order_by(SAVED_MESSAGES.c.saved_at.desc(), SAVED_MESSAGES.c.message_id.desc())
        .limit(bindparam("most", type_=Integer))
    )
