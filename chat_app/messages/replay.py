"""Replay: the changes that a device missed while it was disconnected, by `rev`.

Many edits of a message cost one row.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import NamedTuple
from uuid import UUID

from chat_app.conversations.schemas import Conversation
from chat_app.conversations.views import views_of
from chat_app.core.database import Database
from chat_app.core.time_slice import TimeSlice
from chat_app.messages.queries import (
    Changed,
    ChangedMessage,
    changed_conversations,
    changes_since,
    load_conversations,
)
from chat_app.realtime.events import MessageCreated, MessageDeleted, MessageUpdated
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message

# A device that missed more of one conversation pages it instead.
MAX_CHANGES = 500
# Conversations and messages in memory at a time for one device that reconnects.
MAX_CONVERSATIONS = 200
MAX_MESSAGES = 1_000


class Missed(NamedTuple):
    """A conversation and its missed changes in `rev` order; None when they are too many."""

    conversation: Conversation
    changes: list[ChangedMessage] | None


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
    the future. No connection is held while the caller works, and other tasks may run between two
    steps, however many conversations there are. Raises Unavailable.

    Which conversations have changed is read at once, and each of them once, as it is then: one that
    gets a message meanwhile is neither missed nor repeated.
    """
    known = {} if are_of_another_generation else cursors
    changed = await changed_conversations(database, viewer_id=viewer_id, cursors=known)
    are_void = are_of_another_generation or await _are_of_the_future(changed, cursors)
    for batch in _batches(changed, cursors, are_void=are_void):
        since = {
            one.id: cursors.get(one.id, 0)
            for one in batch
            if not are_void and _is_in_reach(one, cursors)
        }
        # Before their changes: what comes between the two is replayed, and comes live as well.
        rows = await load_conversations(
            database, viewer_id=viewer_id, ids=[one.id for one in batch]
        )
        changes = await changes_since(database, viewer_id=viewer_id, cursors=since)
        async for view in views_of(rows, viewer_id=viewer_id, online=online):
            yield Missed(view, changes.pop(view.id, []) if view.id in since else None)


def event_of(
    message: Message, *, is_changed: bool
) -> MessageCreated | MessageUpdated | MessageDeleted:
    """Return the event for the present state of a message: a new and then edited one has one."""
    if message.deleted_at is not None:
        return MessageDeleted(message=message)
    if is_changed or message.edited_at is not None:
        return MessageUpdated(message=message)
    return MessageCreated(message=message)


async def _are_of_the_future(changed: Iterable[Changed], cursors: Mapping[UUID, int]) -> bool:
    time_slice = TimeSlice()
    for one in changed:
        if one.last_rev < cursors.get(one.id, 0):
            return True
        await time_slice.pause()
    return False


def _batches(
    changed: Iterable[Changed], cursors: Mapping[UUID, int], *, are_void: bool
) -> Iterator[list[Changed]]:
    batch: list[Changed] = []
    expected = 0
    for one in changed:
        if len(batch) == MAX_CONVERSATIONS or expected >= MAX_MESSAGES:
            yield batch
            batch, expected = [], 0
        batch.append(one)
        if not are_void and _is_in_reach(one, cursors):
            expected += one.last_rev - _begin(one, cursors)
    if batch:
        yield batch


def _is_in_reach(one: Changed, cursors: Mapping[UUID, int]) -> bool:
    return 0 <= one.last_rev - _begin(one, cursors) <= MAX_CHANGES


def _begin(one: Changed, cursors: Mapping[UUID, int]) -> int:
    """Return the `rev` up to which the viewer has, or may have, no changes."""
    return max(cursors.get(one.id, 0), one.since_rev - 1)
