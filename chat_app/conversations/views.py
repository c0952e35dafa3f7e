"""Conversations as one member sees them: everything about any number of them in one statement."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, and_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.conversations.direct import peer_of
from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.friends.cards import card_columns, card_of, with_relations
from chat_app.models import Conversation as ConversationRow
from chat_app.models import Member, Message, User
from chat_app.models.tables import MESSAGES
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message as MessageView

AnyRow = Row[*tuple[Any, ...]]
# Made once: an alias composes its columns when they are first used, which takes a millisecond.
OWN = aliased(Message)
MEMBER, SHOWN = aliased(Member), aliased(Member)
# Large groups show a part of their members here.
MEMBERS_SHOWN = 100
LAST_OF_ALL = UUID(int=2**128 - 1)
LAST = "last_message_"
MESSAGE_COLUMNS = MESSAGES.columns


def unread_of(viewer_id: UUID | ColumnElement[UUID]) -> ColumnElement[int]:
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


def conversations_of(viewer_id: ColumnElement[UUID]) -> Select[*tuple[Any, ...]]:
    """Select the conversations of `viewer_id`: narrow it, then hand it to `with_members`."""
    last = and_(
        col(Message.conversation_id) == col(ConversationRow.id),
        col(Message.seq) == col(ConversationRow.last_seq),
    )
    return (
        select(
            col(ConversationRow.id),
            col(ConversationRow.kind),
            col(ConversationRow.title),
            col(ConversationRow.direct_key),
            col(ConversationRow.last_seq),
            col(ConversationRow.last_rev),
            col(ConversationRow.updated_at),
            col(Member.last_read_seq).label("own_mark"),
            unread_of(viewer_id).label("unread"),
            _last_shown().label("last_shown"),
            *(column.label(LAST + column.name) for column in MESSAGE_COLUMNS),
        )
        .select_from(ConversationRow)
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .outerjoin(Message, last)
        .where(col(Member.user_id) == viewer_id)
    )


async def load_views(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    values: Mapping[str, Any],
    *,
    online: Online,
) -> list[Conversation]:
    """Return the conversations a statement `with_members` is about; `viewer_id` is in `values`.

    Newest activity first.
    """
    rows = list(await session.execute(statement, values))
    return await views_of(rows, viewer_id=values["viewer_id"], online=online)


async def views_of(rows: list[AnyRow], *, viewer_id: UUID, online: Online) -> list[Conversation]:
    """Make the views of the rows that a statement `with_members` found for `viewer_id`."""
    connected = await online.among(row.id for row in rows if row.shows_presence)
    grouped = groupby(rows, key=lambda row: row.conversation_id)
    return [_view(list(members), viewer_id, connected) for _, members in grouped]


def with_members(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Add to the conversations of a statement all that `views_of` needs; run it with `viewer_id`.

    Composing it takes milliseconds: who asks often keeps what this returns.
    """
    found = statement.cte("found")
    conversation = [column for column in found.c if column.name not in {"id", "last_shown"}]
    is_shown = and_(
        col(MEMBER.conversation_id) == found.c.id,
        col(MEMBER.user_id) <= func.coalesce(found.c.last_shown, literal(LAST_OF_ALL, Uuid)),
    )
    return with_relations(
        select(
            found.c.id.label("conversation_id"),
            *conversation,
            col(MEMBER.delivered_seq),
            col(MEMBER.read_seq),
            *card_columns(together=True),
        )
        .select_from(found)
        .join(MEMBER, is_shown)
        .join(User, col(User.id) == col(MEMBER.user_id))
    ).order_by(found.c.updated_at.desc(), found.c.id.desc(), col(MEMBER.user_id))


def _last_shown() -> ColumnElement[UUID]:
    """Select the last of the members shown: a step in an index for each, however many there are.

    Numbering the members instead would touch every one of a large group.
    """
    return (
        select(col(SHOWN.user_id))
        .where(col(SHOWN.conversation_id) == col(ConversationRow.id))
        .order_by(col(SHOWN.user_id))
        .offset(MEMBERS_SHOWN - 1)
        .limit(1)
        .correlate(ConversationRow)
        .scalar_subquery()
    )


def _view(rows: list[AnyRow], viewer_id: UUID, connected: set[UUID]) -> Conversation:
    one = rows[0]
    return Conversation(
        id=one.conversation_id,
        kind="direct" if one.kind == "direct" else "group",
        title=one.title,
        members=[card_of(row, connected) for row in rows],
        last_message=_last_message(one),
        last_seq=one.last_seq,
        last_rev=one.last_rev,
        last_read_seq=one.own_mark,
        unread=one.unread,
        receipts=list(_receipts(rows, viewer_id)),
        updated_at=one.updated_at,
    )


def _receipts(rows: list[AnyRow], viewer_id: UUID) -> Iterator[Receipt]:
    for row in rows:
        # Who has left a group by deleting their account will never read what is written to it.
        counts = row.deleted_at is None or row.kind == "direct"
        if row.id != viewer_id and counts:
            yield Receipt(
                user_id=row.id,
                delivered_seq=max(row.delivered_seq, row.read_seq),
                read_seq=row.read_seq,
            )


def _last_message(row: AnyRow) -> MessageView | None:
    fields = row._mapping  # noqa: SLF001  # SQLAlchemy's public name for the row by its columns
    if fields[f"{LAST}id"] is None:
        return None
    values = {column.name: fields[LAST + column.name] for column in MESSAGE_COLUMNS}
    return MessageView(receiver_id=peer_of(row.direct_key, values["sender_id"]), **values)
