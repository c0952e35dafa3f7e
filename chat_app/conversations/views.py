"""Views of conversations and messages: the shapes that clients get, made of rows."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.core.ids import peer_of
from chat_app.friends.cards import card_of
from chat_app.models.tables import MESSAGES
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message as MessageView

AnyRow = Row[*tuple[Any, ...]]
# The prefix of the columns of a conversation's last message.
LAST = "last_message_"
MESSAGE_COLUMNS = MESSAGES.columns


async def views_of(rows: list[AnyRow], *, viewer_id: UUID, online: Online) -> list[Conversation]:
    """Make the views of the rows that a statement `with_members` found for `viewer_id`."""
    connected = await online.filter_connected(row.id for row in rows if row.shows_presence)
    grouped = groupby(rows, key=lambda row: row.conversation_id)
    return [_view(list(members), viewer_id, connected) for _, members in grouped]


def message_of(
    row: Any,  # noqa: ANN401  # however it was read
    direct_key: str | None,
) -> MessageView:
    """Make the view of a message, from its row or anything else with its columns."""
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
        # A deleted account in a group never reads again.
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
