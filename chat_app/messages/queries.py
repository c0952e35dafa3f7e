"""Reads about messages on behalf of a member: pages, and changes after given revs.

Permission is in each statement.
"""

import functools
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    Uuid,
    bindparam,
    or_,
    select,
    tuple_,
)
from sqlmodel import col

from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.queries import conversations_of, with_members
from chat_app.conversations.schemas import Conversation
from chat_app.conversations.views import message_of, views_of
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.ids import pair_key
from chat_app.core.json_rows import JsonRows, as_json, as_parameter
from chat_app.friends.cards import VIEWER
from chat_app.friends.queries import user_card
from chat_app.messages.schemas import MessagePage
from chat_app.models import Conversation as ConversationRow
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

PAGE_SIZE = 50
END = 2**63 - 1


class MessageRow(msgspec.Struct):
    """A message of a JSON text; `direct_key` where the statement selects it."""

    id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    content: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    direct_key: str | None = None


_decode = msgspec.json.Decoder(list[MessageRow]).decode


async def history(
    database: Database,
    *,
    viewer_id: UUID,
    conversation_id: UUID,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE_SIZE,
) -> MessagePage:
    """Return a page of a conversation: before or after a `seq`, or the newest.

    Raises ConversationNotFound, or Invalid when both ends are given.
    """
    page = await _page(
        database,
        {"viewer_id": viewer_id, "conversation_id": conversation_id},
        before=before,
        after=after,
        limit=limit,
    )
    if page is None:
        raise ConversationNotFound
    return page


async def direct_history(
    database: Database,
    *,
    viewer_id: UUID,
    user_id: UUID,
    online: Online,
    before: int | None = None,
    after: int | None = None,
    limit: int = PAGE_SIZE,
) -> MessagePage:
    """Return a page of the direct conversation with a user; empty when there are no messages.

    Raises PersonNotFound, or Invalid when both ends are given.
    """
    page = await _page(
        database,
        {"viewer_id": viewer_id, "direct_key": pair_key(viewer_id, user_id)},
        before=before,
        after=after,
        limit=limit,
    )
    if page is None:
        async with database.reading() as session:
            await user_card(session, viewer_id=viewer_id, user_id=user_id, online=online)
        return MessagePage(items=[], has_more=False)
    return page


async def changed_conversations(
    database: Database, *, viewer_id: UUID, cursors: Mapping[UUID, int], online: Online
) -> list[Conversation]:
    """Return the conversations of `viewer_id` whose `last_rev` is not that of their cursor."""
    values = {"viewer_id": viewer_id, "rows": _rows(cursors)}
    rows = await database.fetch_all(_changed(database.engine.dialect.name), values)
    return await views_of(rows, viewer_id=viewer_id, online=online)


async def changes_since(
    database: Database, *, viewer_id: UUID, cursors: Mapping[UUID, int]
) -> dict[UUID, list[Message]]:
    """Return the messages of these conversations with a later `rev`, in its order.

    Conversations without any, or of which `viewer_id` is no member, are missing.
    """
    if not cursors:
        return {}
    values = {"viewer_id": viewer_id, "rows": _rows(cursors)}
    changes: dict[UUID, list[Message]] = {}
    [answer] = await database.fetch_all(_changes(database.engine.dialect.name), values)
    for row in sorted(_decode(answer.rows or "[]"), key=attrgetter("rev")):
        changes.setdefault(row.conversation_id, []).append(message_of(row, row.direct_key))
    return changes


async def _page(
    database: Database,
    which: Mapping[str, UUID | str],
    *,
    before: int | None,
    after: int | None,
    limit: int,
) -> MessagePage | None:
    """Return a page, None where the viewer is no member."""
    if before is not None and after is not None:
        raise Invalid({"after": "Give either before or after."})
    rising = after is not None
    seq = after if after is not None else END if before is None else before
    dialect = database.engine.dialect.name
    statement = _page_statement(dialect, is_direct="direct_key" in which, rising=rising)
    answers = await database.fetch_all(statement, {**which, "seq": seq, "most": limit + 1})
    if not answers:
        return None
    [answer] = answers
    rows = sorted(_decode(answer.rows or "[]"), key=attrgetter("seq"))
    items = [message_of(row, answer.direct_key) for row in rows]
    shown = items[:limit] if rising else items[-limit:]
    return MessagePage(items=shown, has_more=len(items) > limit)


@functools.cache
def _page_statement(dialect: str, *, is_direct: bool, rising: bool) -> Select[*tuple[Any, ...]]:
    """Select the page as one row, which only a member gets: the only statement of a page."""
    conversation_id: ColumnElement[UUID]
    if is_direct:
        is_wanted = CONVERSATIONS.c.direct_key == bindparam("direct_key")
        conversation_id = select(CONVERSATIONS.c.id).where(is_wanted).scalar_subquery()
    else:
        conversation_id = bindparam("conversation_id", type_=Uuid)
        is_wanted = CONVERSATIONS.c.id == conversation_id
    seq = MESSAGES.c.seq
    bound = bindparam("seq", type_=BigInteger)
    page = (
        select(MESSAGES)
        .where(
            MESSAGES.c.conversation_id == conversation_id, seq > bound if rising else seq < bound
        )
        .order_by(seq.asc() if rising else seq.desc())
        .limit(bindparam("most", type_=BigInteger))
        .subquery("page")
    )
    return (
        select(CONVERSATIONS.c.direct_key, _as_text(dialect, page).label("rows"))
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .where(is_wanted, MEMBERS.c.user_id == bindparam("viewer_id", type_=Uuid))
    )


@functools.cache
def _changed(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the conversations of `viewer_id` that are not at their cursors."""
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    identifier, last_rev = col(ConversationRow.id), col(ConversationRow.last_rev)
    # A sub-select, of which the database makes an index: in a join every conversation would be
    # compared with every cursor.
    cursors = select(given.columns["id"], given.columns["rev"]).select_from(given.table)
    given_ids = select(given.columns["id"]).select_from(given.table)
    return with_members(
        conversations_of(VIEWER).where(
            tuple_(identifier, last_rev).not_in(cursors),
            or_(last_rev > 0, identifier.in_(given_ids)),
        )
    )


@functools.cache
def _changes(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the messages of `viewer_id` that changed after the cursors, as one text."""
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    later = (
        select(MESSAGES, CONVERSATIONS.c.direct_key)
        .select_from(given.table)
        .join(
            MEMBERS,
            (MEMBERS.c.conversation_id == given.columns["id"]) & (MEMBERS.c.user_id == VIEWER),
        )
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MEMBERS.c.conversation_id)
        .join(
            MESSAGES,
            (MESSAGES.c.conversation_id == given.columns["id"])
            & (MESSAGES.c.rev > given.columns["rev"]),
        )
        .subquery("later")
    )
    return select(_as_text(dialect, later).label("rows"))


def _rows(cursors: Mapping[UUID, int]) -> str:
    return as_parameter([{"id": identifier, "rev": rev} for identifier, rev in cursors.items()])


def _as_text(dialect: str, rows: Subquery) -> ScalarSelect[str | None]:
    """Select all of `rows` as one JSON text, in no order: many rows are read faster like this."""
    return select(as_json(dialect, rows)).scalar_subquery()
