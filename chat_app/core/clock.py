"""Clock: aware UTC times, so that nothing naive ever reaches a column or a client.

Several nodes follow the clock of their database (`clock_sync.py`), however wrong their own may be.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Interval, func, literal

# A smaller difference is that of the network, and does no harm.
TOLERANCE = timedelta(seconds=1)


class _Offset:
    """The offset of the database's clock from this machine's."""

    value = timedelta(0)


_offset = _Offset()


def utc_now() -> datetime:
    """Return the present moment in UTC, to the microsecond."""
    return machine_now() + _offset.value


def machine_now() -> datetime:
    """Return the present moment by this machine's clock."""
    return datetime.now(UTC)


def set_offset(offset: timedelta) -> timedelta:
    """Set the offset from this machine's clock; return it, or zero below `TOLERANCE`."""
    _offset.value = offset if abs(offset) > TOLERANCE else timedelta(0)
    return _offset.value


def ago(dialect: str, time: timedelta) -> datetime | ColumnElement[datetime]:
    """Return the moment `time` ago, by the clock that writes the rows: the database's, if a server.

    The clocks of several nodes may differ, by an hour even. PostgreSQL uses no index with its
    `clock_timestamp()`, which may change from row to row; this one is that of the statement.
    """
    if dialect == "sqlite":
        return utc_now() - time
    return func.statement_timestamp() - literal(time, Interval)
