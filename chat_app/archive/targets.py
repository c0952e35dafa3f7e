"""Targets: databases that are filled from a source as a whole, or not at all."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, StaticPool

from chat_app.archive.errors import ArchiveError, failures_at
from chat_app.archive.fill import clear_chat, fill, refuse_others, refuse_unless_empty
from chat_app.archive.sources import Progress, Source
from chat_app.core import sqlite
from chat_app.core.database import APPLICATION, Database, application_name
from chat_app.core.ids import new_id
from chat_app.core.settings import Settings

# Pages that are copied between two checks for an interruption.
PAGES = 4_000
IN_USE = "the chat is running; stop it first"
BEHIND_A_POOLER = (
    "behind a pooler a running chat cannot be recognised; run this with CHAT_DATABASE_URL and"
    " CHAT_DATABASE_POOLING=session for PostgreSQL itself"
)
Check: TypeAlias = Callable[[Connection], None]


def place_of(settings: Settings) -> str:
    """Return the name of a database for people, never with its password."""
    url = make_url(settings.database_address)
    if settings.embedded:
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"{url.host or 'the local PostgreSQL'}{port}/{url.database}"


async def fill_database(
    settings: Settings, source: Source, *, replace: bool, progress: Progress
) -> None:
    """Fill the database of the settings with all of `source`, or change nothing.

    Raises ArchiveError, for one that is in use or holds something too, unless it may be replaced.
    """
    check = refuse_others if replace else refuse_unless_empty
    with failures_at(place_of(settings)):
        if settings.embedded:
            await _fill_sqlite(_file(settings), source, check, progress)
        else:
            await _fill_postgres(settings, source, check, progress)


async def refuse_if_in_use(settings: Settings) -> None:
    """Raise ArchiveError if a running node is found on this database."""
    with failures_at(place_of(settings)):
        if not settings.embedded:
            _refuse_pooler(settings)
            async with _opened(settings) as database, database.snapshot() as connection:
                await _refuse_nodes(connection)
        elif _file(settings).exists():
            with _exclusive_connection(_file(settings)):
                pass


@contextlib.asynccontextmanager
async def open_snapshot(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """Open a connection to a snapshot of the database of the settings."""
    with failures_at(place_of(settings)):
        if settings.embedded and not _file(settings).exists():
            raise ArchiveError("there is no such file")
        async with _opened(settings) as database, database.snapshot() as connection:
            yield connection


@contextlib.asynccontextmanager
async def temporary_database(folder: Path) -> AsyncIterator[tuple[AsyncConnection, Path]]:
    """Open a new private SQLite database, which is removed at the end."""
    path = folder / f".chat-{new_id().hex}.db"
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        poolclass=NullPool,
        connect_args={"async_creator_fn": sqlite.connect},
    )
    event.listen(engine.sync_engine, "connect", _skip_syncs)
    event.listen(engine.sync_engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN"))
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise ArchiveError("cannot be written", place=str(folder)) from error
    try:
        async with engine.connect() as connection:
            yield connection, path
    finally:
        await engine.dispose()
        path.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    try:
        yield database
    finally:
        await database.close()


async def _fill_postgres(
    settings: Settings, source: Source, check: Check, progress: Progress
) -> None:
    _refuse_pooler(settings)
    async with _opened(settings) as database, database.transaction() as connection:
        await _refuse_nodes(connection)
        await connection.run_sync(check)
        await connection.run_sync(clear_chat, source.revision)
        await fill(connection, source, progress)
        for shape in source.shapes:
            await connection.execute(text(f'ANALYZE "{shape.name}"'))


def _refuse_pooler(settings: Settings) -> None:
    if settings.database_pooling == "transaction":
        raise ArchiveError(BEHIND_A_POOLER)


async def _refuse_nodes(connection: AsyncConnection) -> None:
    others = await connection.execute(
        text(
            "SELECT count(DISTINCT application_name) FROM pg_stat_activity "
            "WHERE datname = current_database() AND starts_with(application_name, :ours) "
            "AND application_name <> :mine"
        ),
        {"ours": APPLICATION, "mine": application_name()},
    )
    if others.scalar_one():
        raise ArchiveError(IN_USE)


async def _fill_sqlite(path: Path, source: Source, check: Check, progress: Progress) -> None:
    """Fill a temporary database, and copy its pages over in one transaction."""
    with _removed_on_failure(path), _exclusive_connection(path) as held:
        check(held)
        async with temporary_database(path.parent) as (connection, aside):
            async with connection.begin():
                await fill(connection, source, progress)
            _copy_pages(aside, held, progress)


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    """Remove a new file after a failure."""
    was_there = path.exists()
    is_filled = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
        is_filled = True
    except OSError as error:
        raise ArchiveError(f"cannot be written: {error.strerror or error}") from error
    finally:
        if not was_there and not is_filled:
            path.unlink(missing_ok=True)


def _copy_pages(aside: Path, held: Connection, progress: Progress) -> None:
    target = held.connection.driver_connection
    assert isinstance(target, sqlite3.Connection)  # noqa: S101  # what StaticPool was made with
    done = 0

    def report(_status: int, left: int, total: int) -> None:
        nonlocal done
        progress.advance(total - left - done)
        done = total - left

    with contextlib.closing(sqlite3.connect(aside)) as whole:
        progress.begin("put in its place", whole.execute("PRAGMA page_count").fetchone()[0])
        whole.backup(target, pages=PAGES, progress=report)


@contextlib.contextmanager
def _exclusive_connection(path: Path) -> Iterator[Connection]:
    """Open the only connection to an SQLite file. Raises ArchiveError when there are others."""
    engine = create_engine(f"sqlite:///{path}", poolclass=StaticPool, connect_args={"timeout": 0})
    event.listen(engine, "connect", _lock_exclusively)
    try:
        with engine.connect() as connection:
            yield connection
    except OperationalError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig):
            raise ArchiveError(IN_USE) from error
        raise
    finally:
        engine.dispose()


def _lock_exclusively(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
    # Fails while another process has the file open, since it is in WAL mode; then keeps others out.
    cursor.execute("BEGIN IMMEDIATE")
    cursor.execute("COMMIT")
    cursor.close()


def _skip_syncs(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # A temporary database is worth nothing after a crash: it needs no syncs.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=ON", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _file(settings: Settings) -> Path:
    return Path(str(make_url(settings.database_address).database))
