"""Reads about messages on behalf of a member: pages, and changes after given revs.

Permission is in each statement.
"""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    Uuid,
    bindparam,
    or_,
    select,
    true,
    tuple_,
)
from sqlmodel import col

from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.message_rows import (
    IS_READABLE,
    SENDER,
    MessageRow,
    message_columns,
    message_of,
)
from chat_app.conversations.queries import (
    conversations_of,
    with_members,
)
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.ids import pair_key
from chat_app.core.json_rows import (
    JsonRows,
    as_large_parameter,
    as_parameter,
    decode_pieces,
    for_each,
    in_pieces,
)
from chat_app.core.time_slice import TimeSlice
from chat_app.friends.cards import VIEWER
from chat_app.friends.queries import user_card
from chat_app.messages.schemas import (
    MessagePage,
)
from chat_app.models import Conversation as ConversationRow
from chat_app.models.tables import (
    CONVERSATIONS,
    MEMBERS,
    MESSAGES,
)
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

PAGE_SIZE = 50
END = 2**63 - 1
# A message may have 8,000 characters.
MESSAGES_IN_PIECE = 10


class Changed(msgspec.Struct, gc=False):
    """A changed conversation in a JSON text; its `place` is 1 for the newest activity.

    Its viewer gets no changes up to `since_rev`.
    """

    id: UUID
    last_rev: int
    since_rev: int
    place: int


class ChangedMessage(NamedTuple):
    """A message as it is now; `is_changed` is whether that differs from what was sent."""

    message: Message
    is_changed: bool


_decode = msgspec.json.Decoder(list[MessageRow]).decode
_decode_changed = msgspec.json.Decoder(list[Changed]).decode


async def history(
    database: Database,
    *,
    viewer_id: UUID,
    conversation_id: UUID,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    at: datetime | None = None,
    limit: int = PAGE_SIZE,
) -> MessagePage:
    """Return a page of a conversation: the newest one, or by one place.

    The page is before or after a `seq`, or has a `seq`, or the first message since a time, in its
    middle. Raises ConversationNotFound, or Invalid when more places are given.
    """
    places = {"before": before, "after": after, "around": around, "at": at}
    given = [name for name, place in places.items() if place is not None]
    if len(given) > 1:
        raise Invalid({given[1]: "Give one of before, after, around and at."})
    which = {"viewer_id": viewer_id, "conversation_id": conversation_id}
    if at is not None:
        around = await _seq_since(database, which, at)
    if around is not None:
        page = await _page_around(database, which, around, limit)
    else:
        page = await _page(database, which, before=before, after=after, limit=limit)
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
    database: Database, *, viewer_id: UUID, cursors: Mapping[UUID, int]
) -> list[Changed]:
    """Return the conversations of `viewer_id` whose `last_rev` is not that of their cursor.

    Newest activity first.
    """
    values = {"viewer_id": viewer_id, "rows": await _rows(cursors)}
    pieces = await database.fetch_all(_changed(database.dialect), values)
    changed: list[Changed] = []
    async for rows in decode_pieces(pieces, _decode_changed):
        changed += sorted(rows, key=attrgetter("place"))
    return changed


async def load_conversations(
    database: Database, *, viewer_id: UUID, ids: Iterable[UUID]
) -> list[Row[*tuple[Any, ...]]]:
    """Return the rows of these conversations for `views_of`, without those of others.

    Newest activity first.
    """
    given = as_parameter([{"id": identifier} for identifier in ids])
    values = {"viewer_id": viewer_id, "rows": given}
    return await database.fetch_all(_given(database.dialect), values)


async def changes_since(
    database: Database, *, viewer_id: UUID, cursors: Mapping[UUID, int]
) -> dict[UUID, list[ChangedMessage]]:
    """Return the messages of these conversations with a later `rev`, in its order.

    Conversations without any, or of which `viewer_id` is no member, are missing.
    """
    if not cursors:
        return {}
    values = {"viewer_id": viewer_id, "rows": await _rows(cursors)}
    pieces = await database.fetch_all(_changes(database.dialect), values)
    changes: dict[UUID, list[ChangedMessage]] = {}
    time_slice = TimeSlice()
    async for rows in decode_pieces(pieces, _decode):
        for row in rows:
            one = ChangedMessage(message_of(row, row.direct_key), bool(row.is_changed))
            changes.setdefault(row.conversation_id, []).append(one)
            await time_slice.pause()
    for messages in changes.values():
        messages.sort(key=attrgetter("message.rev"))
        await time_slice.pause()
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
    dialect = database.dialect
    statement = _page_statement(dialect, is_direct="direct_key" in which, rising=rising)
    pieces = await database.fetch_all(statement, {**which, "seq": seq, "most": limit + 1})
    if not pieces:
        return None
    key = pieces[0].direct_key
    # A member gets a row without a piece where there are no messages.
    filled = [piece for piece in pieces if piece.rows is not None]
    items = [message_of(row, key) async for rows in decode_pieces(filled, _decode) for row in rows]
    items.sort(key=attrgetter("seq"))
    shown = items[:limit] if rising else items[-limit:]
    return MessagePage(items=shown, has_more=len(items) > limit)


async def _page_around(
    database: Database, which: Mapping[str, UUID], seq: int, limit: int
) -> MessagePage | None:
    """Return a page with a `seq` in its middle, past the end the last one; None for no member."""
    before = await _page(database, which, before=seq, after=None, limit=limit)
    later = await _page(database, which, before=None, after=seq - 1, limit=limit)
    if before is None or later is None:
        return None
    # Half of the page is from before the place, and more where there is less behind it.
    before_count = max(limit // 2, limit - len(later.items))
    earlier = before.items[-before_count:] if before_count else []
    shown = later.items[: limit - len(earlier)]
    has_older = before.has_more or len(earlier) < len(before.items)
    has_newer = later.has_more or len(shown) < len(later.items)
    return MessagePage(
        items=[*earlier, *shown],
        has_more=has_older or has_newer,
        has_older=has_older,
        has_newer=has_newer,
    )


async def _seq_since(database: Database, which: Mapping[str, UUID], at: datetime) -> int:
    """Return the `seq` of the first readable message since a time, or one past the end.

    By halving: every `seq` is there, and times rise with it but for those of nodes whose clocks
    differ. An index by time would cost each send a write.
    """
    ends = await database.fetch_all(_ends(), which)
    if not ends:
        return END
    low: int = max(1, ends[0].since_seq)
    high: int = ends[0].last_seq + 1
    while low < high:
        middle = (low + high) // 2
        rows = await database.fetch_all(_time_at(), {**which, "seq": middle})
        if not rows:
            return END  # they are no member any more
        if rows[0].created_at < at:
            low = middle + 1
        else:
            high = middle
    return low


@functools.cache
def _page_statement(dialect: str, *, is_direct: bool, rising: bool) -> Select[*tuple[Any, ...]]:
    """Select the page in pieces, which only a member gets: the only statement of a page."""
    conversation_id: ColumnElement[UUID]
    if is_direct:
        is_wanted = CONVERSATIONS.c.direct_key == bindparam("direct_key")
        conversation_id = select(CONVERSATIONS.c.id).where(is_wanted).scalar_subquery()
    else:
        conversation_id = bindparam("conversation_id", type_=Uuid)
        is_wanted = CONVERSATIONS.c.id == conversation_id
    seq = MESSAGES.c.seq
    bound = bindparam("seq", type_=BigInteger)
    viewer_id = bindparam("viewer_id", type_=Uuid)
    page = (
        select(*message_columns(dialect, viewer_id=viewer_id))
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        .join(
            MEMBERS,
            (MEMBERS.c.conversation_id == MESSAGES.c.conversation_id)
            & (MEMBERS.c.user_id == viewer_id),
        )
        .where(
            MESSAGES.c.conversation_id == conversation_id,
            seq > bound if rising else seq < bound,
            IS_READABLE,
        )
        .order_by(seq.asc() if rising else seq.desc())
        .limit(bindparam("most", type_=BigInteger))
        .subquery("page")
    )
    pieces = in_pieces(dialect, select(page), size=MESSAGES_IN_PIECE).subquery("pieces")
    return (
        select(pieces.c.rows, CONVERSATIONS.c.direct_key)
        .select_from(CONVERSATIONS)
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .outerjoin(pieces, true())
        .where(is_wanted, MEMBERS.c.user_id == viewer_id)
    )


@functools.cache
def _changed(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the conversations of `viewer_id` that are not at their cursors, in pieces."""
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    # A sub-select, of which the database makes an index: in a join every conversation would be
    # compared with every cursor.
    cursors = select(given.columns["id"], given.columns["rev"]).select_from(given.table)
    given_ids = select(given.columns["id"]).select_from(given.table)
    changed = (
        select(CONVERSATIONS.c.id, CONVERSATIONS.c.last_rev, MEMBERS.c.since_rev)
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .where(
            MEMBERS.c.user_id == VIEWER,
            tuple_(CONVERSATIONS.c.id, CONVERSATIONS.c.last_rev).not_in(cursors),
            or_(CONVERSATIONS.c.last_rev > 0, CONVERSATIONS.c.id.in_(given_ids)),
        )
    )
    newest_first = CONVERSATIONS.c.updated_at.desc(), CONVERSATIONS.c.id.desc()
    return in_pieces(dialect, changed, *newest_first)


@functools.cache
def _given(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the given conversations of `viewer_id`."""
    given = JsonRows(dialect, id=Uuid)
    ids = select(given.columns["id"]).select_from(given.table)
    return with_members(
        dialect, conversations_of(dialect, VIEWER).where(col(ConversationRow.id).in_(ids))
    )


@functools.cache
def _changes(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the messages of `viewer_id` that changed after the cursors, in pieces."""
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    later = (
        select(*message_columns(dialect, viewer_id=VIEWER), CONVERSATIONS.c.direct_key)
        .select_from(MESSAGES)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        .join(MEMBERS, MEMBERS.c.conversation_id == MESSAGES.c.conversation_id)
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        .where(
            MESSAGES.c.conversation_id == given.columns["id"],
            MESSAGES.c.rev > given.columns["rev"],
            MESSAGES.c.rev >= MEMBERS.c.since_rev,
            MEMBERS.c.user_id == VIEWER,
            IS_READABLE,
        )
    )
    return in_pieces(dialect, for_each(given, later), size=MESSAGES_IN_PIECE)


async def _rows(cursors: Mapping[UUID, int]) -> str:
    return await as_large_parameter(
        {"id": identifier, "rev": rev} for identifier, rev in cursors.items()
    )


@functools.cache
def _ends() -> Select[*tuple[Any, ...]]:
    """Select the first and the last `seq` that a member may read."""
    return (
        select(MEMBERS.c.since_seq, CONVERSATIONS.c.last_seq)
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .where(
            CONVERSATIONS.c.id == bindparam("conversation_id", type_=Uuid),
            MEMBERS.c.user_id == VIEWER,
        )
    )


@functools.cache
def _time_at() -> Select[*tuple[Any, ...]]:
    """Select the time of a message that a member may read."""
    return (
        select(MESSAGES.c.created_at)
        .join(MEMBERS, MEMBERS.c.conversation_id == MESSAGES.c.conversation_id)
        .where(
            MESSAGES.c.conversation_id == bindparam("conversation_id", type_=Uuid),
            MESSAGES.c.seq == bindparam("seq", type_=BigInteger),
            MEMBERS.c.user_id == VIEWER,
            IS_READABLE,
        )
    )
