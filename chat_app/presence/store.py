"""Last-seen times, stored for many users in one statement."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Update, Uuid, cast, or_, update

from chat_app.core.database import Database
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.models.tables import USERS

# The format of SQLite's times; PostgreSQL reads it with the offset of UTC.
FORMAT = "%Y-%m-%d %H:%M:%S.%f"


async def store_last_seen(database: Database, seen: Mapping[UUID, datetime]) -> None:
    """Store when these users were last connected, unless a later time is stored; none is fine."""
    if not seen:
        return
    is_sqlite = database.is_sqlite
    rows = [
        {"id": user_id, "at": at.astimezone(UTC).strftime(FORMAT) + ("" if is_sqlite else "+00")}
        for user_id, at in seen.items()
    ]
    statement = _update_last_seen("sqlite" if is_sqlite else "postgresql")
    await database.transact(
        lambda connection: connection.execute(statement, {"rows": as_parameter(rows)}).close()
    )


@functools.cache
def _update_last_seen(dialect: str) -> Update:
    given = JsonRows(dialect, id=Uuid, at=Text)
    seen = USERS.c.last_seen_at
    at: Any = given.columns["at"]
    if dialect != "sqlite":
        at = cast(at, seen.type)
    return (
        update(USERS)
        .where(USERS.c.id == given.columns["id"], or_(seen.is_(None), seen < at))
        .values(last_seen_at=at)
    )
