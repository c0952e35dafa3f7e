"""Reads of the search in the chat's own tables.

For a viewer: conversations, people by name, and found messages, with permission in the statement.
For the index: messages to put into it.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    select,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.names import MAX_PART_LENGTH, Place
from chat_app.accounts.rules import DELETED_NAME
from chat_app.conversations.message_rows import (
    IS_READABLE,
    SENDER,
    MessageRow,
    kinds_of_files,
    message_columns,
    message_of,
)
from chat_app.core.database import Database
from chat_app.core.ids import first_id_since
from chat_app.core.json_rows import JsonRows, as_parameter, decode_pieces, for_each, in_pieces
from chat_app.core.time_slice import TimeSlice
from chat_app.friends.cards import VIEWER
from chat_app.models import Member, NamePart, User
from chat_app.models.tables import CONVERSATIONS, MEMBERS, MESSAGES
from chat_app.realtime.shapes import Message
from chat_app.search import index

# So many people of a name are looked at, those whose username begins with it first.
MAX_PEOPLE = 500
# A message may have 8,000 characters.
MESSAGES_IN_PIECE = 10
# Messages around a moment of which one is probably in the index.
AROUND = 100
# Ids and times of messages are made one after the other, perhaps by nodes whose clocks differ.
TOLERANCE = timedelta(minutes=1)

_PEER, _PERSON = aliased(Member), aliased(User)


class Room(msgspec.Struct, frozen=True, gc=False):
    """A conversation of the viewer in a JSON text, with the names of a direct one's other user."""

    id: UUID
    kind: Literal["direct", "group"]
    title: str
    since_seq: int
    username: str | None = None
    display_name: str | None = None

    @property
    def names(self) -> list[str]:
        """The names by which somebody may search for it: those that the screens show."""
        if self.kind == "direct" and not self.display_name:
            return [DELETED_NAME]
        return [name for name in (self.title, self.username, self.display_name) if name]


class TextRow(msgspec.Struct, frozen=True, gc=False):
    """The text of a message in a JSON text."""

    conversation_id: UUID
    seq: int
    content: str


class DocumentRow(msgspec.Struct, frozen=True, gc=False):
    """A message of a JSON text, as the index needs it."""

    id: UUID
    conversation_id: UUID
    seq: int
    sender_id: UUID
    content: str
    kind: str
    edited_at: datetime | None
    deleted_at: datetime | None
    files: str | None

    @property
    def kinds(self) -> list[str]:
        """The kinds of its files."""
        return [one["kind"] for one in _decode_kinds(self.files)] if self.files else []


_decode_kinds = msgspec.json.Decoder(list[dict[str, str]]).decode
_decode_rooms = msgspec.json.Decoder(list[Room]).decode
_decode_texts = msgspec.json.Decoder(list[TextRow]).decode
_decode_messages = msgspec.json.Decoder(list[MessageRow]).decode
_decode_documents = msgspec.json.Decoder(list[DocumentRow]).decode


async def rooms_of(database: Database, *, viewer_id: UUID, with_names: bool) -> list[Room]:
    """Return the conversations that the viewer may read."""
    statement = _rooms(database.dialect, with_names=with_names)
    pieces = await database.fetch_all(statement, {"viewer_id": viewer_id})
    return [room async for rooms in decode_pieces(pieces, _decode_rooms) for room in rooms]


async def people_named(
    database: Database, *, beginning: str
) -> Sequence[Row[*tuple[UUID, str, str]]]:
    """Return people with a name that holds a folded text, those who begin with it first.

    Rows of id, username and display name; of many people, some.
    """
    part = beginning[:MAX_PART_LENGTH]
    return await database.fetch_all(_people(), {"first": part, "last": part + "\U0010ffff"})


async def texts_at(
    database: Database, *, viewer_id: UUID, places: Sequence[index.Place]
) -> list[TextRow]:
    """Return the texts at these places that the viewer may read, in the order of the places."""
    if not places:
        return []
    pieces = await database.fetch_all(_texts(database.dialect), _given(viewer_id, places))
    rows = [row async for some in decode_pieces(pieces, _decode_texts) for row in some]
    order = {place: number for number, place in enumerate(places)}
    return sorted(rows, key=lambda row: order[row.conversation_id, row.seq])


async def messages_at(
    database: Database, *, viewer_id: UUID, places: Sequence[index.Place]
) -> Mapping[index.Place, Message]:
    """Return the messages at these places that the viewer may read, with a text."""
    if not places:
        return {}
    pieces = await database.fetch_all(_messages(database.dialect), _given(viewer_id, places))
    found: dict[index.Place, Message] = {}
    time_slice = TimeSlice()
    async for some in decode_pieces(pieces, _decode_messages):
        for row in some:
            found[row.conversation_id, row.seq] = message_of(row, row.direct_key)
            await time_slice.pause()
    return found


def _given(viewer_id: UUID, places: Sequence[index.Place]) -> Mapping[str, object]:
    rows = as_parameter([{"id": identifier, "seq": seq} for identifier, seq in places])
    return {"viewer_id": viewer_id, "rows": rows}


async def places_around(
    database: Database, moment: datetime, *, later: bool
) -> Sequence[index.Place]:
    """Return the places of the first messages after a moment, or of the last ones before it.

    A little before or after it, too; none if there are none at all.
    """
    bound = first_id_since(moment + (-TOLERANCE if later else TOLERANCE))
    rows = await database.fetch_all(_around(later=later), {"bound": bound, "most": AROUND})
    return [(row.conversation_id, row.seq) for row in rows]


async def documents_after(database: Database, message_id: UUID, *, most: int) -> list[DocumentRow]:
    """Return the messages that follow one, in the order of their ids."""
    values = {"after_id": message_id, "most": most}
    return await _documents(database, _following(database.dialect), values)


async def documents_changed(
    database: Database, revs: Mapping[UUID, int], *, after: UUID, most: int
) -> list[DocumentRow]:
    """Return messages of conversations with a certain `rev` or a later one, by their ids."""
    rows = as_parameter([{"id": identifier, "rev": rev} for identifier, rev in revs.items()])
    values = {"after_id": after, "most": most, "rows": rows}
    return await _documents(database, _changed(database.dialect), values)


async def _documents(
    database: Database, statement: Select[*tuple[Any, ...]], values: Mapping[str, object]
) -> list[DocumentRow]:
    pieces = await database.fetch_all(statement, values)
    rows = [row async for some in decode_pieces(pieces, _decode_documents) for row in some]
    rows.sort(key=lambda row: row.id.int)
    return rows


@functools.cache
def _rooms(dialect: str, *, with_names: bool) -> Select[*tuple[Any, ...]]:
    columns: Iterable[Any] = (
        CONVERSATIONS.c.id,
        CONVERSATIONS.c.kind,
        CONVERSATIONS.c.title,
        MEMBERS.c.since_seq,
    )
    rooms = (
        select(*columns)
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .where(MEMBERS.c.user_id == VIEWER, CONVERSATIONS.c.last_seq > 0)
    )
    if with_names:
        is_peer = and_(
            CONVERSATIONS.c.kind == "direct",
            col(_PEER.conversation_id) == CONVERSATIONS.c.id,
            col(_PEER.user_id) != VIEWER,
        )
        rooms = (
            rooms.add_columns(col(_PERSON.username), col(_PERSON.display_name))
            .outerjoin(_PEER, is_peer)
            .outerjoin(_PERSON, col(_PERSON.id) == col(_PEER.user_id))
        )
    return in_pieces(dialect, rooms)


@functools.cache
def _people() -> Select[*tuple[UUID, str, str]]:
    part = col(NamePart.part)
    return (
        select(col(User.id), col(User.username), col(User.display_name))
        .join(NamePart, col(NamePart.user_id) == col(User.id))
        .where(
            col(NamePart.place).in_([int(place) for place in Place]),
            part >= bindparam("first", type_=String),
            part < bindparam("last", type_=String),
        )
        .order_by(col(NamePart.place), part, col(User.id))
        .limit(MAX_PEOPLE)
    )


@functools.cache
def _texts(dialect: str) -> Select[*tuple[Any, ...]]:
    columns = [MESSAGES.c[name] for name in TextRow.__struct_fields__]
    return in_pieces(
        dialect, _at_places(dialect, select(*columns).select_from(MESSAGES)), size=MESSAGES_IN_PIECE
    )


@functools.cache
def _messages(dialect: str) -> Select[*tuple[Any, ...]]:
    columns = [*message_columns(dialect, viewer_id=VIEWER), CONVERSATIONS.c.direct_key]
    messages = (
        select(*columns).select_from(MESSAGES).join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
    )
    return in_pieces(dialect, _at_places(dialect, messages), size=MESSAGES_IN_PIECE)


def _at_places(dialect: str, messages: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    given = JsonRows(dialect, id=Uuid, seq=BigInteger)
    found = (
        messages.join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        .join(MEMBERS, MEMBERS.c.conversation_id == MESSAGES.c.conversation_id)
        .where(
            MESSAGES.c.conversation_id == given.columns["id"],
            MESSAGES.c.seq == given.columns["seq"],
            MEMBERS.c.user_id == VIEWER,
            IS_READABLE,
            MESSAGES.c.deleted_at.is_(None),
            MESSAGES.c.kind == "text",
        )
    )
    return for_each(given, found)


@functools.cache
def _around(*, later: bool) -> Select[*tuple[UUID, int]]:
    identifier, bound = MESSAGES.c.id, bindparam("bound", type_=Uuid)
    return (
        select(MESSAGES.c.conversation_id, MESSAGES.c.seq)
        .where(identifier >= bound if later else identifier < bound)
        .order_by(identifier.asc() if later else identifier.desc())
        .limit(bindparam("most", type_=Integer))
    )


def _document_columns(dialect: str) -> list[ColumnElement[Any]]:
    names = [name for name in DocumentRow.__struct_fields__ if name != "files"]
    return [*(MESSAGES.c[name] for name in names), kinds_of_files(dialect).label("files")]


@functools.cache
def _following(dialect: str) -> Select[*tuple[Any, ...]]:
    page = (
        select(*_document_columns(dialect))
        .where(MESSAGES.c.id > bindparam("after_id", type_=Uuid))
        .order_by(MESSAGES.c.id)
        .limit(bindparam("most", type_=Integer))
        .subquery("following")
    )
    return in_pieces(dialect, select(page), size=MESSAGES_IN_PIECE)


@functools.cache
def _changed(dialect: str) -> Select[*tuple[Any, ...]]:
    given = JsonRows(dialect, id=Uuid, rev=BigInteger)
    changed = select(*_document_columns(dialect)).where(
        MESSAGES.c.conversation_id == given.columns["id"],
        MESSAGES.c.rev >= given.columns["rev"],
        MESSAGES.c.id > bindparam("after_id", type_=Uuid),
    )
    found = for_each(given, changed)
    page = (
        found.order_by(found.selected_columns["id"])
        .limit(bindparam("most", type_=Integer))
        .subquery("changed")
    )
    return in_pieces(dialect, select(page), size=MESSAGES_IN_PIECE)
