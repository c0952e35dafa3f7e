"""Runs the migrations: on the connection it is given, or on the database of the settings."""

import asyncio

from sqlalchemy.engine import Connection

from alembic import context
from chat_app.core.database import Database
from chat_app.core.settings import read_settings
from chat_app.models import Table
from chat_app.models.search import SEARCH


def migrate(connection: Connection) -> None:
    """Run what `alembic` was asked for over `connection`."""
    context.configure(
        connection=connection,
        target_metadata=(
            Table.metadata if connection.dialect.name == "sqlite" else [Table.metadata, SEARCH]
        ),
        compare_type=True,
        # SQLite cannot alter most things in place; Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_the_settings_database() -> None:
    """Open the database of the settings for the command line."""
    database = Database(read_settings())
    try:
        async with database.transaction() as connection:
            await connection.run_sync(migrate)
    finally:
        await database.close()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(migrate_the_settings_database())
