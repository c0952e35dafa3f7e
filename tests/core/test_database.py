"""Database sessions: each begins its own transaction and leaves a clean connection."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.core import sqlite
from chat_app.core.database import Database
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_database, open_node, settings_of
from tests.harness.statements import statements

COUNT = text("SELECT count(*) FROM note")
ADD = text("INSERT INTO note VALUES (1)")
ADD_NOTHING = text("INSERT INTO note VALUES (NULL)")
ENDLESS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
    "SELECT count(*) FROM n"
)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(
    request: pytest.FixtureRequest, empty_database_urls: dict[str, str], tmp_path: Path
) -> AsyncIterator[Database]:
    """Give a database with one table and one connection for all sessions."""
    async with one_connection(empty_database_urls[request.param], tmp_path) as opened:
        yield opened


@asynccontextmanager
async def one_connection(url: str, folder: Path) -> AsyncIterator[Database]:
    database = Database(
        settings_of(Storage("", url, "", folder), CHAT_DATABASE_POOL_SIZE="1"),
    )
    try:
        async with database.transaction() as connection:
            await connection.execute(text("CREATE TABLE note (number INTEGER NOT NULL)"))
        yield database
    finally:
        await database.close()


async def counted(session: AsyncSession) -> int:
    return int((await session.execute(COUNT)).scalar_one())


async def stored(database: Database) -> int:
    """Return the number of notes that the next session reads."""
    async with database.reading() as session:
        return await counted(session)


async def run(database: Database, kind: str, todo: Sequence[TextClause]) -> None:
    async with database.reading() if kind == "reading" else database.writing() as session:
        for statement in todo:
            await session.execute(statement)


async def test_a_reading_session_sends_only_its_statements(database: Database) -> None:
    with statements() as sent:
        await stored(database)
        await stored(database)

    assert sent == [COUNT.text] * 2


async def test_a_write_is_read_at_once(database: Database) -> None:
    for number in range(1, 20):
        async with database.writing() as session:
            await session.execute(ADD)
        assert await stored(database) == number


async def test_changes_of_a_reading_session_are_rolled_back(database: Database) -> None:
    for _ in range(3):
        async with database.reading() as session:
            await session.execute(ADD)
            assert await counted(session) == 1
        assert await stored(database) == 0


async def test_a_session_without_statements_leaves_nothing(database: Database) -> None:
    async with database.reading():
        pass
    async with database.writing():
        pass
    async with database.transaction():
        pass

    async with database.writing() as session:
        await session.execute(ADD)
    assert await stored(database) == 1


@pytest.mark.parametrize("kind", ["reading", "writing"])
async def test_a_failing_statement_leaves_a_clean_connection(database: Database, kind: str) -> None:
    for before in ([], [ADD]):
        with pytest.raises(IntegrityError):
            await run(database, kind, [*before, ADD_NOTHING])
        assert await stored(database) == 0


async def test_a_cancelled_statement_leaves_a_clean_connection(database: Database) -> None:
    async def read() -> None:
        async with database.reading() as session:
            await session.execute(ADD)
            begun.set()
            await session.execute(ENDLESS)

    begun = asyncio.Event()
    task = asyncio.create_task(read())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await stored(database) == 0


async def test_on_sqlite_a_session_sees_one_moment(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/notes.db"
    async with one_connection(url, tmp_path) as here, open_database(url, tmp_path) as there:
        async with here.reading() as session:
            assert await counted(session) == 0
            async with there.writing() as other:
                await other.execute(ADD)
            assert await counted(session) == 0

        assert await stored(here) == 1


async def test_nothing_is_written_outside_of_a_transaction_that_could_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 50)
    url = f"sqlite+aiosqlite:///{tmp_path}/notes.db"
    async with one_connection(url, tmp_path) as database:
        locking = sqlite3.connect(tmp_path / "notes.db", isolation_level=None)
        locking.execute("BEGIN IMMEDIATE")

        async def insist() -> None:
            async with database.writing() as session:
                with pytest.raises(OperationalError):
                    await session.execute(ADD)
                locking.execute("ROLLBACK")
                await session.execute(ADD)
                await session.execute(ADD_NOTHING)

        with pytest.raises(IntegrityError):
            await insist()
        locking.close()

        assert await stored(database) == 0


async def test_the_database_file_is_for_its_owner_only(tmp_path: Path) -> None:
    storage = Storage("sqlite+memory", "", "", tmp_path / "data")
    async with open_node(storage) as node:
        await new_user(node)
        files = sorted((tmp_path / "data").iterdir())

        assert {path.name for path in files} >= {"chat.db", "chat.db-wal"}
        assert [path.name for path in files if path.stat().st_mode & 0o077] == []
