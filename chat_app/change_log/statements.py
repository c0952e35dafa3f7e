"""Statements of the change log, composed once: append, read what follows a place, remove.

What follows a reader's place is exact. SQLite has one writer at a time: positions are in the order
of the commits, and a place is a position. PostgreSQL commits in any order: a place is a snapshot
(`pg_current_snapshot`), and what that could not see follows it. So a transaction that commits late
holds up no other, and nothing is read twice.
"""

import functools
from typing import Any

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
)
from sqlalchemy.sql.dml import Delete, Insert
from sqlalchemy.types import UserDefinedType

from chat_app.models.tables import CHANGES


@functools.cache
def append_entry(dialect: str) -> Insert:
    """Insert an entry; takes `entry_kind`, `entry_payload`, `entry_batch` and `appended_at`."""
    transaction_id = literal(0) if dialect == "sqlite" else func.pg_current_xact_id()
    return (
        insert(CHANGES)
        .inline()
        .values(
            transaction_id=transaction_id,
            kind=bindparam("entry_kind", type_=String),
            payload=bindparam("entry_payload", type_=LargeBinary),
            batch=bindparam("entry_batch", type_=Uuid),
            written_at=bindparam("appended_at", type_=CHANGES.c.written_at.type),
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
        .select_from(now.outerjoin(CHANGES, follows))
        .order_by(CHANGES.c.position)
        .limit(bindparam("count"))
    )


@functools.cache
def delete_oldest() -> Delete:
    """Delete entries from before the parameter `before`, of the oldest `count` positions."""
    return delete(CHANGES).where(
        CHANGES.c.position < _oldest + bindparam("count", type_=BigInteger),
        CHANGES.c.position < _newest,
        CHANGES.c.written_at < bindparam("before", type_=CHANGES.c.written_at.type),
    )
