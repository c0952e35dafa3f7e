"""Views of conversations and messages: the shapes that clients get, made of rows."""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.core.ids import peer_of
from chat_app.core.time_slice import TimeSlice
from chat_app.friends.cards import BATCH_SIZE, JsonCardRow, card_of
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Message as MessageView


class ConversationRow(msgspec.Struct, gc=False):
    """A conversation in a JSON text, as one member sees it."""

    id: UUID
    kind: str
    title: str
    direct_key: str | None
    last_seq: int
    last_rev: int
    updated_at: datetime
    own_mark: int
    unread: int


class MemberRow(JsonCardRow, gc=False):
    """A member of a conversation in a JSON text."""

    delivered_seq: int
    read_seq: int


class MessageRow(msgspec.Struct, gc=False):
    """A message of a JSON text; `direct_key` where the statement selects it."""

    id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    content: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    direct_key: str | None = None


class _Found(msgspec.Struct, gc=False):
    conversation: ConversationRow
    members: list[MemberRow]
    last_message: MessageRow | None


_decode_conversation = msgspec.json.Decoder(ConversationRow).decode
_decode_members = msgspec.json.Decoder(list[MemberRow]).decode
_decode_message = msgspec.json.Decoder(MessageRow).decode


async def views_of(
    rows: Iterable[Row[*tuple[Any, ...]]], *, viewer_id: UUID, online: Online
) -> AsyncIterator[Conversation]:
    """Yield the views of the rows that a statement `with_members` found for `viewer_id`.

    Other tasks may run between two of them.
    """
    time_slice = TimeSlice()
    async for batch in _batches(rows):
        ids = (member.id for one in batch for member in one.members if member.shows_presence)
        connected = await online.filter_connected(ids)
        for one in batch:
            yield _view(one, viewer_id, connected)
            await time_slice.pause()


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


async def _batches(rows: Iterable[Row[*tuple[Any, ...]]]) -> AsyncIterator[list[_Found]]:
    """Decode the rows, and yield those whose members' presence is looked up together."""
    time_slice = TimeSlice()
    batch: list[_Found] = []
    size = 0
    for row in rows:
        batch.append(_found(row))
        size += len(batch[-1].members)
        if size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
        await time_slice.pause()
    if batch:
        yield batch


def _found(row: Row[*tuple[Any, ...]]) -> _Found:
    members = _decode_members(row.members)
    members.sort(key=attrgetter("id.int"))
    last = row.last_message
    return _Found(
        _decode_conversation(row.conversation), members, _decode_message(last) if last else None
    )


def _view(found: _Found, viewer_id: UUID, connected: set[UUID]) -> Conversation:
    one, last = found.conversation, found.last_message
    return Conversation(
        id=one.id,
        kind="direct" if one.kind == "direct" else "group",
        title=one.title,
        members=[card_of(member, connected) for member in found.members],
        last_message=message_of(last, one.direct_key) if last else None,
        last_seq=one.last_seq,
        last_rev=one.last_rev,
        last_read_seq=one.own_mark,
        unread=one.unread,
        receipts=list(_receipts(found, viewer_id)),
        updated_at=one.updated_at,
    )


def _receipts(found: _Found, viewer_id: UUID) -> Iterator[Receipt]:
    for member in found.members:
        # A deleted account in a group never reads again.
        counts = member.deleted_at is None or found.conversation.kind == "direct"
        if member.id != viewer_id and counts:
            yield Receipt(
                user_id=member.id,
                delivered_seq=max(member.delivered_seq, member.read_seq),
                read_seq=member.read_seq,
            )
