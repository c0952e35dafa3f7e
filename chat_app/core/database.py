"""Database: sessions and transactions over one async engine, made when the process runs."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Row, Select, create_engine, event, text
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, NullPool

from chat_app.core import sqlite
from chat_app.core.database_errors import LOST, translate_errors
from chat_app.core.errors import StatementLost, Unavailable
from chat_app.core.ids import new_id
from chat_app.core.metrics import Histogram, Metrics
from chat_app.core.settings import Settings

POOL_WAIT_S = 5
# A database that has not answered by then is away: its callers get Unavailable, and try again.
ANSWER_S = 3.0
# A connection that was used within this time is taken to be whole.
RESTED_S = 1.0
APPLICATION = "chat/"
HOST_SHOWN = 40  # PostgreSQL cuts a name at 63
BEING_UPGRADED = "The chat is being upgraded. Please try again in a moment."
PROBES = 3
POOLED = (
    "PostgreSQL is behind a pooler that gives each transaction another connection: set"
    " CHAT_DATABASE_POOLING=transaction and restart; until then nothing is served"
)
Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class Database:
    """Sessions and transactions over one engine.

    Every failure to reach or use the database becomes `Unavailable`; other errors pass. A
    transaction that was rolled back in favour of another raises `Overtaken`; try it again at once.
    """

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self.engine = _make_engine(settings)
        _count_pool(self.engine, metrics or Metrics())
        self.dialect = self.engine.dialect.name
        self.is_sqlite = self.dialect == "sqlite"
        self.file = Path(self.engine.url.database or "") if self.is_sqlite else None
        self._writing = self.engine.execution_options(chat_writes=True)
        self._fits_pooler = self.is_sqlite or settings.database_pooling == "transaction"
        # Whether a pooler stands before the database that the settings do not mention.
        self.is_pooled = False
        # One statement needs no transaction: its begin and end are trips of their own. Behind a
        # pooler it has one: preparing and running it must not happen on two connections.
        autocommit: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
        if self._fits_pooler:
            autocommit = {"chat_autocommit": True} if self.is_sqlite else {}
        self._autocommit = self.engine.execution_options(**autocommit)
        # A long transaction (a migration) must not run into the time limit of all others.
        self._without_limit = (
            self.engine if self.is_sqlite else _postgres_engine(settings, without_limit=True)
        )
        # SQLite has one writer at a time and its busy handler sleeps; waiting here is fair and
        # wakes at once. PostgreSQL needs no such queue.
        self._writer_lock: contextlib.AbstractAsyncContextManager[Any] = (
            _WriterLock() if self.is_sqlite else contextlib.nullcontext()
        )
        self._thread = _WriterThread(self.engine.url) if self.is_sqlite else None
        self._is_ready: Callable[[], Awaitable[bool]] | None = None

    def refuse_until(self, is_ready: Callable[[], Awaitable[bool]]) -> None:
        """Raise Unavailable for all work until `is_ready` returns true; each work calls it."""
        self._is_ready = is_ready

    @contextlib.asynccontextmanager
    async def reading(self, *, any_schema: bool = False) -> AsyncIterator[AsyncSession]:
        """Yield a session to read with; its changes are rolled back."""
        if not any_schema:
            await self._check_schema()
        with self._translated():
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                yield session

    async def fetch_all(
        self, statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]
    ) -> list[Row[*tuple[Any, ...]]]:
        """Return the rows of one statement, in one trip to the database."""
        await self._check_schema()
        with self._translated():
            async with self._autocommit.connect() as connection:
                return list(await connection.execute(statement, values))

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Yield a session whose work is committed at the end, or rolled back by any error."""
        await self._check_schema()
        with self._translated():
            async with (
                self._writer_lock,
                AsyncSession(self._writing, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Yield a bare connection in a writing transaction without a time limit."""
        # It takes the write lock now, not with its first statement.
        writing = self._without_limit.execution_options(chat_writes=True, chat_immediately=True)
        with self._translated():
            async with self._writer_lock, writing.begin() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Yield a bare connection that reads one snapshot without a time limit; others write on."""
        with self._translated():
            async with self._without_limit.connect() as connection:
                if not self.is_sqlite:
                    await connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                async with connection.begin():
                    yield connection

    async def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work`, which must not await, in one writing transaction.

        The SQLite driver of `writing` makes a trip to its thread for every statement; this makes
        one for all of them.
        """
        await self._check_schema()
        with self._translated():
            if self._thread is not None:
                async with self._writer_lock:
                    return await self._thread.run(work)
            async with self._writing.begin() as connection:
                return await connection.run_sync(work)

    async def check_pooling(self) -> bool:
        """Return whether a pooler loses what is prepared outside of a transaction.

        Then the database refuses all work, until the process starts with the setting that fits.
        Raises Unavailable.
        """
        if self._fits_pooler or self.is_pooled:
            return self.is_pooled
        try:
            with translate_errors():
                for _ in range(PROBES):
                    async with (
                        self._without_limit.connect() as one,
                        self._without_limit.connect() as other,
                    ):
                        await _probe(one, other)
        except StatementLost:
            self.is_pooled = True
            log.error("database.pooled", what_to_do=POOLED)  # noqa: TRY400  # a matter of settings
            self.refuse_until(self._fits)
        return self.is_pooled

    async def _fits(self) -> bool:
        return not await self.check_pooling()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translate_errors():
                yield
        except StatementLost:
            if self._is_ready is None:
                self.refuse_until(self._fits)
            raise

    async def ping(self) -> None:
        """Run a trivial statement. Raises Unavailable when the database does not answer."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every pooled connection."""
        if self._thread is not None:
            self._thread.close()
        await self.engine.dispose()
        await self._without_limit.dispose()

    async def _check_schema(self) -> None:
        if self._is_ready is not None:
            if not await self._is_ready():
                raise Unavailable(None if self.is_pooled else BEING_UPGRADED)
            self._is_ready = None


def application_name() -> str:
    """Return the name of this process in PostgreSQL's list of connections (`pg_stat_activity`)."""
    return f"{APPLICATION}{socket.gethostname()[:HOST_SHOWN]}/{os.getpid()}"


class CountingPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool, with a histogram of the waits for a connection when all are in use."""

    waits: Histogram | None = None
    waiting = 0

    def _do_get(self) -> ConnectionPoolEntry:
        if self.waits is None or self.checkedout() < self.size():
            return super()._do_get()
        started = time.perf_counter()
        self.waiting += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1
            self.waits.add(time.perf_counter() - started)


class _WriterLock:
    """The lock of the one writer, in order of arrival; raises TimeoutError after `ANSWER_S`.

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
            _keep_private(Path(url.database))
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


def _keep_private(path: Path) -> None:
    """Make an SQLite file that nobody else on the machine can read; its `-wal` gets its mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A file that cannot be used fails when it is opened, with its reason.
    with contextlib.suppress(OSError):
        path.touch(mode=0o600)
        path.chmod(path.stat().st_mode & 0o700)


def _postgres_engine(settings: Settings, *, without_limit: bool = False) -> AsyncEngine:
    connect: dict[str, Any] = {
        "timeout": ANSWER_S,
        "command_timeout": None if without_limit else ANSWER_S,
        # Times within JSON are in the session's zone.
        "server_settings": {"application_name": application_name(), "timezone": "UTC"},
    }
    if settings.database_pooling == "transaction":
        # Statements without a name, prepared anew for each use and run in the same transaction.
        connect |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    if without_limit:
        return create_async_engine(
            settings.database_address, poolclass=NullPool, connect_args=connect
        )
    engine = create_async_engine(
        settings.database_address,
        poolclass=CountingPool,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        connect_args=connect,
    )
    _test_rested(engine.sync_engine)
    event.listen(engine.sync_engine, "handle_error", _invalidate_after_timeout)
    event.listen(engine.sync_engine, "invalidate", _terminate_after_timeout)
    return engine


async def _probe(one: AsyncConnection, other: AsyncConnection) -> None:
    """Raise StatementLost if a transaction of `other` may move `one` to another connection."""
    # asyncpg's own, where statements have names.
    first: Any = (await one.get_raw_connection()).driver_connection
    second: Any = (await other.get_raw_connection()).driver_connection
    name = f"chat_{new_id().hex}"
    try:
        prepared = await first.prepare("SELECT 1", name=name, timeout=ANSWER_S)
        await prepared.fetchval(timeout=ANSWER_S)
        await second.execute("BEGIN", timeout=ANSWER_S)
        # Fails on the connection that `one` had. If it is another, `one` may not get its own again.
        await second.prepare("SELECT 1", name=name, timeout=ANSWER_S)
        await prepared.fetchval(timeout=ANSWER_S)
        await second.execute("ROLLBACK", timeout=ANSWER_S)
    except TimeoutError:
        # They would not answer a graceful close either.
        first.terminate()
        second.terminate()
        raise
    except Exception as error:
        if (state := getattr(error, "sqlstate", None)) is None:
            raise
        raise (StatementLost if state in LOST else Unavailable) from error


def _test_rested(engine: Engine) -> None:
    """Test a connection before use if it has rested: the server may have been restarted.

    `pool_pre_ping` tests every time, which takes three trips, as many as a short transaction.
    """

    def rest(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info["rested_since"] = time.monotonic()

    def check(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        now = time.monotonic()
        if now - record.info.get("rested_since", now) < RESTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except (engine.dialect.loaded_dbapi.Error, TimeoutError) as error:
            # The pool opens another one.
            raise DisconnectionError from error

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", check)


def _invalidate_after_timeout(context: ExceptionContext) -> None:
    # A connection that did not answer would not answer to a ROLLBACK either.
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True
        # The other connections are tested before they are used again.
        context.invalidate_pool_on_disconnect = False


def _terminate_after_timeout(
    connection: Any,  # noqa: ANN401  # SQLAlchemy's own, around asyncpg's
    _record: ConnectionPoolEntry,
    error: BaseException | None,
) -> None:
    # It would not answer a graceful close either, for which SQLAlchemy waits two seconds.
    if isinstance(error, TimeoutError) or isinstance(error and error.__cause__, TimeoutError):
        connection.driver_connection.terminate()


def _count_pool(engine: AsyncEngine, metrics: Metrics) -> None:
    pool = engine.pool
    if not isinstance(pool, CountingPool):
        return
    pool.waits = metrics.histogram(
        "chat_database_pool_wait_seconds", "Waiting for a connection when all were in use"
    )
    metrics.gauge(
        "chat_database_pool_waiting", "Tasks that wait for a connection", lambda: pool.waiting
    )
    metrics.gauge("chat_database_pool_size", "Connections that may be open", pool.size)
    metrics.gauge("chat_database_pool_in_use", "Connections in use", pool.checkedout)
