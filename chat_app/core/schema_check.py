"""Schema check: whether the database has this code's schema, and its role the needed rights."""

from typing import Literal

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DatabaseError

from chat_app.core import migrations
from chat_app.core.database import Database
from chat_app.core.errors import CannotStart, Refused, Unavailable
from chat_app.core.settings import Settings

# Tables on which this role lacks a right that the chat needs.
CLOSED_TABLES = sa.text("""
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
AND NOT (has_table_privilege(oid, 'SELECT') AND (relname = 'alembic_version' OR (
    has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
    AND has_table_privilege(oid, 'DELETE'))))
ORDER BY relname
""")

Schema = Literal["current", "pending", "ahead"]

log = structlog.get_logger(__name__)


async def schema_of(database: Database) -> Schema:
    """Compare the database's schema with this code's. Raises Unavailable."""
    revision = await migrations.current_revision(database)
    if revision == migrations.newest_revision():
        return "current"
    return "pending" if revision is None or migrations.is_known(revision) else "ahead"


async def ensure_current(database: Database, settings: Settings) -> None:
    """Migrate where that is safe: an embedded database, or a server's while it is empty.

    A server's older schema is left to `make migrate`, because other nodes use it: until that is
    done the database refuses all work. Raises CannotStart where waiting would not help.
    """
    try:
        if await database.check_pooling():
            return
        await _migrate(database, settings)
        if await schema_of(database) == "current":
            await _check_rights(database)
            return
        log.error("node.old_schema", what_to_do="run `make migrate`; until then nothing is served")
    except Refused as error:
        raise CannotStart(f"CHAT_DATABASE_URL: PostgreSQL refuses: {error.reason}") from error
    except DatabaseError as error:
        # The file holds something else.
        raise CannotStart(f"The database cannot be used: {error.orig}") from error
    except Unavailable as error:
        if settings.embedded:
            raise CannotStart(f"The database cannot be used: {error.__cause__}") from error
        log.warning("node.database_away", reason=str(error.__cause__))
    database.refuse_until(lambda: _is_current(database))


async def _migrate(database: Database, settings: Settings) -> None:
    revision = await migrations.current_revision(database)
    if revision == migrations.newest_revision():
        return
    if revision is not None and not migrations.is_known(revision):
        raise CannotStart(
            f"The database is newer than this code, which does not know its revision {revision}:"
            " start the newer version, or restore a backup from before it."
        )
    if settings.embedded or revision is None:
        await migrations.upgrade(database)


async def _check_rights(database: Database) -> None:
    if database.is_sqlite:
        return
    async with database.reading() as session:
        closed = list(await session.scalars(CLOSED_TABLES))
    if closed:
        raise CannotStart(
            "CHAT_DATABASE_URL: its role needs SELECT, INSERT, UPDATE and DELETE on every table;"
            f" it lacks some on {', '.join(closed)}"
        )


async def _is_current(database: Database) -> bool:
    return not await database.check_pooling() and await schema_of(database) == "current"
