"""Every question about conversations, on behalf of a member: permission is in each query."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.conversations.direct import peer_of
from chat_app.conversations.errors import BadCursor, ConversationNotFound
from chat_app.conversations.schemas import Conversation, ConversationPage, Receipt
from chat_app.friends.cards import card_columns, card_of, with_relations
from chat_app.models import Conversation as ConversationRow
from chat_app.models import Member, Message, User
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message as MessageView
from chat_app.realtime.shapes import UserCard

CURSOR = re.compile(r"(\d{1,18})-([0-9a-f]{32})")
ViewRow = Row[ConversationRow, Message | None, int, int]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Made once: an alias composes its columns when they are first used, which takes a millisecond.
OWN = aliased(Message)
# Large groups show a part of their members here.
MEMBERS_SHOWN = 100


def unread_of(viewer_id: UUID) -> ColumnElement[int]:
    """Count what came after the read mark, less one's own.

    Both ends are index look-ups: the cost does not grow with the length of the conversation.
    """
    own_after_mark = (
        select(func.count())
        .select_from(OWN)
        .where(
            col(OWN.conversation_id) == col(ConversationRow.id),
            col(OWN.sender_id) == viewer_id,
            col(OWN.seq) > col(Member.last_read_seq),
        )
        .correlate(ConversationRow, Member)
        .scalar_subquery()
    )
    return col(ConversationRow.last_seq) - col(Member.last_read_seq) - own_after_mark


def conversations_of(viewer_id: UUID) -> Select[ConversationRow, Message, int, int]:
    """Select the conversations of `viewer_id` with last message, own read mark and unread."""
    last = and_(
        col(Message.conversation_id) == col(ConversationRow.id),
        col(Message.seq) == col(ConversationRow.last_seq),
    )
    return (
        select(ConversationRow, Message, col(Member.last_read_seq), unread_of(viewer_id))
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .outerjoin(Message, last)
        .where(col(Member.user_id) == viewer_id)
    )


async def get_conversation(
    session: AsyncSession, *, viewer_id: UUID, conversation_id: UUID, online: Online
) -> Conversation:
    """Return one conversation as `viewer_id` sees it. Raises ConversationNotFound."""
    rows = await session.execute(
        conversations_of(viewer_id).where(col(ConversationRow.id) == conversation_id)
    )
    found = await _views(session, list(rows), viewer_id=viewer_id, online=online)
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
    question = conversations_of(viewer_id).where(
        or_(col(ConversationRow.last_seq) > 0, col(Member.opened))
    )
    if before is not None:
        place = tuple_(col(ConversationRow.updated_at), col(ConversationRow.id))
        question = question.where(place < tuple_(*_read_cursor(before)))
    question = question.order_by(
        col(ConversationRow.updated_at).desc(), col(ConversationRow.id).desc()
    ).limit(limit + 1)
    rows = list(await session.execute(question))
    more = len(rows) > limit
    items = await _views(session, rows[:limit], viewer_id=viewer_id, online=online)
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


async def recent_revs(
    session: AsyncSession, *, viewer_id: UUID, since: timedelta, limit: int = 200
) -> dict[UUID, int]:
    """Return the newest `rev` of the conversations that moved within `since`."""
    moved_after = datetime.now(UTC) - since
    rows = await session.execute(
        select(col(ConversationRow.id), col(ConversationRow.last_rev))
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .where(col(Member.user_id) == viewer_id, col(ConversationRow.updated_at) > moved_after)
        .order_by(col(ConversationRow.updated_at).desc())
        .limit(limit)
    )
    return {row[0]: row[1] for row in rows}


async def group_ids(session: AsyncSession, *, user_id: UUID) -> list[UUID]:
    """Return the group conversations of a user: the topics that their devices hear."""
    rows = await session.execute(
        select(col(ConversationRow.id))
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .where(col(Member.user_id) == user_id, col(ConversationRow.kind) == "group")
    )
    return list(rows.scalars())


def message_of(row: Message | Row[Any], direct_key: str | None) -> MessageView:
    """Make the view of a message, or of a plain row with its columns."""
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


async def _views(
    session: AsyncSession, rows: Sequence[ViewRow], *, viewer_id: UUID, online: Online
) -> list[Conversation]:
    if not rows:
        return []
    identifiers = [row[0].id for row in rows]
    cards, receipts = await _members(session, identifiers, viewer_id=viewer_id, online=online)
    return [
        Conversation(
            id=conversation.id,
            kind="direct" if conversation.kind == "direct" else "group",
            title=conversation.title,
            members=cards[conversation.id],
            last_message=message_of(last, conversation.direct_key) if last else None,
            last_seq=conversation.last_seq,
            last_rev=conversation.last_rev,
            last_read_seq=last_read_seq,
            unread=unread,
            receipts=receipts[conversation.id],
            updated_at=conversation.updated_at,
        )
        for conversation, last, last_read_seq, unread in rows
    ]


async def _members(
    session: AsyncSession, conversation_ids: list[UUID], *, viewer_id: UUID, online: Online
) -> tuple[dict[UUID, list[UserCard]], dict[UUID, list[Receipt]]]:
    place = func.row_number().over(
        partition_by=col(Member.conversation_id),
        order_by=(col(Member.joined_at), col(Member.user_id)),
    )
    numbered = (
        select(
            col(Member.conversation_id),
            col(Member.user_id),
            col(Member.delivered_seq),
            col(Member.read_seq),
            place.label("place"),
        )
        .where(col(Member.conversation_id).in_(conversation_ids))
        .subquery()
    )
    question = with_relations(
        select(
            numbered.c.conversation_id,
            numbered.c.delivered_seq,
            numbered.c.read_seq,
            *card_columns(together=True),
        )
        .select_from(numbered)
        .join(User, col(User.id) == numbered.c.user_id)
    )
    question = question.where(numbered.c.place <= MEMBERS_SHOWN).order_by(numbered.c.place)
    rows = list(await session.execute(question, {"viewer_id": viewer_id}))
    connected = await online.among(row.id for row in rows if row.shows_presence)
    cards: defaultdict[UUID, list[UserCard]] = defaultdict(list)
    receipts: defaultdict[UUID, list[Receipt]] = defaultdict(list)
    for row in rows:
        cards[row.conversation_id].append(card_of(row, connected))
        if row.id != viewer_id:
            receipt = Receipt(
                user_id=row.id,
                delivered_seq=max(row.delivered_seq, row.read_seq),
                read_seq=row.read_seq,
            )
            receipts[row.conversation_id].append(receipt)
    return cards, receipts


def _cursor(last: Conversation) -> str:
    microseconds = (last.updated_at - EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}-{last.id.hex}"


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    match = CURSOR.fullmatch(text)
    if match is None:
        raise BadCursor
    try:
        return EPOCH + timedelta(microseconds=int(match[1])), UUID(match[2])
    except OverflowError:
        raise BadCursor from None
