"""Entries of the change log: what a transaction publishes, appended with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, select
from sqlalchemy.engine import Connection

from chat_app.change_log.statements import (
    append_entry,
    delete_oldest,
    entries_after,
    present_place,
)
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.models.tables import GENERATIONS
from chat_app.realtime.events import Envelope

# The kinds of entries. A node skips one that it does not know: it is from a later version.
PUBLISHED = "published"
MESSAGES = "messages"
PROFILE = "profile"
VIEW = "view"
GROUP = "group"
REACTIONS = "reactions"

# Entries are removed once they are so old.
KEPT_FOR = timedelta(days=1)


class Publication(NamedTuple):
    """An envelope for the subscribers of some topics."""

    topics: list[str]
    envelope: Envelope


class ChangedView(NamedTuple):
    """A conversation that changed for some people. Their nodes make the views when they deliver.

    A view that was made with the change could be older than what a device has loaded since.
    """

    conversation_id: UUID
    viewer_ids: list[UUID]
    # Whether all of these are members from now on: the same view for each.
    is_new_group: bool = False


class NewEntry(NamedTuple):
    """An entry that a transaction appends; its `payload` is msgpack, by its `kind`."""

    kind: str
    payload: bytes
    # The log writer's batch that stores it.
    batch: UUID | None = None


class Entry(NamedTuple):
    """An entry of the log, as a node reads it."""

    kind: str
    payload: bytes
    batch: UUID | None


_views = msgspec.msgpack.Decoder(ChangedView)
_ids = msgspec.msgpack.Decoder(UUID)
_publications = msgspec.msgpack.Decoder(list[Publication])


def published(publications: Sequence[Publication]) -> NewEntry:
    """Return the entry that publishes envelopes as they are."""
    return NewEntry(PUBLISHED, msgspec.msgpack.encode(publications))


def publications_of(payload: bytes) -> list[Publication]:
    """Return what `published` encoded. Raises msgspec.DecodeError."""
    return _publications.decode(payload)


def view_changed(view: ChangedView) -> NewEntry:
    """Return the entry after which some people get the view of a conversation."""
    return NewEntry(VIEW, msgspec.msgpack.encode(view))


def changed_view(payload: bytes) -> ChangedView:
    """Return what `view_changed` encoded. Raises msgspec.DecodeError."""
    return _views.decode(payload)


def group_changed(conversation_id: UUID) -> NewEntry:
    """Return the entry after which all members of a group get its view."""
    return NewEntry(GROUP, msgspec.msgpack.encode(conversation_id))


def changed_group(payload: bytes) -> UUID:
    """Return what `group_changed` encoded. Raises msgspec.DecodeError."""
    return _ids.decode(payload)


def profile_changed(user_id: UUID) -> NewEntry:
    """Return the entry after which the peers of a user get their changed card."""
    return NewEntry(PROFILE, msgspec.msgpack.encode(user_id))


def changed_profile(payload: bytes) -> UUID:
    """Return what `profile_changed` encoded. Raises msgspec.DecodeError."""
    return _ids.decode(payload)


def append(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """Append entries in the transaction of `connection`."""
    for entry in entries:
        connection.execute(append_entry(connection.dialect.name), entry_values(entry))


def entry_values(entry: NewEntry) -> dict[str, object]:
    """Return the parameters of the statement that appends an entry."""
    return {
        "entry_kind": entry.kind,
        "entry_payload": entry.payload,
        "entry_batch": entry.batch,
        "appended_at": utc_now(),
    }


def remove_entries(connection: Connection, before: datetime, count: int) -> int:
    """Delete entries from before a time, of the oldest `count` positions; return how many.

    The newest entry stays: it shows every reader that nothing was removed before it was read.
    """
    values = {"before": before, "count": count}
    return connection.execute(delete_oldest(), values).rowcount


async def read_place(database: Database) -> Row[Any, int | None]:
    """Return the place behind everything that is committed. Raises Unavailable."""
    [row] = await database.fetch_all(present_place(database.dialect), {})
    return row


async def read_after(
    database: Database, place: int | str, *, most: int
) -> list[Row[*tuple[Any, ...]]]:
    """Return the entries after a place, as `entries_after` selects them. Raises Unavailable."""
    values = {"place": place, "count": most}
    return await database.fetch_all(entries_after(database.dialect), values)


async def generation_of(database: Database) -> UUID:
    """Return the name of the database, new after each restore. Raises Unavailable."""
    [row] = await database.fetch_all(select(GENERATIONS.c.id), {})
    generation: UUID = row.id
    return generation
