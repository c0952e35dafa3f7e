"""What a device missed while it was away, by `rev`: many edits of a message cost one row."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, or_, select, tuple_
from sqlmodel import col

from chat_app.conversations.queries import message_of
from chat_app.conversations.schemas import Conversation
from chat_app.conversations.views import conversations_of, load_views
from chat_app.core.database import Database
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.messages.statements import MESSAGES
from chat_app.models import Conversation as ConversationRow
from chat_app.models import Member
from chat_app.realtime.events import MessageCreated, MessageDeleted, MessageUpdated
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

# Who missed more of one conversation pages it instead.
MOST_CHANGES = 500
# Rows in memory at a time for one device that comes back.
IN_ONE_GO = 2_000


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
    connection is held while the caller works. Raises Unavailable.
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
    given = JsonRows(database.engine.dialect.name, id=Uuid, rev=BigInteger)
    place, last_rev = col(ConversationRow.id), col(ConversationRow.last_rev)
    # Looked up among the cursors, of which the database makes an index: joined with them, every
    # conversation would be compared with every cursor.
    seen = select(given.columns["id"], given.columns["rev"]).select_from(given.table)
    known = select(given.columns["id"]).select_from(given.table)
    question = conversations_of(viewer_id).where(
        tuple_(place, last_rev).not_in(seen), or_(last_rev > 0, place.in_(known))
    )
    async with database.reading() as session:
        return await load_views(
            session, question, viewer_id=viewer_id, online=online, rows=_rows(cursors)
        )


def _portions(
    moved: list[Conversation], cursors: Mapping[UUID, int]
) -> Iterator[list[Conversation]]:
    some: list[Conversation] = []
    expected = 0
    for one in moved:
        if some and expected >= IN_ONE_GO:
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
    given = JsonRows(database.engine.dialect.name, id=Uuid, rev=BigInteger)
    question = (
        select(MESSAGES, col(ConversationRow.direct_key))
        .select_from(given.table)
        .join(
            Member,
            (col(Member.conversation_id) == given.columns["id"])
            & (col(Member.user_id) == viewer_id),
        )
        .join(ConversationRow, col(ConversationRow.id) == col(Member.conversation_id))
        .join(
            MESSAGES,
            (MESSAGES.c.conversation_id == given.columns["id"])
            & (MESSAGES.c.rev > given.columns["rev"]),
        )
        .order_by(MESSAGES.c.conversation_id, MESSAGES.c.rev)
    )
    since = {one.id: cursors.get(one.id, 0) for one in conversations}
    changes: dict[UUID, list[Message]] = {}
    async with database.reading() as session:
        for row in await session.execute(question, {"rows": _rows(since)}):
            changes.setdefault(row.conversation_id, []).append(message_of(row, row.direct_key))
    return changes


def _rows(cursors: Mapping[UUID, int]) -> str:
    return as_parameter([{"id": identifier, "rev": rev} for identifier, rev in cursors.items()])
