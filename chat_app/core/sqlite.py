"""SQLite driver for asyncio that switches to its thread once for each statement.

aiosqlite switches once each to open a cursor, execute, fetch and close it, and to begin and to end
a transaction; SQLAlchemy also rolls back transactions that never began. A switch costs more than
the statements of a chat.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeVar

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import Connection as SqlConnection
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.pool import ConnectionPoolEntry

Value = TypeVar("Value")
BUSY_MS = 3000
WAL_TRIES = 100
WAL_BYTES = 32 * 1024 * 1024  # about what it has when it is copied
CHUNK = 64  # rows of an iteration, which is never used

READ = "BEGIN"
# Takes the write lock first: a deferred transaction that reads and then writes fails at once when
# another one wrote in between, however long the busy timeout.
WRITE = "BEGIN IMMEDIATE"


class Outcome(NamedTuple):
    """The result of a statement, fetched in the connection's thread."""

    rows: list[Any]
    description: Any
    rowcount: int
    lastrowid: int | None


class Cursor:
    """A cursor with the methods that SQLAlchemy calls; its rows are fetched in the thread."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._outcome = Outcome([], None, -1, None)

    async def __aenter__(self) -> Self:
        """Return the cursor; it needs no opening."""
        return self

    async def execute(self, sql: str, values: Sequence[Any] = ()) -> Self:
        """Run a statement and fetch its rows."""
        self._outcome = await self._connection.run(
            lambda plain: _fetched(plain.execute(sql, values))
        )
        return self

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> Self:
        """Run a statement for every row."""
        self._outcome = await self._connection.run(
            lambda plain: _fetched(plain.executemany(sql, rows))
        )
        return self

    async def fetchall(self) -> list[Any]:
        """Return the rows, which are fetched already."""
        return self._outcome.rows

    async def close(self) -> None:
        """Do nothing: no cursor stays open."""

    @property
    def description(self) -> Any:  # noqa: ANN401  # as sqlite3 has it
        """The columns of the rows."""
        return self._outcome.description

    @property
    def rowcount(self) -> int:
        """The number of changed rows."""
        return self._outcome.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that was inserted last."""
        return self._outcome.lastrowid


class Connection(aiosqlite.Connection):
    """aiosqlite's thread and connection, with our cursors."""

    _is_settled = True
    _begin = ""  # the statement that the transaction begins with, while it has none yet
    _reads = False

    def begin(self, statement: str) -> None:
        """Begin a transaction with `statement`, together with the first statement that it runs."""
        self._begin = statement
        self._reads = statement == READ

    async def run(self, work: Callable[[sqlite3.Connection], Value]) -> Value:
        """Run `work` in the connection's thread."""
        begin, self._begin = self._begin, ""
        # A cancelled caller does not stop the thread: the transaction may have begun or not.
        was_settled, self._is_settled = self._is_settled, False
        try:
            result: Value = await self._execute(_begun, self._conn, begin, work)  # type: ignore[no-untyped-call]  # aiosqlite's
        except sqlite3.Error:
            self._is_settled = was_settled
            if not self.in_transaction:
                self._begin = begin  # not begun: no statement may run outside of the transaction
            raise
        self._is_settled = was_settled
        return result

    def cursor(self) -> Cursor:  # type: ignore[override]  # SQLAlchemy opens it with its context
        """Return a cursor."""
        return Cursor(self)

    async def commit(self) -> None:
        """Commit, unless nothing was run."""
        if self._begin:
            self._begin = ""
            return
        await super().commit()

    async def rollback(self) -> None:
        """Roll back, unless no transaction can have begun.

        The end of a transaction that only read is not awaited: the next statement runs after it,
        and could not begin if it had failed.
        """
        self._begin = ""
        if self._is_settled and not self.in_transaction:
            return
        if self._is_settled and self._reads:
            self._tx.put_nowait((None, self._conn.rollback))
            return
        await super().rollback()
        self._is_settled = True


def connect(database: str, **options: Any) -> Connection:  # noqa: ANN401  # sqlite3's own
    """Return a connection that must be awaited, for SQLAlchemy's `async_creator_fn`."""
    connection = Connection(lambda: sqlite3.connect(database, **options), CHUNK)
    connection._thread.daemon = True  # noqa: SLF001  # as SQLAlchemy does with aiosqlite's own
    return connection


def _begun(
    plain: sqlite3.Connection, begin: str, work: Callable[[sqlite3.Connection], Value]
) -> Value:
    if begin:
        plain.execute(begin)
    return work(plain)


def _fetched(cursor: sqlite3.Cursor) -> Outcome:
    rows = cursor.fetchall() if cursor.description else []
    outcome = Outcome(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return outcome


def prepare(engine: Engine) -> None:
    """Set the pragmas of every connection of an engine, and how it begins a transaction."""
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)


def _set_pragmas(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by itself, and too late: see _begin.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in (
        "synchronous=FULL",  # an ack must survive power loss, not only a crash of this process
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
        "cache_size=-16000",
        # Batches change the same index pages again and again: copied back once for many of them.
        "wal_autocheckpoint=8000",
        # A log that had to grow is cut to this when it begins anew; see `checkpoints.py`.
        f"journal_size_limit={WAL_BYTES}",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: DBAPICursor) -> None:
    # Switching a new file over fails at once while another process does the same, however long
    # the busy timeout; the second process finds it done.
    for _ in range(WAL_TRIES):
        cursor.execute("PRAGMA journal_mode")
        if cursor.fetchall() == [("wal",)]:
            return
        with contextlib.suppress(sqlite3.OperationalError):
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.fetchall()
    raise sqlite3.OperationalError("the database file cannot be switched to WAL")


def _begin(connection: SqlConnection) -> None:
    options = connection.get_execution_options()
    if options.get("chat_autocommit", False):
        return
    statement = WRITE if options.get("chat_writes", False) else READ
    driver = connection.connection.driver_connection
    if isinstance(driver, Connection) and not options.get("chat_immediately", False):
        driver.begin(statement)
    else:
        connection.exec_driver_sql(statement)
