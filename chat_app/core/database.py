"""The database of this process: one async engine, made when the process runs, never at import."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from chat_app.core.errors import Unavailable
from chat_app.core.settings import Settings

POOL_WAIT_S = 5
SQLITE_BUSY_MS = 3000
AWAY = (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError)


class Database:
    """Sessions and transactions over one engine.

    Every failure to reach or use the database becomes `Unavailable`; other errors pass.
    """

    def __init__(self, settings: Settings) -> None:
        self.engine = _make_engine(settings)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writing = self.engine.execution_options(chat_writes=True)
        # SQLite has one writer at a time and its busy handler sleeps; waiting here is fair and
        # wakes at once. PostgreSQL needs no such queue.
        self._turn: contextlib.AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.is_sqlite else contextlib.nullcontext()
        )

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Give a session to read with; what it changes is rolled back."""
        with _away_is_unavailable():
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                yield session

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose work is committed at the end, or rolled back by any error."""
        with _away_is_unavailable():
            async with (
                self._turn,
                AsyncSession(self._writing, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a bare connection in a writing transaction, for the path where rows do."""
        with _away_is_unavailable():
            async with self._turn, self._writing.begin() as connection:
                yield connection

    async def ping(self) -> None:
        """Ask the database anything; raises Unavailable when it does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


@contextlib.contextmanager
def _away_is_unavailable() -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        raise Unavailable from error
    except DBAPIError as error:
        if error.connection_invalidated or not _is_our_fault(error):
            raise Unavailable from error
        raise


def _is_our_fault(error: DBAPIError) -> bool:
    # SQLSTATE classes 53 (no resources), 57 (shutting down), 58 (system), 40 (rolled back by
    # the server) and 25006 (read-only after a failover) are the server's state, not our SQL.
    state = getattr(error.orig, "sqlstate", None) or ""
    return not (state[:2] in ("53", "57", "58", "40", "08") or state == "25006")


def _make_engine(settings: Settings) -> AsyncEngine:
    url = make_url(settings.database_address)
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            url,
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            connect_args={"timeout": SQLITE_BUSY_MS / 1000},
        )
        event.listen(engine.sync_engine, "connect", _set_pragmas)
        event.listen(engine.sync_engine, "begin", _begin)
        return engine
    return create_async_engine(
        url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,
        connect_args={"timeout": POOL_WAIT_S, "command_timeout": 30},
    )


def _set_pragmas(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by itself, and too late: see _begin.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # an ack must survive power loss, not only a crash of ours
        "foreign_keys=ON",
        f"busy_timeout={SQLITE_BUSY_MS}",
        "cache_size=-16000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock first: a deferred transaction that reads and then writes
    # fails at once when another one wrote in between, however long the busy timeout.
    writes = connection.get_execution_options().get("chat_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
