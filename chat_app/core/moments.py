"""Moments by the clock that the rows carry: the database's where it is a server.

The clocks of several nodes may differ, by an hour even.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Interval, func, literal

from chat_app.core.clock import utc_now


def ago(dialect: str, time: timedelta) -> datetime | ColumnElement[datetime]:
    """Return the moment that was this long ago."""
    if dialect == "sqlite":
        return utc_now() - time
    return func.clock_timestamp() - literal(time, Interval)
