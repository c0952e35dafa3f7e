"""The database of this process: one async engine, made when the process runs, never at import."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Row, Select, create_engine, event, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from chat_app.core import sqlite
from chat_app.core.database_errors import translate_errors
from chat_app.core.errors import Unavailable
from chat_app.core.metrics import Metrics
from chat_app.core.pool import CountingPool, count_pool
from chat_app.core.settings import Settings

POOL_WAIT_S = 5
# A database that has not answered by then is away: who waits is told so, and tries again.
ANSWER_S = 3.0
APPLICATION = "chat/"
HOST_SHOWN = 40  # PostgreSQL cuts a name at 63
Result = TypeVar("Result")


class Database:
    """Sessions and transactions over one engine.

    Every failure to reach or use the database becomes `Unavailable`; other errors pass. What the
    database undid in favour of another transaction is `Overtaken`, which may be tried at once.
    """

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self.engine = _make_engine(settings)
        count_pool(self.engine, metrics or Metrics())
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writing = self.engine.execution_options(chat_writes=True)
        # A statement alone needs no transaction: beginning and ending one are trips of their own.
        alone = {"chat_alone": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._alone = self.engine.execution_options(**alone)
        # What takes its time (a migration) must not run into the time limit of all the rest.
        self._patient = self.engine if self.is_sqlite else _postgres_engine(settings, patient=True)
        # SQLite has one writer at a time and its busy handler sleeps; waiting here is fair and
        # wakes at once. PostgreSQL needs no such queue.
        self._turn: contextlib.AbstractAsyncContextManager[Any] = (
            _Turns() if self.is_sqlite else contextlib.nullcontext()
        )
        self._thread = _WriterThread(self.engine.url) if self.is_sqlite else None
        self._fits: Callable[[], Awaitable[bool]] | None = None

    def hold_until(self, fits: Callable[[], Awaitable[bool]]) -> None:
        """Refuse all work until `fits` says yes; it is asked whenever there is some."""
        self._fits = fits

    @contextlib.asynccontextmanager
    async def reading(self, *, any_schema: bool = False) -> AsyncIterator[AsyncSession]:
        """Give a session to read with; what it changes is rolled back."""
        if not any_schema:
            await self._see_whether_it_fits()
        with translate_errors():
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                yield session

    async def fetch_all(
        self, statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]
    ) -> list[Row[*tuple[Any, ...]]]:
        """Return the rows of one statement, in one trip to the database."""
        await self._see_whether_it_fits()
        with translate_errors():
            async with self._alone.connect() as connection:
                return list(await connection.execute(statement, values))

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose work is committed at the end, or rolled back by any error."""
        await self._see_whether_it_fits()
        with translate_errors():
            async with (
                self._turn,
                AsyncSession(self._writing, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a bare connection in a writing transaction that may take as long as it likes."""
        # It keeps others from writing from now on, not only from its first statement on.
        writing = self._patient.execution_options(chat_writes=True, chat_at_once=True)
        with translate_errors():
            async with self._turn, writing.begin() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Give a bare connection that sees one moment, for as long as it likes; others write on."""
        with translate_errors():
            async with self._patient.connect() as connection:
                if not self.is_sqlite:
                    await connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                async with connection.begin():
                    yield connection

    async def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work`, which must not await, in one writing transaction.

        The SQLite driver of `writing` goes to a thread and back for every statement; this goes
        once for all of them.
        """
        await self._see_whether_it_fits()
        with translate_errors():
            if self._thread is not None:
                async with self._turn:
                    return await self._thread.run(work)
            async with self._writing.begin() as connection:
                return await connection.run_sync(work)

    async def ping(self) -> None:
        """Ask the database anything; raises Unavailable when it does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every pooled connection."""
        if self._thread is not None:
            self._thread.close()
        await self.engine.dispose()
        await self._patient.dispose()

    async def _see_whether_it_fits(self) -> None:
        if self._fits is not None:
            if not await self._fits():
                raise Unavailable("The chat is being upgraded. Please try again in a moment.")
            self._fits = None


def application_name() -> str:
    """Return what PostgreSQL calls this process: whoever looks there sees which nodes run."""
    return f"{APPLICATION}{socket.gethostname()[:HOST_SHOWN]}/{os.getpid()}"


class _Turns:
    """One at a time, in the order they came; raises TimeoutError when it takes too long.

    Behind a file that another program has locked, each would wait for the time-outs of all before.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        async with asyncio.timeout(ANSWER_S):
            await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class _WriterThread:
    """One thread with one plain SQLite connection, for whole transactions at a time."""

    def __init__(self, url: URL) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database writer")
        engine = create_engine(
            url.set(drivername="sqlite"),
            pool_size=1,
            max_overflow=0,
            # Closed by the main thread at the end; used by one thread at a time all the same.
            connect_args={"timeout": sqlite.BUSY_MS / 1000, "check_same_thread": False},
        )
        sqlite.prepare(engine)
        self._engine = engine.execution_options(chat_writes=True)

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transact, work)

    def close(self) -> None:
        self._thread.shutdown()
        self._engine.dispose()

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        with self._engine.begin() as connection:
            return work(connection)


def _make_engine(settings: Settings) -> AsyncEngine:
    url = make_url(settings.database_address)
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            url,
            poolclass=CountingPool,
            pool_size=settings.database_pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            connect_args={
                "timeout": sqlite.BUSY_MS / 1000,
                "async_creator_fn": sqlite.connect,
            },
        )
        sqlite.prepare(engine.sync_engine)
        return engine
    return _postgres_engine(settings)


def _postgres_engine(settings: Settings, *, patient: bool = False) -> AsyncEngine:
    connect = {
        "timeout": ANSWER_S,
        "command_timeout": None if patient else ANSWER_S,
        # Times within JSON are in the session's zone.
        "server_settings": {"application_name": application_name(), "timezone": "UTC"},
    }
    if patient:
        return create_async_engine(
            settings.database_address, poolclass=NullPool, connect_args=connect
        )
    engine = create_async_engine(
        settings.database_address,
        poolclass=CountingPool,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,
        connect_args=connect,
    )
    event.listen(engine.sync_engine, "handle_error", _drop_what_is_silent)
    event.listen(engine.sync_engine, "invalidate", _hang_up_on_what_is_silent)
    return engine


def _drop_what_is_silent(context: ExceptionContext) -> None:
    # A connection that did not answer would not answer to a ROLLBACK either.
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True
        # The others are asked before they are used again.
        context.invalidate_pool_on_disconnect = False


def _hang_up_on_what_is_silent(
    connection: Any,  # noqa: ANN401  # SQLAlchemy's own, around asyncpg's
    _record: ConnectionPoolEntry,
    error: BaseException | None,
) -> None:
    # Nor would it take part in a goodbye, for which SQLAlchemy waits two seconds.
    if isinstance(error, TimeoutError):
        connection.driver_connection.terminate()
