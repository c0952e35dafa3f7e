"""SQLite's write-ahead log: emptied when idle and at the end, short whoever reads."""

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.engine import Connection

from chat_app.core import checkpoints, sqlite
from chat_app.core.checkpoints import IDLE_LOOKS, Checkpoints
from chat_app.core.database import Database
from chat_app.core.settings import Settings
from tests.harness.chats import PAIRS, Farm
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_node, to_user

ROW = b"x" * 4000
MEGABYTE = 2**20


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Yield a database with one table."""
    database = Database(Settings(data_dir=tmp_path))
    async with database.writing() as session:
        await session.execute(text("CREATE TABLE word (number INTEGER PRIMARY KEY, value BLOB)"))
    yield database
    await database.close()


async def write(database: Database, megabytes: float) -> None:
    """Write rows in transactions of a hundred."""

    def add(connection: Connection) -> None:
        for _ in range(100):
            connection.execute(text("INSERT INTO word (value) VALUES (:value)"), {"value": ROW})

    for _ in range(int(megabytes * MEGABYTE / len(ROW) / 100) + 1):
        await database.transact(add)


def file_of(database: Database) -> Path:
    assert database.file is not None
    return database.file


def size_of_log(database: Database) -> int:
    log = Path(f"{file_of(database)}-wal")
    return log.stat().st_size if log.exists() else 0


@contextlib.contextmanager
def snapshot(file: Path) -> Iterator[None]:
    """Hold a snapshot open, as another program may."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield


async def test_the_file_alone_holds_everything_when_idle(
    database: Database, tmp_path: Path
) -> None:
    await write(database, 1)
    looking = Checkpoints(file_of(database))
    for _ in range(IDLE_LOOKS + 1):
        assert size_of_log(database) > 0
        await looking.look()

    copy = shutil.copy(file_of(database), tmp_path / "copy.db")
    assert size_of_log(database) == 0
    with contextlib.closing(sqlite3.connect(copy)) as reader:
        assert reader.execute("SELECT count(*) FROM word").fetchone()[0] >= MEGABYTE / len(ROW)


async def test_a_log_that_a_snapshot_held_is_emptied_after_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "MAX_BYTES", MEGABYTE)
    looking = Checkpoints(file_of(database))
    with snapshot(file_of(database)):
        for _ in range(3):
            await write(database, 2)
            # Nobody waits for the snapshot: neither this nor the writer.
            await looking.look()
        assert size_of_log(database) > 6 * MEGABYTE
    await looking.look()

    assert size_of_log(database) == 0


async def test_a_long_log_is_cut_when_it_begins_anew(database: Database) -> None:
    with snapshot(file_of(database)):
        await write(database, 2 * sqlite.WAL_BYTES / MEGABYTE)
    grown = size_of_log(database)
    # The writer copies it with the next commit, and begins it anew with the one after.
    await write(database, 1)

    assert grown > 2 * sqlite.WAL_BYTES
    assert size_of_log(database) <= sqlite.WAL_BYTES


async def test_a_node_that_stops_leaves_no_log_though_a_program_has_the_file_open(
    farm: Farm, tmp_path: Path
) -> None:
    storage = farm.storage(PAIRS[0], tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        async with open_node(storage) as node:
            file = file_of(node.database)
            reader = stack.enter_context(contextlib.closing(sqlite3.connect(file)))
            reader.execute("SELECT count(*) FROM message").fetchall()
            await node.messages.send(to_user(await new_user(node), await new_user(node)))
            assert size_of_log(node.database) > 0

        copy = shutil.copy(file, tmp_path / "copy.db")
        assert size_of_log(node.database) == 0
    with contextlib.closing(sqlite3.connect(copy)) as copied:
        assert copied.execute("SELECT count(*) FROM message").fetchone() == (1,)


async def test_a_node_empties_the_log_by_itself(farm: Farm, tmp_path: Path) -> None:
    async with open_node(farm.storage(PAIRS[0], tmp_path)) as node:
        await node.messages.send(to_user(await new_user(node), await new_user(node)))
        async with asyncio.timeout(PATIENCE_S):
            while size_of_log(node.database):
                await asyncio.sleep(0.05)
