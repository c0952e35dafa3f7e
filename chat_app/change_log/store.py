"""Rows of the change log: append what a transaction publishes, and read what follows.

What follows a reader's place is exact. SQLite has one writer at a time: positions are in the order
of the commits, and a place is a position. PostgreSQL commits in any order: a place is a snapshot
(`pg_current_snapshot`), and what that could not see follows it. So a transaction that commits late
holds up no other, and nothing is read twice.
"""

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Select,
    String,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    not_,
    select,
    true,
)
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import Delete, Insert
from sqlalchemy.types import UserDefinedType

from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.models.tables import CHANGES, GENERATIONS
from chat_app.realtime.events import Envelope

# The kinds of entries. A node skips one that it does not know: it is from a later version.
PUBLISHED = "published"
MESSAGES = "messages"
PROFILE = "profile"


class Publication(NamedTuple):
    """An envelope for the subscribers of some topics."""

    topics: list[str]
    envelope: Envelope


class NewEntry(NamedTuple):
    """What a transaction appends; `payload` is msgpack, by `kind`."""

    kind: str
    payload: bytes
    # The log writer's batch that stores it.
    batch: UUID | None = None


class Entry(NamedTuple):
    """An entry of the log, as a node reads it."""

    kind: str
    payload: bytes
    batch: UUID | None


_user_ids = msgspec.msgpack.Decoder(UUID)
_publications = msgspec.msgpack.Decoder(list[Publication])


def published(publications: Sequence[Publication]) -> NewEntry:
    """Return the entry that publishes envelopes as they are."""
    return NewEntry(PUBLISHED, msgspec.msgpack.encode(publications))


def publications_of(payload: bytes) -> list[Publication]:
    """Return what `published` encoded. Raises msgspec.DecodeError."""
    return _publications.decode(payload)


def profile_changed(user_id: UUID) -> NewEntry:
    """Return the entry after which the peers of a user get their changed card."""
    return NewEntry(PROFILE, msgspec.msgpack.encode(user_id))


def changed_profile(payload: bytes) -> UUID:
    """Return what `profile_changed` encoded. Raises msgspec.DecodeError."""
    return _user_ids.decode(payload)


def append(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """Append entries in the transaction of `connection`."""
    at = utc_now()
    connection.execute(
        append_entries(connection.dialect.name), [{**one._asdict(), "at": at} for one in entries]
    )


@functools.cache
def append_entries(dialect: str) -> Insert:
    """Insert entries; takes `kind`, `payload`, `batch` and `at`."""
    transaction_id = literal(0) if dialect == "sqlite" else func.pg_current_xact_id()
    return (
        insert(CHANGES)
        .inline()
        .values(
            transaction_id=transaction_id,
            kind=bindparam("kind", type_=String),
            payload=bindparam("payload", type_=LargeBinary),
            batch=bindparam("batch", type_=Uuid),
            written_at=bindparam("at", type_=CHANGES.c.written_at.type),
        )
    )


class _Snapshot(UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


_oldest = select(func.min(CHANGES.c.position)).scalar_subquery()
_newest = select(func.max(CHANGES.c.position)).scalar_subquery()


def _present(dialect: str) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return func.coalesce(_newest, 0)
    return cast(func.pg_current_snapshot(), Text)


@functools.cache
def present_place(dialect: str) -> Select[Any, int | None]:
    """Select the place behind everything that is committed, and the newest position."""
    return select(_present(dialect).label("place"), _newest.label("newest"))


@functools.cache
def entries_after(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the entries after the parameter `place`, at most `count`, in order of position.

    Each row has the place behind them too, with the oldest and newest position of the log; where
    nothing follows there is one row with nothing else. All of one snapshot.
    """
    if dialect == "sqlite":
        follows: ColumnElement[bool] = CHANGES.c.position > bindparam("place", type_=BigInteger)
    else:
        seen = cast(bindparam("place", type_=String), _Snapshot)
        follows = and_(
            CHANGES.c.transaction_id >= func.pg_snapshot_xmin(seen),
            not_(func.pg_visible_in_snapshot(CHANGES.c.transaction_id, seen)),
        )
    now = select(
        _present(dialect).label("place"), _oldest.label("oldest"), _newest.label("newest")
    ).subquery("now")
    return (
        select(now, CHANGES.c.position, CHANGES.c.kind, CHANGES.c.payload, CHANGES.c.batch)
        .select_from(now.outerjoin(CHANGES, and_(true(), follows)))
        .order_by(CHANGES.c.position)
        .limit(bindparam("count"))
    )


def remove_entries(connection: Connection, before: datetime, count: int) -> int:
    """Delete entries from before a time, of the oldest `count` positions; return how many.

    The newest entry stays: it shows every reader that nothing was removed before it was read.
    """
    values = {"before": before, "count": count}
    return connection.execute(delete_oldest(), values).rowcount


@functools.cache
def delete_oldest() -> Delete:
    """Delete entries from before the parameter `before`, of the oldest `count` positions."""
    return delete(CHANGES).where(
        CHANGES.c.position < _oldest + bindparam("count", type_=BigInteger),
        CHANGES.c.position < _newest,
        CHANGES.c.written_at < bindparam("before", type_=CHANGES.c.written_at.type),
    )


async def generation_of(database: Database) -> UUID:
    """Return the name of the database, new after each restore. Raises Unavailable."""
    [row] = await database.fetch_all(select(GENERATIONS.c.id), {})
    generation: UUID = row.id
    return generation
