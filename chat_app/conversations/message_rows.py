"""Messages as statements select them, and the views that are made of their rows."""

import functools
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Label, case, func, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.rules import DELETED_NAME
from chat_app.core.ids import peer_of
from chat_app.core.json_rows import as_array, as_object
from chat_app.core.text import beginning
from chat_app.models import User
from chat_app.models.tables import ATTACHMENTS, FILES, MEMBERS, MESSAGES, REACTIONS, USERS
from chat_app.realtime.shapes import File, Notice, Person, Quote, Reaction, avatar_url
from chat_app.realtime.shapes import Message as MessageView

# Characters of a quoted text, and of the text that is read for them.
MAX_EXCERPT = 140
READ_FOR_EXCERPT = 1_000
# Users whom a message names with a reaction.
MAX_REACTED = 50

# The only condition about history: no door shows a member what was before it. In every statement
# about the messages that somebody may read, beside that of being a member.
IS_READABLE = MESSAGES.c.seq >= MEMBERS.c.since_seq
SENDER = aliased(User)
_ORIGINALS = MESSAGES.alias("original")
_AUTHORS = USERS.alias("author")
_PERSONS = USERS.alias("person")
_OWN = REACTIONS.alias("own_reaction")
# What other columns show.
_HIDDEN = {"reply_to", "forwarded_from", "pinned_by", "has_reactions", "has_files"}


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
    kind: Literal["text", "notice"]
    notice: str | None
    mentions: str | None
    mentions_all: bool | int
    sender_username: str
    sender_display_name: str
    sender_avatar: str | None
    pinned_at: datetime | None = None
    is_changed: bool | int = False
    quote: str | None = None
    reactions: str | None = None
    own_reactions: str | None = None
    pinned_by: str | None = None
    forwarded_from: str | None = None
    attachments: str | None = None
    direct_key: str | None = None


class QuoteRow(msgspec.Struct, gc=False):
    """The original of a reply, in a JSON text."""

    id: UUID
    seq: int
    sender_id: UUID
    username: str
    display_name: str
    avatar: str | None
    content: str
    is_deleted: bool | int


class _ReactionRow(msgspec.Struct, gc=False):
    """One of the first users who reacted with an emoji, and how many there are."""

    emoji: str
    user_id: UUID
    rev: int
    count: int


class _FileRow(msgspec.Struct, gc=False):
    """A file of a message, at its place among them."""

    position: int
    id: UUID
    name: str
    description: str | None
    media_type: str
    size: int
    width: int | None
    height: int | None
    duration_ms: int | None
    placeholder: str | None
    has_thumbnail: bool | int


class _PersonRow(msgspec.Struct, gc=False):
    id: UUID
    username: str
    display_name: str
    avatar: str | None


class _OwnReaction(msgspec.Struct, gc=False):
    emoji: str


_decode_notice = msgspec.json.Decoder(Notice).decode
_decode_ids = msgspec.json.Decoder(tuple[UUID, ...]).decode
_decode_quote = msgspec.json.Decoder(QuoteRow).decode
_decode_reactions = msgspec.json.Decoder(list[_ReactionRow]).decode
_decode_person = msgspec.json.Decoder(_PersonRow).decode
_decode_files = msgspec.json.Decoder(list[_FileRow]).decode
_decode_own = msgspec.json.Decoder(list[_OwnReaction]).decode


def message_columns(
    dialect: str, *, viewer_id: ColumnElement[UUID] | None = None
) -> Sequence[ColumnElement[Any] | Label[Any]]:
    """Return the columns of `message_of`: a message with the present names of people.

    The statement joins SENDER. With a viewer it joins their row of MEMBERS, too, and they get
    nothing of an original that they may not read.
    """
    if viewer_id is None:
        return _columns(dialect)
    own = select(as_array(dialect, {"emoji": _OWN.c.emoji})).where(
        _OWN.c.message_id == MESSAGES.c.id, _OWN.c.user_id == viewer_id
    )
    # PostgreSQL has no array for no rows.
    own_or_none = func.coalesce(own.correlate(MESSAGES).scalar_subquery(), "[]")
    return (
        *(column for column in _columns(dialect) if column.name != "quote"),
        _quote(dialect, _ORIGINALS.c.seq >= MEMBERS.c.since_seq).label("quote"),
        _if_reacted(dialect, own_or_none).label("own_reactions"),
    )


@functools.cache
def _columns(dialect: str) -> tuple[ColumnElement[Any] | Label[Any], ...]:
    return (
        *(column for column in MESSAGES.columns if column.name not in _HIDDEN),
        col(SENDER.username).label("sender_username"),
        col(SENDER.display_name).label("sender_display_name"),
        col(SENDER.avatar).label("sender_avatar"),
        _quote(dialect).label("quote"),
        _if_reacted(dialect, _reactions(dialect)).label("reactions"),
        _person(dialect, MESSAGES.c.pinned_by).label("pinned_by"),
        _person(dialect, MESSAGES.c.forwarded_from).label("forwarded_from"),
        _as_text(dialect, case((MESSAGES.c.has_files, _files(dialect)))).label("attachments"),
    )


def quote_columns(
    originals: Any = _ORIGINALS,  # noqa: ANN401  # a table or an alias of it
    authors: Any = _AUTHORS,  # noqa: ANN401  # the same
) -> dict[str, ColumnElement[Any]]:
    """Return the columns of a `QuoteRow`."""
    return {
        "id": originals.c.id,
        "seq": originals.c.seq,
        "sender_id": originals.c.sender_id,
        "username": authors.c.username,
        "display_name": authors.c.display_name,
        "avatar": authors.c.avatar,
        "content": func.substr(originals.c.content, 1, READ_FOR_EXCERPT),
        "is_deleted": originals.c.deleted_at.is_not(None),
    }


def _quote(dialect: str, *conditions: ColumnElement[bool]) -> ColumnElement[str | None]:
    original = (
        select(as_object(dialect, quote_columns()))
        .select_from(_ORIGINALS)
        .join(_AUTHORS, _AUTHORS.c.id == _ORIGINALS.c.sender_id)
        .where(_ORIGINALS.c.id == MESSAGES.c.reply_to, *conditions)
        .correlate(MESSAGES, MEMBERS)
        .scalar_subquery()
    )
    return _as_text(dialect, case((MESSAGES.c.reply_to.is_not(None), original)))


def _reactions(dialect: str) -> ColumnElement[str | None]:
    """Select the first users of each emoji, with its number of all."""
    of_emoji = REACTIONS.c.emoji
    ranked = (
        select(
            of_emoji,
            REACTIONS.c.user_id,
            REACTIONS.c.rev,
            func.count().over(partition_by=of_emoji).label("count"),
            func.row_number().over(partition_by=of_emoji, order_by=REACTIONS.c.rev).label("place"),
        )
        .where(REACTIONS.c.message_id == MESSAGES.c.id)
        .correlate(MESSAGES)
        .subquery("ranked")
    )
    shown = {name: ranked.c[name] for name in ("emoji", "user_id", "rev", "count")}
    return (
        select(as_array(dialect, shown))
        .where(ranked.c.place <= MAX_REACTED)
        .correlate(MESSAGES)
        .scalar_subquery()
    )


def _files(dialect: str) -> ColumnElement[str | None]:
    """Select the files of a message."""
    shown = {name: FILES.c[name] for name in _FileRow.__struct_fields__ if name != "position"}
    return (
        select(as_array(dialect, {"position": ATTACHMENTS.c.position, **shown}))
        .select_from(ATTACHMENTS)
        .join(FILES, FILES.c.id == ATTACHMENTS.c.file_id)
        .where(ATTACHMENTS.c.message_id == MESSAGES.c.id)
        .correlate(MESSAGES)
        .scalar_subquery()
    )


def kinds_of_files(dialect: str) -> ColumnElement[str | None]:
    """Return the kinds of the files of a message, as JSON objects with a `kind`."""
    kinds = (
        select(as_array(dialect, {"kind": ATTACHMENTS.c.kind}))
        .where(ATTACHMENTS.c.message_id == MESSAGES.c.id)
        .correlate(MESSAGES)
        .scalar_subquery()
    )
    return _as_text(dialect, case((MESSAGES.c.has_files, kinds)))


def _if_reacted(dialect: str, selected: ColumnElement[str | None]) -> ColumnElement[str | None]:
    return _as_text(dialect, case((MESSAGES.c.has_reactions, selected)))


def _person(dialect: str, user_id: ColumnElement[Any]) -> ColumnElement[str | None]:
    named = {
        "id": _PERSONS.c.id,
        "username": _PERSONS.c.username,
        "display_name": _PERSONS.c.display_name,
        "avatar": _PERSONS.c.avatar,
    }
    person = (
        select(as_object(dialect, named))
        .where(_PERSONS.c.id == user_id)
        .correlate(MESSAGES)
        .scalar_subquery()
    )
    return _as_text(dialect, case((user_id.is_not(None), person)))


def _as_text(dialect: str, value: ColumnElement[str | None]) -> ColumnElement[str | None]:
    """Return a JSON text that stays one inside of another: SQLite would nest it, or not."""
    return value.op("||")("") if dialect == "sqlite" else value


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
        sender=person_of(
            row.sender_id, row.sender_username, row.sender_display_name, row.sender_avatar
        ),
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        kind=row.kind,
        notice=_decode_notice(row.notice) if row.notice else None,
        mentions=_decode_ids(row.mentions) if row.mentions else (),
        mentions_all=bool(row.mentions_all),
        reply_to=quote_of(_decode_quote(row.quote)) if row.quote else None,
        reactions=_reactions_of(row) if row.reactions else (),
        pinned_at=row.pinned_at,
        pinned_by=_named(row.pinned_by) if row.pinned_by else None,
        forwarded_from=_named(row.forwarded_from) if row.forwarded_from else None,
        attachments=_files_of(row.attachments) if row.attachments else (),
    )


def person_of(user_id: UUID, username: str, display_name: str, avatar: str | None) -> Person:
    """Make a person of the columns of an account; a deleted one has lost its names."""
    return Person(
        id=user_id,
        username=username,
        display_name=display_name or DELETED_NAME,
        avatar_url=avatar_url(avatar),
    )


def quote_of(row: Any) -> Quote:  # noqa: ANN401  # however it was read
    """Make the view of the original of a reply, from a row with the columns of `QuoteRow`."""
    return Quote(
        id=row.id,
        seq=row.seq,
        sender=person_of(row.sender_id, row.username, row.display_name, row.avatar),
        excerpt=beginning(row.content, MAX_EXCERPT),
        deleted=bool(row.is_deleted),
    )


def _reactions_of(row: Any) -> tuple[Reaction, ...]:  # noqa: ANN401  # however it was read
    # Only a statement for a viewer selects them.
    own_text: str | None = getattr(row, "own_reactions", None)
    own = {one.emoji for one in _decode_own(own_text)} if own_text else set()
    by_emoji: dict[str, list[_ReactionRow]] = {}
    for one in sorted(_decode_reactions(row.reactions), key=attrgetter("rev")):
        by_emoji.setdefault(one.emoji, []).append(one)
    return tuple(
        Reaction(
            emoji=emoji,
            count=rows[0].count,
            user_ids=tuple(one.user_id for one in rows),
            mine=emoji in own if own_text else msgspec.UNSET,
        )
        for emoji, rows in by_emoji.items()
    )


def file_of(row: Any) -> File:  # noqa: ANN401  # however it was read
    """Make the view of a file, from a row with its columns."""
    url = f"/api/files/{row.id}"
    return File(
        id=row.id,
        name=row.name,
        description=row.description,
        media_type=row.media_type,
        size=row.size,
        width=row.width,
        height=row.height,
        duration=None if row.duration_ms is None else row.duration_ms / 1000,
        thumbnail_url=f"{url}/thumbnail" if row.has_thumbnail else None,
        placeholder=row.placeholder,
        url=url,
    )


def _files_of(text: str) -> tuple[File, ...]:
    rows = sorted(_decode_files(text), key=attrgetter("position"))
    return tuple(map(file_of, rows))


def _named(text: str) -> Person:
    found = _decode_person(text)
    return person_of(found.id, found.username, found.display_name, found.avatar)
