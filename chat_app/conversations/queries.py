"""Every statement about conversations, on behalf of a member: permission is in each query."""

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Select, bindparam, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.conversations.direct import peer_of
from chat_app.conversations.errors import BadCursor, ConversationNotFound
from chat_app.conversations.schemas import Conversation, ConversationPage
from chat_app.conversations.views import (
    conversations_of,
    load_views,
    unread_of,
    with_members,
)
from chat_app.friends.cards import VIEWER
from chat_app.models import Conversation as ConversationRow
from chat_app.models import Member
from chat_app.models.tables import CONVERSATIONS
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message as MessageView

CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{32})")
PEER = aliased(Member)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def get_conversation(
    session: AsyncSession, *, viewer_id: UUID, conversation_id: UUID, online: Online
) -> Conversation:
    """Return one conversation as `viewer_id` sees it. Raises ConversationNotFound."""
    values = {"viewer_id": viewer_id, "conversation_id": conversation_id}
    found = await load_views(session, _one(), values, online=online)
    if not found:
        raise ConversationNotFound
    return found[0]


async def list_conversations(
    session: AsyncSession,
    *,
    viewer_id: UUID,
    online: Online,
    before: str | None = None,
    limit: int = 50,
) -> ConversationPage:
    """Return a page of conversations, newest activity first. Raises BadCursor."""
    values: dict[str, Any] = {"viewer_id": viewer_id, "rows": limit + 1}
    if before is not None:
        values |= _read_cursor(before)
    statement = _listed(first=before is None)
    items = await load_views(session, statement, values, online=online)
    more = len(items) > limit
    items = items[:limit]
    return ConversationPage(items=items, next_before=_cursor(items[-1]) if more else None)


async def unread_counts(session: AsyncSession, *, viewer_id: UUID) -> dict[UUID, int]:
    """Return the unread count of each conversation of `viewer_id` that has any."""
    rows = await session.execute(
        select(col(ConversationRow.id), unread_of(viewer_id))
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .where(
            col(Member.user_id) == viewer_id,
            col(ConversationRow.last_seq) > col(Member.last_read_seq),
        )
    )
    return {row[0]: row[1] for row in rows if row[1] > 0}


async def direct_peers(
    session: AsyncSession, *, user_id: UUID, limit: int
) -> list[tuple[UUID, UUID]]:
    """Return the direct conversations of a user that their peers see listed, with those peers.

    Newest activity first.
    """
    rows = await session.execute(
        select(col(ConversationRow.id), col(PEER.user_id))
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .join(PEER, col(PEER.conversation_id) == col(ConversationRow.id))
        .where(
            col(Member.user_id) == user_id,
            col(PEER.user_id) != user_id,
            col(ConversationRow.kind) == "direct",
            or_(col(ConversationRow.last_seq) > 0, col(PEER.opened)),
        )
        .order_by(col(ConversationRow.updated_at).desc(), col(ConversationRow.id).desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


def message_of(
    row: Any,  # noqa: ANN401  # however it was read
    direct_key: str | None,
) -> MessageView:
    """Make the view of a message, from its row or anything else with its columns."""
    return MessageView(
        id=row.id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        rev=row.rev,
        client_id=row.client_id,
        sender_id=row.sender_id,
        receiver_id=peer_of(direct_key, row.sender_id),
        content=row.content,
        created_at=row.created_at,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
    )


@functools.cache
def _one() -> Select[*tuple[Any, ...]]:
    """Select the conversation `conversation_id` of `viewer_id`."""
    asked = conversations_of(VIEWER).where(
        col(ConversationRow.id) == bindparam("conversation_id", type_=CONVERSATIONS.c.id.type)
    )
    return with_members(asked)


@functools.cache
def _listed(*, first: bool) -> Select[*tuple[Any, ...]]:
    """Select as many as `rows` of the listed conversations of `viewer_id`.

    Those before (`before_moment`, `before_id`) unless it is the first page.
    """
    moment, place = col(ConversationRow.updated_at), col(ConversationRow.id)
    listed = conversations_of(VIEWER).where(
        or_(col(ConversationRow.last_seq) > 0, col(Member.opened))
    )
    if not first:
        before = tuple_(
            bindparam("before_moment", type_=CONVERSATIONS.c.updated_at.type),
            bindparam("before_id", type_=CONVERSATIONS.c.id.type),
        )
        listed = listed.where(tuple_(moment, place) < before)
    most = bindparam("rows", type_=Integer)
    return with_members(listed.order_by(moment.desc(), place.desc()).limit(most))


def _cursor(last: Conversation) -> str:
    microseconds = (last.updated_at - EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}-{last.id.hex}"


def _read_cursor(text: str) -> dict[str, datetime | UUID]:
    match = CURSOR.fullmatch(text)
    if match is None:
        raise BadCursor
    try:
        moment = EPOCH + timedelta(microseconds=int(match[1]))
    except OverflowError:
        raise BadCursor from None
    return {"before_moment": moment, "before_id": UUID(match[2])}
