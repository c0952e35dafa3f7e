"""Migrations: Alembic upgrades and downgrades, and the revision of a database."""

import asyncio
import time
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from alembic import command
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable

ROOT = Path(__file__).parents[2]
# Two processes may start on one PostgreSQL at the same moment; any number of ours will do.
MIGRATION_LOCK = 7_346_209_115
# How long one waits for the migration of another on SQLite.
OTHERS_S = 60.0


def _config() -> Config:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    return config


@cache
def _scripts() -> ScriptDirectory:
    """Return the migrations, which are imported to be known."""
    return ScriptDirectory.from_config(_config())


@cache
def newest_revision() -> str | None:
    """Return the revision that this code is written for."""
    return _scripts().get_current_head()


def steps_between(lower: str | None, upper: str) -> list[str]:
    """Return the names of the migrations from one revision to a later one, in order."""
    steps = _scripts().iterate_revisions(upper, lower or "base")
    return [f"{step.revision} {step.doc}" for step in steps][::-1]


def is_known(revision: str) -> bool:
    """Return whether this code has the migration that leads to `revision`."""
    return revision in {known.revision for known in _scripts().walk_revisions()}


async def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to `revision`; one process at a time. Raises Unavailable."""
    end = time.monotonic() + OTHERS_S
    while True:
        try:
            async with database.transaction() as connection:
                await connection.run_sync(upgrade_on, revision)
        except Unavailable as error:
            # A writer of SQLite waits for three seconds: another process may migrate for longer.
            if "locked" not in str(error.__cause__) or time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def downgrade(database: Database, revision: str = "base") -> None:
    """Migrate down to `revision`."""
    async with database.transaction() as connection:
        await connection.run_sync(downgrade_on, revision)


async def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None before the first migration."""
    async with database.reading(any_schema=True) as session:
        connection = await session.connection()
        return await connection.run_sync(revision_of)


def upgrade_on(connection: Connection, revision: str = "head") -> None:
    """Migrate up to `revision`, in the transaction of the caller."""
    command.upgrade(_config_of(connection), revision)


def downgrade_on(connection: Connection, revision: str = "base") -> None:
    """Migrate down to `revision`, in the transaction of the caller."""
    command.downgrade(_config_of(connection), revision)


def revision_of(connection: Connection) -> str | None:
    """Return the revision of what is behind a connection; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def _config_of(connection: Connection) -> Config:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    config = _config()
    config.attributes["connection"] = connection
    return config
