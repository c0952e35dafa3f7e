"""Bringing the database up to this code's schema, and telling whether it is."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from alembic import command
from chat_app.core.database import Database

ROOT = Path(__file__).parents[2]
# Two processes may start on one PostgreSQL at the same moment; any number of ours will do.
MIGRATION_LOCK = 7_346_209_115


def _config() -> Config:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "alembic"))
    return config


def newest_revision() -> str | None:
    """Return the revision that this code is written for."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_known(revision: str) -> bool:
    """Whether this code has the migration that leads to `revision`."""
    script = ScriptDirectory.from_config(_config())
    return revision in {known.revision for known in script.walk_revisions()}


async def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to `revision`; one process at a time."""
    await _run(database, lambda config: command.upgrade(config, revision))


async def downgrade(database: Database, revision: str = "base") -> None:
    """Migrate down to `revision`."""
    await _run(database, lambda config: command.downgrade(config, revision))


async def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None before the first migration."""
    async with database.reading(any_schema=True) as session:
        connection = await session.connection()
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )


async def _run(database: Database, step: Callable[[Config], None]) -> None:
    def run(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        config = _config()
        config.attributes["connection"] = connection
        step(config)

    async with database.transaction() as connection:
        await connection.run_sync(run)
