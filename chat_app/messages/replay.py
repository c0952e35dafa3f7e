"""Replay: the changes that a device missed while it was disconnected, by `rev`.

Many edits of a message cost one row.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from chat_app.conversations.schemas import Conversation
from chat_app.core.database import Database
from chat_app.messages.queries import changed_conversations, changes_since
from chat_app.realtime.events import MessageCreated, MessageDeleted, MessageUpdated
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

# A device that missed more of one conversation pages it instead.
MAX_CHANGES = 500
# Rows in memory at a time for one device that reconnects.
BATCH_SIZE = 2_000


class Missed(NamedTuple):
    """A conversation and its missed changes in `rev` order; None when they are too many."""

    conversation: Conversation
    changes: list[Message] | None


async def missed(
    database: Database,
    *,
    viewer_id: UUID,
    cursors: Mapping[UUID, int],
    online: Online,
    are_of_another_generation: bool = False,
) -> AsyncIterator[Missed]:
    """Yield the conversations of `viewer_id` that are not at their cursors, newest activity first.

    A conversation without a cursor is replayed from its beginning, and a cursor of others'
    conversations is ignored. Cursors of another generation are those of the database before a
    backup was restored: everything counts as too much then, and so it does where a cursor is from
    the future. No connection is held while the caller works. Raises Unavailable.
    """
    known = {} if are_of_another_generation else cursors
    changed = await changed_conversations(
        database, viewer_id=viewer_id, cursors=known, online=online
    )
    if are_of_another_generation or any(one.last_rev < cursors.get(one.id, 0) for one in changed):
        for one in changed:
            yield Missed(one, None)
        return
    for some in _batches(changed, cursors):
        wanted = [one for one in some if _is_in_reach(one, cursors)]
        since = {one.id: cursors.get(one.id, 0) for one in wanted}
        changes = await changes_since(database, viewer_id=viewer_id, cursors=since)
        for one in some:
            yield Missed(one, changes.get(one.id, []) if one in wanted else None)


def event_of(message: Message) -> MessageCreated | MessageUpdated | MessageDeleted:
    """Return the event for the present state of a message: a new and then edited one has one."""
    if message.deleted_at is not None:
        return MessageDeleted(message=message)
    if message.edited_at is not None:
        return MessageUpdated(message=message)
    return MessageCreated(message=message)


def _batches(
    changed: list[Conversation], cursors: Mapping[UUID, int]
) -> Iterator[list[Conversation]]:
    some: list[Conversation] = []
    expected = 0
    for one in changed:
        if some and expected >= BATCH_SIZE:
            yield some
            some, expected = [], 0
        some.append(one)
        if _is_in_reach(one, cursors):
            expected += one.last_rev - cursors.get(one.id, 0)
    if some:
        yield some


def _is_in_reach(one: Conversation, cursors: Mapping[UUID, int]) -> bool:
    return 0 <= one.last_rev - cursors.get(one.id, 0) <= MAX_CHANGES
