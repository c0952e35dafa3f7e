"""What a device missed while it was away, by `rev`: many edits of a message cost one row."""

import functools
from collections.abc import AsyncIterator, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Select, Uuid, or_, select, tuple_
from sqlmodel import col

from chat_app.conversations.queries import conversations_of, with_members
from chat_app.conversations.schemas import Conversation
from chat_app.conversations.views import message_of, views_of
from chat_app.core.database import Database
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.friends.cards import VIEWER
from chat_app.messages.json_page import as_text, read
from chat_app.models import Conversation as ConversationRow
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES
from chat_app.realtime.events import MessageCreated, MessageDeleted, MessageUpdated
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

# Who missed more of one conversation pages it instead.
MOST_CHANGES = 500
# Rows in memory at a time for one device that comes back.
BATCH_SIZE = 2_000


class Missed(NamedTuple):
    """A conversation that moved and its changes in `rev` order; None when they are too many."""

    conversation: Conversation
    changes: list[Message] | None


async def missed(
    database: Database, *, viewer_id: UUID, cursors: Mapping[UUID, int], online: Online
) -> AsyncIterator[Missed]:
    """Yield the conversations of `viewer_id` that moved past the cursors, newest activity first.

    A conversation without a cursor is taken from its beginning, a cursor of somebody else's is
    ignored, and one from the future (a database restored, a forger) is answered as too much. No
    connection is locked while the caller works. Raises Unavailable.
    """
    moved = await _moved(database, viewer_id, cursors, online)
    for some in _portions(moved, cursors):
        wanted = [one for one in some if _is_in_reach(one, cursors)]
        changes = await _changes(database, viewer_id, wanted, cursors)
        for one in some:
            yield Missed(one, changes.get(one.id, []) if one in wanted else None)


def event_of(message: Message) -> MessageCreated | MessageUpdated | MessageDeleted:
    """Tell of a message as it is now: what was created and then changed comes once."""
    if message.deleted_at is not None:
        return MessageDeleted(message=message)
    if message.edited_at is not None:
        return MessageUpdated(message=message)
    return MessageCreated(message=message)


async def _moved(
    database: Database, viewer_id: UUID, cursors: Mapping[UUID, int], online: Online
) -> list[Conversation]:
    values = {"viewer_id": viewer_id, "rows": _rows(cursors)}
    rows = await database.fetch_all(_moves(database.engine.dialect.name), values)
    return await views_of(rows, viewer_id=viewer_id, online=online)


@functools.cache
def _moves(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the conversations of `viewer_id` that are not where the cursors are."""
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    place, last_rev = col(ConversationRow.id), col(ConversationRow.last_rev)
    # Looked up among the cursors, of which the database makes an index: joined with them, every
    # conversation would be compared with every cursor.
    seen = select(given.columns["id"], given.columns["rev"]).select_from(given.table)
    known = select(given.columns["id"]).select_from(given.table)
    return with_members(
        conversations_of(VIEWER).where(
            tuple_(place, last_rev).not_in(seen), or_(last_rev > 0, place.in_(known))
        )
    )


def _portions(
    moved: list[Conversation], cursors: Mapping[UUID, int]
) -> Iterator[list[Conversation]]:
    some: list[Conversation] = []
    expected = 0
    for one in moved:
        if some and expected >= BATCH_SIZE:
            yield some
            some, expected = [], 0
        some.append(one)
        if _is_in_reach(one, cursors):
            expected += one.last_rev - cursors.get(one.id, 0)
    if some:
        yield some


def _is_in_reach(one: Conversation, cursors: Mapping[UUID, int]) -> bool:
    return 0 <= one.last_rev - cursors.get(one.id, 0) <= MOST_CHANGES


async def _changes(
    database: Database,
    viewer_id: UUID,
    conversations: list[Conversation],
    cursors: Mapping[UUID, int],
) -> dict[UUID, list[Message]]:
    if not conversations:
        return {}
    since = {one.id: cursors.get(one.id, 0) for one in conversations}
    values = {"viewer_id": viewer_id, "rows": _rows(since)}
    changes: dict[UUID, list[Message]] = {}
    [answer] = await database.fetch_all(_later(database.engine.dialect.name), values)
    for row in sorted(read(answer.rows), key=attrgetter("rev")):
        changes.setdefault(row.conversation_id, []).append(message_of(row, row.direct_key))
    return changes


@functools.cache
def _later(dialect: str) -> Select[*tuple[Any, ...]]:
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
    return select(as_text(dialect, later).label("rows"))


def _rows(cursors: Mapping[UUID, int]) -> str:
    return as_parameter([{"id": identifier, "rev": rev} for identifier, rev in cursors.items()])
