"""Views of conversations: the shapes that clients get, made of rows."""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy import Row

from chat_app.conversations.message_rows import MessageRow, message_of
from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.core.clock import utc_now
from chat_app.core.time_slice import TimeSlice
from chat_app.friends.cards import BATCH_SIZE, JsonCardRow, card_of
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import (
    Draft,
    History,
    Membership,
    Posting,
    Role,
    Visibility,
    avatar_url,
)

# A conversation that is muted until then is muted for ever.
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


class ConversationRow(msgspec.Struct, gc=False):
    """A conversation in a JSON text, as one member sees it; SQLite has no type for booleans."""

    id: UUID
    kind: Literal["direct", "group"]
    title: str
    description: str
    avatar: str | None
    visibility: Visibility
    history: History
    posting: Posting
    members_count: int
    direct_key: str | None
    last_seq: int
    last_rev: int
    updated_at: datetime
    own_mark: int
    role: Role
    since_seq: int
    muted_until: datetime | None
    favourite: bool | int
    unread: int
    # By name, and of all members without the viewer's name.
    unread_mentions: int
    unread_calls_of_all: int
    # The number of messages since it was archived, None where it is not.
    since_archived: int | None
    # As JSON, of an empty draft too.
    draft: str | None


class MemberRow(JsonCardRow, gc=False):
    """A member that a conversation shows, in a JSON text; `wrote` is the `seq` of a message."""

    wrote: int


class _Found(msgspec.Struct, gc=False):
    conversation: ConversationRow
    members: list[MemberRow]
    marks: list[Receipt]
    last_message: MessageRow | None


_decode_conversation = msgspec.json.Decoder(ConversationRow).decode
_decode_members = msgspec.json.Decoder(list[MemberRow]).decode
_decode_draft = msgspec.json.Decoder(Draft).decode
_decode_marks = msgspec.json.Decoder(list[Receipt]).decode
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
    members.sort(key=lambda member: (-member.wrote, member.id.int))
    last = row.last_message
    return _Found(
        _decode_conversation(row.conversation),
        members,
        # PostgreSQL has no array for no rows.
        _decode_marks(row.marks) if row.marks else [],
        _decode_message(last) if last else None,
    )


def _view(found: _Found, viewer_id: UUID, connected: set[UUID]) -> Conversation:
    one, last = found.conversation, found.last_message
    return Conversation(
        id=one.id,
        kind=one.kind,
        title=one.title,
        members=[card_of(member, connected) for member in found.members],
        last_message=message_of(last, one.direct_key) if last else None,
        last_seq=one.last_seq,
        last_rev=one.last_rev,
        last_read_seq=one.own_mark,
        unread=one.unread,
        receipts=[mark for mark in _receipts(found.marks) if mark.user_id != viewer_id],
        updated_at=one.updated_at,
        description=one.description,
        visibility=one.visibility,
        history=one.history,
        posting=one.posting,
        # An earlier version of a node counts none.
        members_count=2 if one.kind == "direct" else one.members_count,
        unread_mentions=one.unread_mentions + (0 if _is_muted(one) else one.unread_calls_of_all),
        me=_membership(one),
        draft=_draft(one.draft),
        avatar_url=avatar_url(one.avatar),
    )


def _draft(text: str | None) -> Draft | None:
    draft = _decode_draft(text) if text else None
    return draft if draft and (draft.content or draft.reply_to) else None


def _is_muted(one: ConversationRow) -> bool:
    return one.muted_until is not None and one.muted_until > utc_now()


def _membership(one: ConversationRow) -> Membership:
    return Membership(
        role=one.role,
        muted_until=_muted_until(one.muted_until),
        favourite=bool(one.favourite),
        # A new message brings an archived conversation back, unless it is muted.
        archived=one.since_archived is not None and (_is_muted(one) or one.since_archived <= 0),
        since_seq=one.since_seq,
    )


def _muted_until(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return "forever" if moment == FOREVER else msgspec.json.encode(moment).decode().strip('"')


def _receipts(marks: Iterable[Receipt]) -> Iterator[Receipt]:
    for mark in sorted(marks, key=attrgetter("user_id.int")):
        # A read message was delivered.
        yield replace(mark, delivered_seq=max(mark.delivered_seq, mark.read_seq))
