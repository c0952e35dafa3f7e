"""Rows of the timeline, made from messages and their neighbours."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypedDict
from uuid import UUID

from chat_app.realtime.shapes import Message
from chat_app.ui.conversations.rows import DELETED, timestamp
from chat_app.ui.kit.avatar import initials, tone

GROUP_WITHIN = timedelta(minutes=5)
DELETED_NAME = "Deleted user"
# With the longest text that is kept, these are at most 20 MB.
CACHED_ROWS = 8_192
MAX_CACHED_LENGTH = 500


class MessageRow(TypedDict):
    """A message in the timeline.

    `first` and `last` are true where it begins and ends a group of one author's messages; `before`
    is the time of the message above, by which the browser finds where a day begins.
    """

    id: str
    seq: int
    client_id: str
    author: str
    letters: str
    tone: str
    text: str
    at: str
    before: str
    mine: bool
    first: bool
    last: bool
    edited: bool
    deleted: bool


def message_rows(
    messages: Sequence[Message],
    *,
    viewer_id: UUID,
    names: Mapping[UUID, str],
    above: Message | None = None,
    below: Message | None = None,
) -> list[MessageRow]:
    """Return the rows of consecutive messages; `above` and `below` are their outer neighbours.

    The rows are shared by all tabs that show the same: they must not be changed.
    """
    if not messages:
        return []
    rows = []
    before, follows = above, _in_one_group(above, messages[0])
    for message, after in zip(messages, (*messages[1:], below), strict=True):
        is_followed = _in_one_group(message, after)
        row = _cached_row if len(message.content) <= MAX_CACHED_LENGTH else _row
        rows.append(
            row(
                message,
                before.created_at if before else None,
                names.get(message.sender_id, DELETED_NAME),
                message.sender_id == viewer_id,
                not follows,
                not is_followed,
            )
        )
        before, follows = message, is_followed
    return rows


def _row(  # noqa: PLR0917  # the cache is quickest without names
    message: Message,
    before: datetime | None,
    name: str,
    mine: bool,  # noqa: FBT001  # the same
    first: bool,  # noqa: FBT001  # the same
    last: bool,  # noqa: FBT001  # the same
) -> MessageRow:
    return MessageRow(
        id=str(message.id),
        seq=message.seq,
        # The own id ends what waits in the outbox; those of others are private.
        client_id=message.client_id if mine else "",
        author="You" if mine else name,
        letters=initials(name),
        tone=tone(message.sender_id),
        text=DELETED if message.deleted_at else message.content,
        at=timestamp(message.created_at),
        before=timestamp(before) if before else "",
        mine=mine,
        first=first,
        last=last,
        edited=message.edited_at is not None and message.deleted_at is None,
        deleted=message.deleted_at is not None,
    )


# All tabs of a conversation show the same rows, and most of them again with each event.
_cached_row = lru_cache(maxsize=CACHED_ROWS)(_row)


def _in_one_group(before: Message | None, after: Message | None) -> bool:
    return (
        before is not None
        and after is not None
        and before.sender_id == after.sender_id
        and after.created_at - before.created_at <= GROUP_WITHIN
    )
