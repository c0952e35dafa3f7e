"""Modelled database: the chat's statements over modelled tables, in good and bad weather."""

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import Row, Select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import await_only, greenlet_spawn

from chat_app.core.database import ANSWER_S, Database
from chat_app.core.errors import Overtaken, Unavailable
from simulation.clock import Process
from simulation.results import Rows
from simulation.statements import handler_of
from simulation.tables import Tables, Transaction

Result = TypeVar("Result")
LATENCY_S = 0.0002
# So often an answer, or a statement in a transaction, takes time; the others are quicker to run.
PAUSES = 0.25
# A server notices after so long that a connection is gone.
NOTICED_S = 3.0

URLS = {"sqlite": "sqlite+aiosqlite://", "postgresql": "postgresql+asyncpg://simulated/chat"}


@dataclass
class Weather:
    """The present faults of the database; shares are of transactions."""

    latency_s: float = 0.002
    # Whether it refuses, or does not answer at all.
    is_away: bool = False
    is_silent: bool = False
    slow_share: float = 0.0
    slow_s: float = 0.0
    rollback_share: float = 0.0
    lost_answer_share: float = 0.0
    overtaken_share: float = 0.0
    # Of trips to it.
    failed_share: float = 0.0

    def calm(self) -> None:
        """End all of it."""
        vars(self).update(vars(Weather()))


class SimulatedDatabase(Database):
    """The database as one process of the chat uses it."""

    def __init__(self, tables: Tables, weather: Weather, process: Process, seed: object) -> None:
        # Nothing of the real one is made: no pool, no thread.
        self.engine = _engine(tables.dialect)
        self.dialect = tables.dialect
        self.is_sqlite = self.dialect == "sqlite"
        self._tables = tables
        self._weather = weather
        self._process = process
        self._random = random.Random(f"{seed}/{process.name}/database")
        self._one_writer = asyncio.Lock()

    async def fetch_all(
        self, statement: Select[*tuple[Any, ...]], values: Mapping[str, Any]
    ) -> list[Row[*tuple[Any, ...]]]:
        """Return the rows of one statement."""
        await self.trip()
        rows = await self.execute(self._tables.begin(self._process.name), statement, values)
        if self._random.random() < PAUSES:
            await self.trip()
        return cast("list[Row[*tuple[Any, ...]]]", rows)

    @contextlib.asynccontextmanager
    async def reading(self, *, any_schema: bool = False) -> AsyncIterator[AsyncSession]:  # noqa: ARG002  # of the real one
        """Yield a session to read with."""
        await self.trip()
        yield cast("AsyncSession", Session(self, self._tables.begin(self._process.name)))

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Yield a session whose work is committed at the end."""
        await self._acquire_writer()
        try:
            await self.trip()
        except BaseException:
            self._release_writer()
            raise
        transaction = self._tables.begin(self._process.name)
        # A commit that takes long holds up the next writer, whoever waits for it.
        transaction.on_end = self._release_writer
        try:
            yield cast("AsyncSession", Session(self, transaction))
        except BaseException as error:
            self._abort(transaction, error)
            raise
        await self._commit(transaction)

    async def transact(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one writing transaction."""
        if self.is_sqlite:
            await self._acquire_writer()
            try:
                return await self._run_in_thread(work)
            finally:
                self._release_writer()
        await self.trip()
        transaction = self._tables.begin(self._process.name)
        try:
            result = await greenlet_spawn(work, cast("Connection", _Connection(self, transaction)))
            self._may_be_overtaken()
        except BaseException as error:
            self._abort(transaction, error)
            raise
        await self._commit(transaction)
        return result

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    async def trip(self) -> None:
        """Wait as long as a message takes to the database. Raises Unavailable."""
        if not self._weather.is_away:
            await asyncio.sleep(self._random.uniform(LATENCY_S, self._weather.latency_s))
            if not self._is_failing():
                return
        await asyncio.sleep(ANSWER_S if self._weather.is_silent else LATENCY_S)
        raise Unavailable

    async def execute(
        self,
        transaction: Transaction,
        statement: Any,  # noqa: ANN401  # any statement
        values: Any,  # noqa: ANN401  # any values
    ) -> Rows:
        """Run a statement in a transaction."""
        return await handler_of(self._tables.dialect, statement)(transaction, values or {})

    async def execute_in_transaction(
        self,
        transaction: Transaction,
        statement: Any,  # noqa: ANN401  # any statement
        values: Any,  # noqa: ANN401  # any values
    ) -> Rows:
        """Run one of several statements."""
        await self.begin_statement(transaction)
        return await self.execute(transaction, statement, values)

    async def begin_statement(self, transaction: Transaction) -> Transaction:
        """Wait as long as one of several statements takes. Raises Unavailable."""
        if self._weather.is_away or self._random.random() < PAUSES:
            await self.trip()
        return transaction

    def _may_be_overtaken(self) -> None:
        if self._random.random() < self._weather.overtaken_share:
            raise Overtaken

    def _is_failing(self) -> bool:
        share = self._weather.failed_share
        return self._weather.is_away or (share > 0 and self._random.random() < share)

    def _abort(self, transaction: Transaction, error: BaseException) -> None:
        """Roll back, at once if the client still has its connection."""
        is_lost = isinstance(error, Unavailable) and not isinstance(error, Overtaken)
        if is_lost and not self.is_sqlite:
            after_s = self._random.uniform(0, NOTICED_S)
            self._tables.loop.call_later(after_s, transaction.roll_back, context=Context())
        else:
            transaction.roll_back()

    async def _commit(self, transaction: Transaction) -> None:
        """Commit, whatever becomes of the client meanwhile. Raises Unavailable.

        A client that waits too long is told that nothing was stored, which may be wrong.
        """
        loop, weather, chance = self._tables.loop, self._weather, self._random.random
        try:
            await self.trip()
        except BaseException as error:
            self._abort(transaction, error)
            raise
        is_rolled_back = chance() < weather.rollback_share
        is_answered = chance() >= weather.lost_answer_share
        after_s = chance() * (weather.slow_s if chance() < weather.slow_share else LATENCY_S)
        done: asyncio.Future[bool] = loop.create_future()

        def settle() -> None:
            if transaction.ended.is_set():
                return
            if is_rolled_back:
                transaction.roll_back()
            else:
                transaction.commit()
            if is_answered and not done.done():
                done.set_result(not is_rolled_back)

        transaction.is_committing = True
        loop.call_later(after_s, settle, context=Context())
        try:
            async with asyncio.timeout(ANSWER_S):
                is_stored = await done
        except TimeoutError:
            raise Unavailable from None
        if not is_stored:
            raise Unavailable
        await asyncio.sleep(chance() * weather.latency_s)

    async def _run_in_thread(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` as the thread of an SQLite writer: it ends even if nobody waits for it."""
        await self.trip()
        loop, weather, chance = self._tables.loop, self._weather, self._random.random
        done: asyncio.Future[Result] = loop.create_future()

        def transact() -> None:
            transaction = self._tables.begin(self._process.name)
            try:
                if chance() < weather.rollback_share:
                    raise Unavailable  # noqa: TRY301  # as the disk may be full at the commit
                result = work(cast("Connection", _Connection(self, transaction)))
            except Exception as error:  # noqa: BLE001  # handed to who waits
                transaction.roll_back()
                if not done.done():
                    done.set_exception(error)
            else:
                transaction.commit()
                if not done.done():
                    done.set_result(result)

        after_s = chance() * (weather.slow_s if chance() < weather.slow_share else LATENCY_S)
        loop.call_later(after_s, transact, context=self._process.context())
        result = await done
        await asyncio.sleep(chance() * weather.latency_s)
        return result

    async def _acquire_writer(self) -> None:
        """Wait until nobody else writes, on SQLite. Raises Unavailable."""
        if not self.is_sqlite:
            return
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._one_writer.acquire()
        except TimeoutError:
            raise Unavailable from None

    def _release_writer(self) -> None:
        if self.is_sqlite:
            self._one_writer.release()


class _Connection:
    """A connection, as synchronous code uses it."""

    def __init__(self, database: SimulatedDatabase, transaction: Transaction) -> None:
        self.dialect = database.engine.dialect
        self._database = database
        self._transaction = transaction

    def execute(self, statement: object, values: object = None) -> Rows:
        """Run a statement; in SQLite's thread at once."""
        if self._database.is_sqlite:
            return _at_once(self._database.execute(self._transaction, statement, values))
        running = self._database.execute_in_transaction(self._transaction, statement, values)
        return await_only(running)


class _AsyncConnection:
    """A connection, as asynchronous code uses it."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def run_sync(self, work: Callable[..., Result], *values: object) -> Result:
        """Call synchronous code with the connection."""
        return await greenlet_spawn(work, self._connection, *values)


class Session:
    """A session, of which delivery uses little."""

    def __init__(self, database: SimulatedDatabase, transaction: Transaction) -> None:
        self._database = database
        self._transaction = transaction

    async def begin_statement(self) -> Transaction:
        """Wait as long as a statement takes to the database; return the transaction."""
        return await self._database.begin_statement(self._transaction)

    def get_bind(self) -> AsyncEngine:
        """Return the engine."""
        return self._database.engine

    async def connection(self) -> _AsyncConnection:
        """Return the connection of the session."""
        return _AsyncConnection(_Connection(self._database, self._transaction))

    async def execute(self, statement: object, values: object = None) -> Rows:
        """Run a statement."""
        return await self._database.execute_in_transaction(self._transaction, statement, values)


def _at_once(running: Any) -> Rows:  # noqa: ANN401  # a coroutine that waits for nothing
    try:
        running.send(None)
    except StopIteration as end:
        return cast("Rows", end.value)
    raise AssertionError("SQLite's one writer waited for another")


@functools.cache
def _engine(dialect: str) -> AsyncEngine:
    """Return an engine that never connects: the chat asks it for its dialect."""
    return create_async_engine(URLS[dialect])
