"""Migrations: upgrades make exactly the tables of the models, and downgrades remove them."""

import ast
import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from chat_app.accounts.names import name_parts
from chat_app.core import migrations, sqlite
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.ids import new_id
from chat_app.models import Table
from chat_app.models.search import SEARCH
from tests.harness.nodes import open_database
from tests.harness.sources import parsed

KINDS = ["sqlite", "postgres"]
VERSIONS = Path(__file__).resolve().parents[2] / "alembic" / "versions"


def metadata_of(dialect: str) -> list[sa.MetaData]:
    """Return the tables of a database; the search of SQLite has a file of its own."""
    return [Table.metadata] if dialect == "sqlite" else [Table.metadata, SEARCH]


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata_of(connection.dialect.name)))  # type: ignore[arg-type]  # several are taken


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
        made = metadata_of(database.dialect)
        assert {name for one in made for name in one.tables} == await tables(database) - left


@pytest.mark.parametrize("kind", KINDS)
async def test_two_processes_may_migrate_at_once(
    kind: str, empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    url = empty_database_urls[kind]
    async with open_database(url, tmp_path) as one, open_database(url, tmp_path) as other:
        await asyncio.gather(migrations.upgrade(one), migrations.upgrade(other))

        assert await migrations.current_revision(one) == migrations.newest_revision()


async def test_a_migration_waits_for_a_longer_one_of_another_process(
    empty_database_urls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 50)
    url = empty_database_urls["sqlite"]
    async with open_database(url, tmp_path) as one, open_database(url, tmp_path) as other:
        async with one.transaction():
            waiting = asyncio.create_task(migrations.upgrade(other))
            await asyncio.sleep(1)
            assert not waiting.done()
        await waiting

        assert await migrations.current_revision(one) == migrations.newest_revision()


async def test_an_unmigrated_database_has_no_revision(
    empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    async with open_database(empty_database_urls["postgres"], tmp_path) as database:
        assert await migrations.current_revision(database) is None


@pytest.mark.parametrize("kind", KINDS)
async def test_existing_people_are_found_before_and_after_the_migration(
    kind: str, empty_database_urls: dict[str, str], tmp_path: Path
) -> None:
    async with open_database(empty_database_urls[kind], tmp_path) as database:
        await migrations.upgrade(database, "0002")
        await add_people_of_0002(database)

        await migrations.upgrade(database)
        async with database.reading() as session:
            parts = await session.execute(sa.text("SELECT place, part FROM name_part"))
            assert set(map(tuple, parts)) == name_parts("zoe.l", "Zoë Lund")
            # The oldest account that is left is admin.
            admins = await session.execute(sa.text("SELECT username FROM user_account WHERE admin"))
            assert list(admins.scalars()) == ["zoe.l"]

        await migrations.downgrade(database, "0002")
        async with database.reading() as session:
            texts = await session.execute(sa.text("SELECT search_text FROM user_account"))
            assert set(texts.scalars()) == {"zoe.l\nzoe lund", "gone\nzoe lund"}
        await migrations.downgrade(database)


async def add_people_of_0002(database: Database) -> None:
    """Store a user and a deleted user, each with a session, in the schema of 0002."""
    async with database.transaction() as connection:
        old = sa.MetaData()
        await connection.run_sync(old.reflect)
        for username, gone in (("gone", utc_now()), ("zoe.l", None)):
            user_id = new_id().hex if database.is_sqlite else new_id()
            person = {
                "id": user_id,
                "username": username,
                "username_key": username,
                "display_name": "Zoë Lund",
                "search_text": "outdated",
                "bio": "",
                "status_text": "",
                "password_hash": "none",
                "accept_messages_from": "everyone",
                "share_presence": True,
                "sound": True,
                "created_at": utc_now(),
                "deleted_at": gone,
            }
            session = {
                "id": user_id,
                "user_id": user_id,
                "cookie_hash": username,
                "user_agent": "",
                "address": "",
                "created_at": utc_now(),
                "last_used_at": utc_now(),
                "expires_at": utc_now(),
            }
            await connection.execute(old.tables["user_account"].insert(), person)
            await connection.execute(old.tables["auth_session"].insert(), session)


def test_a_migration_imports_no_code_of_the_chat() -> None:
    """A migration is history: changes of the code must not change its result."""
    imported = {
        f"{path.name}: {module}"
        for path in VERSIONS.glob("*.py")
        for node in ast.walk(parsed(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in _modules(node)
        if module.partition(".")[0] in {"chat_app", "tests", ""}
    }

    assert imported == set()


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or "" if node.level == 0 else ""]
