"""Reads about conversations on behalf of a member: permission is in each statement.

One statement reads everything about any number of conversations.
"""

import functools
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.conversations.errors import BadCursor, ConversationNotFound
from chat_app.conversations.message_rows import IS_READABLE, SENDER, message_columns
from chat_app.conversations.schemas import Conversation, ConversationPage
from chat_app.conversations.views import views_of
from chat_app.core.cursors import cursor_at, place_of
from chat_app.core.database import Database
from chat_app.core.ids import peer_of
from chat_app.core.json_rows import as_array, as_object, decode_pieces, in_pieces
from chat_app.friends.cards import VIEWER, card_values, with_relations
from chat_app.friends.relations import both_see
from chat_app.models import Conversation as ConversationRow
from chat_app.models import Member, Mention, Message, User
from chat_app.models.tables import CONVERSATIONS, DRAFTS
from chat_app.realtime.events import Delivery
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Draft

PEER = aliased(Member)
# Made once: an alias composes its columns when they are first used, which takes a millisecond.
OWN, UNCOUNTED, OF_ALL, WRITTEN = (aliased(Message) for _ in range(4))
MEMBER, SHOWN = aliased(Member), aliased(Member)
# A group shows so many of its members, and receipts while it has no more than so many.
MAX_MEMBERS_SHOWN = 5
MAX_RECEIPTS = 20
# The latest writers are those of so many messages.
WRITERS_WINDOW = 20
# The prefix of the columns of a conversation's last message.
LAST = "last_message_"
HAS_RECEIPTS = or_(
    CONVERSATIONS.c.direct_key.is_not(None), CONVERSATIONS.c.members_count <= MAX_RECEIPTS
)


class UnreadRow(msgspec.Struct, gc=False):
    """The unread count of a conversation in a JSON text."""

    id: UUID
    unread: int


class UndeliveredRow(msgspec.Struct, gc=False):
    """A conversation with a message that reached no device, in a JSON text."""

    id: UUID
    direct_key: str | None
    last_seq: int


_decode_unread = msgspec.json.Decoder(list[UnreadRow]).decode
_decode_undelivered = msgspec.json.Decoder(list[UndeliveredRow]).decode


async def get_conversation(
    session: AsyncSession, *, viewer_id: UUID, conversation_id: UUID, online: Online
) -> Conversation:
    """Return the view of a conversation for `viewer_id`. Raises ConversationNotFound."""
    statement = _one(session.get_bind().dialect.name)
    values = {"viewer_id": viewer_id, "conversation_id": conversation_id}
    rows = await session.execute(statement, values)
    async for view in views_of(rows, viewer_id=viewer_id, online=online):
        return view
    raise ConversationNotFound


async def list_conversations(
    database: Database,
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
    rows = await database.fetch_all(_listed(database.dialect, first=before is None), values)
    views = views_of(rows[:limit], viewer_id=viewer_id, online=online)
    items = [view async for view in views]
    more = len(rows) > limit
    return ConversationPage(
        items=items, next_before=cursor_at(items[-1].updated_at, items[-1].id) if more else None
    )


async def unread_counts(database: Database, *, viewer_id: UUID) -> dict[UUID, int]:
    """Return the unread count of each conversation of `viewer_id` that has any."""
    pieces = await database.fetch_all(_unread(database.dialect), {"viewer_id": viewer_id})
    return {
        row.id: row.unread
        async for rows in decode_pieces(pieces, _decode_unread)
        for row in rows
        if row.unread > 0
    }


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


async def undelivered(database: Database, *, viewer_id: UUID) -> list[Delivery]:
    """Return the newest message of each conversation that reached no device of the viewer.

    Those that the viewer has read count as delivered; larger groups have no receipts.
    """
    pieces = await database.fetch_all(_undelivered(database.dialect), {"viewer_id": viewer_id})
    return [
        Delivery(row.id, viewer_id, peer_of(row.direct_key, viewer_id), row.last_seq)
        async for rows in decode_pieces(pieces, _decode_undelivered)
        for row in rows
    ]


def unread_of(viewer_id: UUID | ColumnElement[UUID]) -> ColumnElement[int]:
    """Return the number of others' messages after the read mark, without deleted ones and notices.

    The ends are index look-ups, and what does not count has an index of its own: the cost does not
    grow with the length of the conversation.
    """
    mark = col(Member.last_read_seq)
    after_mark = col(ConversationRow.last_seq) - mark
    own_after_mark = (
        select(func.count())
        .select_from(OWN)
        .where(
            col(OWN.conversation_id) == col(ConversationRow.id),
            col(OWN.sender_id) == viewer_id,
            col(OWN.seq) > mark,
        )
        .correlate(ConversationRow, Member)
        .scalar_subquery()
    )
    uncounted = _uncounted_after(mark, col(UNCOUNTED.sender_id) != viewer_id)
    # Most conversations are read to their ends, and need no look-up.
    return case((after_mark > 0, after_mark - own_after_mark - uncounted), else_=0)


def unread_mentions_of(viewer_id: UUID | ColumnElement[UUID]) -> ColumnElement[int]:
    """Return the number of unread messages of others that mention the viewer by name."""
    mark, last_seq = col(Member.last_read_seq), col(ConversationRow.last_seq)
    by_name = (
        select(func.count())
        .select_from(Mention)
        .where(
            col(Mention.user_id) == viewer_id,
            col(Mention.conversation_id) == col(ConversationRow.id),
            col(Mention.seq) > mark,
        )
        .correlate(ConversationRow, Member)
        .scalar_subquery()
    )
    return case((last_seq > mark, by_name), else_=0)


def unread_calls_of_all(viewer_id: UUID | ColumnElement[UUID]) -> ColumnElement[int]:
    """Return the number of unread messages that mention all members, and not the viewer by name.

    They count for members who have not muted the conversation.
    """
    mark, last_seq = col(Member.last_read_seq), col(ConversationRow.last_seq)
    by_name = exists(
        select(1)
        .select_from(Mention)
        .where(
            col(Mention.user_id) == viewer_id,
            col(Mention.conversation_id) == col(OF_ALL.conversation_id),
            col(Mention.seq) == col(OF_ALL.seq),
        )
        .correlate(OF_ALL)
    )
    of_all = (
        select(func.count())
        .select_from(OF_ALL)
        .where(
            col(OF_ALL.conversation_id) == col(ConversationRow.id),
            col(OF_ALL.seq) > mark,
            col(OF_ALL.mentions_all) == true(),
            col(OF_ALL.sender_id) != viewer_id,
            ~by_name,
        )
        .correlate(ConversationRow, Member)
        .scalar_subquery()
    )
    return case((last_seq > mark, of_all), else_=0)


def _uncounted_after(
    seq: SQLColumnExpression[Any], *conditions: ColumnElement[bool]
) -> ColumnElement[int]:
    """Return the number of deleted messages and notices after `seq`."""
    # In the words of the index.
    is_uncounted = or_(
        col(UNCOUNTED.deleted_at).is_not(None), col(UNCOUNTED.kind) == literal_column("'notice'")
    )
    return (
        select(func.count())
        .select_from(UNCOUNTED)
        .where(
            col(UNCOUNTED.conversation_id) == col(ConversationRow.id),
            col(UNCOUNTED.seq) > seq,
            is_uncounted,
            *conditions,
        )
        .correlate(ConversationRow, Member)
        .scalar_subquery()
    )


def _since_archived() -> ColumnElement[int | None]:
    """Return the number of messages since the viewer archived the conversation, null if not."""
    archived_seq = col(Member.archived_seq)
    later = col(ConversationRow.last_seq) - archived_seq
    return case((archived_seq.is_not(None), later - _uncounted_after(archived_seq)))


def _draft(dialect: str, viewer_id: ColumnElement[UUID]) -> ColumnElement[str | None]:
    shown = {name: DRAFTS.c[name] for name in Draft.__struct_fields__}
    draft = (
        select(as_object(dialect, shown))
        .where(DRAFTS.c.user_id == viewer_id, DRAFTS.c.conversation_id == col(ConversationRow.id))
        .correlate(ConversationRow)
        .scalar_subquery()
    )
    return draft.op("||")("") if dialect == "sqlite" else draft


def conversations_of(dialect: str, viewer_id: ColumnElement[UUID]) -> Select[*tuple[Any, ...]]:
    """Select the conversations of `viewer_id`; narrow it, then pass it to `with_members`."""
    last = and_(
        col(Message.conversation_id) == col(ConversationRow.id),
        col(Message.seq) == col(ConversationRow.last_seq),
        IS_READABLE,
    )
    return (
        select(
            col(ConversationRow.id),
            col(ConversationRow.kind),
            col(ConversationRow.title),
            col(ConversationRow.description),
            col(ConversationRow.avatar),
            col(ConversationRow.visibility),
            col(ConversationRow.history),
            col(ConversationRow.posting),
            col(ConversationRow.members_count),
            col(ConversationRow.direct_key),
            col(ConversationRow.last_seq),
            col(ConversationRow.last_rev),
            col(ConversationRow.updated_at),
            col(Member.opened).label("own_opened"),
            col(Member.last_read_seq).label("own_mark"),
            col(Member.role),
            col(Member.since_seq),
            col(Member.muted_until),
            col(Member.favourite),
            unread_of(viewer_id).label("unread"),
            unread_mentions_of(viewer_id).label("unread_mentions"),
            unread_calls_of_all(viewer_id).label("unread_calls_of_all"),
            _since_archived().label("since_archived"),
            _draft(dialect, viewer_id).label("draft"),
            *(
                column.label(LAST + column.name)
                for column in message_columns(dialect, viewer_id=viewer_id)
            ),
        )
        .select_from(ConversationRow)
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .outerjoin(Message, last)
        .outerjoin(SENDER, col(SENDER.id) == col(Message.sender_id))
        .where(col(Member.user_id) == viewer_id)
    )


def with_members(dialect: str, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Select what `views_of` needs of the conversations of a statement; takes `viewer_id`.

    Newest activity first. Composing it takes milliseconds, so callers keep the result.
    """
    found = statement.cte("found")
    shown = _shown_members(found)
    seen_together = both_see(
        found.c.kind, found.c.members_count, found.c.last_seq, found.c.own_opened, shown.c.opened
    )
    cards = card_values(seen_together) | {"wrote": shown.c.wrote}
    members = with_relations(
        select(as_array(dialect, cards))
        .select_from(shown)
        .join(User, col(User.id) == shown.c.user_id)
    )
    marks = select(
        as_array(
            dialect,
            {
                "user_id": col(MEMBER.user_id),
                "delivered_seq": col(MEMBER.delivered_seq),
                "read_seq": col(MEMBER.read_seq),
            },
        )
    ).where(
        col(MEMBER.conversation_id) == found.c.id,
        found.c.members_count <= MAX_RECEIPTS,
    )
    last = {
        name.removeprefix(LAST): column for name, column in found.c.items() if name.startswith(LAST)
    }
    conversation = {
        name: column
        for name, column in found.c.items()
        if name != "own_opened" and not name.startswith(LAST)
    }
    return select(
        as_object(dialect, conversation).label("conversation"),
        members.correlate(found).scalar_subquery().label("members"),
        marks.correlate(found).scalar_subquery().label("marks"),
        case((last["id"].is_not(None), as_object(dialect, last))).label("last_message"),
    ).order_by(found.c.updated_at.desc(), found.c.id.desc())


def _shown_members(found: CTE) -> Subquery:
    """Select the members that a conversation shows, the latest writers first.

    Of the last messages and of the first members: a few index steps, whatever the group's size.
    """
    window = case((found.c.kind == "group", WRITERS_WINDOW), else_=0)
    writers = (
        select(col(WRITTEN.sender_id).label("user_id"), func.max(col(WRITTEN.seq)).label("wrote"))
        .where(
            col(WRITTEN.conversation_id) == found.c.id,
            col(WRITTEN.seq) > found.c.last_seq - window,
            col(WRITTEN.seq) >= found.c.since_seq,
            col(WRITTEN.kind) == "text",
        )
        .group_by(col(WRITTEN.sender_id))
        .correlate(found)
        .subquery("writers")
    )
    first = (
        select(col(SHOWN.user_id).label("user_id"), literal(0).label("wrote"))
        .where(col(SHOWN.conversation_id) == found.c.id)
        .order_by(col(SHOWN.user_id))
        .limit(MAX_MEMBERS_SHOWN)
        .correlate(found)
        .subquery("first_members")
    )
    either = union_all(select(writers), select(first)).subquery("either")
    wrote = func.max(either.c.wrote)
    return (
        select(either.c.user_id, wrote.label("wrote"), col(MEMBER.opened))
        .select_from(either)
        .join(
            MEMBER,
            and_(
                col(MEMBER.conversation_id) == found.c.id,
                col(MEMBER.user_id) == either.c.user_id,
            ),
        )
        .group_by(either.c.user_id, col(MEMBER.opened))
        .order_by(wrote.desc(), either.c.user_id)
        .limit(MAX_MEMBERS_SHOWN)
        .correlate(found)
        .subquery("shown")
    )


@functools.cache
def _one(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the conversation `conversation_id` of `viewer_id`."""
    narrowed = conversations_of(dialect, VIEWER).where(
        col(ConversationRow.id) == bindparam("conversation_id", type_=CONVERSATIONS.c.id.type)
    )
    return with_members(dialect, narrowed)


@functools.cache
def _listed(dialect: str, *, first: bool) -> Select[*tuple[Any, ...]]:
    """Select as many as `rows` of the listed conversations of `viewer_id`.

    Those before (`before_moment`, `before_id`) unless it is the first page.
    """
    moment, place = col(ConversationRow.updated_at), col(ConversationRow.id)
    listed = conversations_of(dialect, VIEWER).where(
        or_(col(ConversationRow.last_seq) > 0, col(Member.opened))
    )
    if not first:
        before = tuple_(
            bindparam("before_moment", type_=CONVERSATIONS.c.updated_at.type),
            bindparam("before_id", type_=CONVERSATIONS.c.id.type),
        )
        listed = listed.where(tuple_(moment, place) < before)
    most = bindparam("rows", type_=Integer)
    return with_members(dialect, listed.order_by(moment.desc(), place.desc()).limit(most))


@functools.cache
def _unread(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the unread counts of `viewer_id` in pieces."""
    counts = (
        select(col(ConversationRow.id), unread_of(VIEWER).label("unread"))
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .where(
            col(Member.user_id) == VIEWER,
            col(ConversationRow.last_seq) > col(Member.last_read_seq),
        )
    )
    return in_pieces(dialect, counts)


@functools.cache
def _undelivered(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the conversations with a message that reached no device, in pieces."""
    last_seq = col(ConversationRow.last_seq)
    found = (
        select(col(ConversationRow.id), col(ConversationRow.direct_key), last_seq)
        .join(Member, col(Member.conversation_id) == col(ConversationRow.id))
        .where(
            col(Member.user_id) == VIEWER,
            HAS_RECEIPTS,
            last_seq > col(Member.delivered_seq),
            last_seq > col(Member.read_seq),
        )
    )
    return in_pieces(dialect, found)


def _read_cursor(text: str) -> dict[str, datetime | UUID]:
    place = place_of(text)
    if place is None:
        raise BadCursor
    return {"before_moment": place[0], "before_id": place[1]}
