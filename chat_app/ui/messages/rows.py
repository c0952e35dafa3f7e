"""What one row of the timeline shows, made from a message and its neighbours."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypedDict
from uuid import UUID

from chat_app.realtime.shapes import Message
from chat_app.ui.conversations.rows import DELETED, stamp
from chat_app.ui.kit.avatar import initials, tone

TOGETHER = timedelta(minutes=5)
DELETED_NAME = "Deleted user"


class MessageRow(TypedDict):
    """A message in the timeline.

    `first` and `last` say whether it begins and ends a group of one author's messages; `before` is
    when the message above was written, for the browser to see where a day begins.
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
    deleted: bool


def message_rows(
    messages: Sequence[Message],
    *,
    viewer_id: UUID,
    names: Mapping[UUID, str],
    above: Message | None = None,
    below: Message | None = None,
) -> list[MessageRow]:
    """Show consecutive messages; `above` and `below` are their neighbours outside."""
    rows = []
    for place, message in enumerate(messages):
        before = messages[place - 1] if place else above
        after = messages[place + 1] if place + 1 < len(messages) else below
        mine = message.sender_id == viewer_id
        name = names.get(message.sender_id, DELETED_NAME)
        rows.append(
            MessageRow(
                id=str(message.id),
                seq=message.seq,
                # Others' ids are their own business; ours ends what waits in the outbox.
                client_id=message.client_id if mine else "",
                author="You" if mine else name,
                letters=initials(name),
                tone=tone(message.sender_id),
                text=DELETED if message.deleted_at else message.content,
                at=stamp(message.created_at),
                before=stamp(before.created_at) if before else "",
                mine=mine,
                first=not _go_together(before, message),
                last=not _go_together(message, after),
                deleted=message.deleted_at is not None,
            )
        )
    return rows


def _go_together(before: Message | None, after: Message | None) -> bool:
    return (
        before is not None
        and after is not None
        and before.sender_id == after.sender_id
        and after.created_at - before.created_at <= TOGETHER
    )
