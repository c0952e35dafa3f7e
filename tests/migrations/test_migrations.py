"""The migrations make exactly the tables of the models, and unmake them."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from chat_app.core import migrations
from chat_app.core.database import Database
from chat_app.models import Table
from tests.nodes import open_database

KINDS = ["sqlite", "postgres"]


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Table.metadata))


async def tables(database: Database) -> set[str]:
    async with database.reading() as session:
        connection = await session.connection()
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


@pytest.mark.parametrize("kind", KINDS)
async def test_the_migrated_tables_are_those_of_the_models(
    kind: str, empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    async with open_database(empty_database_urls[kind], tmp_path) as database:
        await migrations.upgrade(database)

        async with database.reading() as session:
            connection = await session.connection()
            assert await connection.run_sync(differences) == []
        assert await migrations.current_revision(database) == migrations.newest_revision()


@pytest.mark.parametrize("kind", KINDS)
async def test_migrations_run_down_to_nothing_and_up_again(
    kind: str, empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    async with open_database(empty_database_urls[kind], tmp_path) as database:
        await migrations.upgrade(database)
        await migrations.downgrade(database)
        left = await tables(database)
        await migrations.upgrade(database)

        assert left <= {"alembic_version"}
        assert {table.name for table in Table.metadata.sorted_tables} <= await tables(database)


@pytest.mark.parametrize("kind", KINDS)
async def test_two_processes_may_migrate_at_once(
    kind: str, empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    url = empty_database_urls[kind]
    async with open_database(url, tmp_path) as one, open_database(url, tmp_path) as other:
        await asyncio.gather(migrations.upgrade(one), migrations.upgrade(other))

        assert await migrations.current_revision(one) == migrations.newest_revision()


async def test_an_unmigrated_database_has_no_revision(
    empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    async with open_database(empty_database_urls["postgres"], tmp_path) as database:
        assert await migrations.current_revision(database) is None
