"""The log writer: many sends or changes in one transaction, with one fsync.

One task a process takes all that waits (it never waits to fill a batch), stores it, and only after
the commit answers the senders and publishes. Sends and changes keep their order; a run of either is
a transaction. Group commit is as old as IMS Fast Path (DeWitt et al., "Implementation techniques
for main memory database systems", 1984).
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import groupby
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from chat_app.change_log.store import Publication
from chat_app.change_log.tail import OwnBatch, Tail
from chat_app.core import request_context, tasks
from chat_app.core.database import Database
from chat_app.core.errors import AppError, Overtaken, Unavailable
from chat_app.core.metrics import Metrics
from chat_app.core.request_context import RequestContext
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import NO_SPAN, Span, Traces
from chat_app.messages.log.batch import Batch, Outcome, Stored
from chat_app.messages.log.changes import store_changes
from chat_app.messages.metrics import LogMetrics
from chat_app.messages.schemas import MessageChange, NewMessage
from chat_app.realtime.broker import Broker

BATCH_SIZE = 256
MAX_WAITING = 8_192
# At a slow database a full queue would take half a minute; the senders try another node.
FLUSH_S = 3.0
ATTEMPTS = 3
MAX_DIRECT_IDS = 100_000

log = structlog.get_logger(__name__)

Entry: TypeAlias = NewMessage | MessageChange


class Committed(NamedTuple):
    """A stored entry, with the context of its request."""

    entry: Entry
    stored: Stored
    context: RequestContext


# Publishes what was stored, and returns what went to groups.
Announce = Callable[[Sequence[Committed]], Awaitable[list[Publication]]]


class Pending(NamedTuple):
    """A queued send or change, with the future of its outcome."""

    entry: Entry
    outcome: asyncio.Future[Stored]
    since: float
    context: RequestContext


class Failpoints(Protocol):
    """Named moments at which a test may stop the process, to prove that nothing is lost then.

    No setting and no variable reaches them: a test passes its own to `create_api` in code. Its
    methods do not return from the moment that fails.
    """

    def committed(self) -> None:
        """Pass the moment after a commit and before its answers and announcements."""


class NoFailpoints:
    """The failpoints of a chat that runs: nothing happens at any of them."""

    def committed(self) -> None:
        """Return at once."""


NO_FAILPOINTS = NoFailpoints()


class MessageLog:
    """The log writer, in order of arrival; start it inside the running loop, then close it."""

    def __init__(
        self,
        database: Database,
        announce: Announce,
        tail: Tail,
        broker: Broker,
        failpoints: Failpoints = NO_FAILPOINTS,
        *,
        metrics: Metrics | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._database = database
        self._announce = announce
        self._tail = tail
        self._broker = broker
        self._failpoints = failpoints
        self._waiting: asyncio.Queue[Pending] = asyncio.Queue(MAX_WAITING)
        self._direct_ids: dict[str, UUID] = {}
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self._traces = traces or Traces()
        metrics = metrics or Metrics()
        self.metrics = LogMetrics(metrics)
        metrics.gauge(
            "chat_log_queue_messages",
            "Sends and changes that wait for the log writer",
            self._waiting.qsize,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start the writer task."""
        self._writer = supervisor.start("message_log", self._write_batches)

    def append(self, entry: Entry) -> asyncio.Future[Stored]:
        """Queue a send or a change; return the future of its outcome, set after the commit.

        It fails with an AppError. Raises Unavailable when the queue is full or the process stops.
        """
        if self._closing:
            raise Unavailable
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait(
                Pending(entry, future, time.perf_counter(), request_context.current())
            )
        except asyncio.QueueFull:
            raise Unavailable from None
        return future

    async def close(self) -> None:
        """Refuse new entries, store what waits, and stop; after FLUSH_S the rest gets no ack."""
        self._closing = True
        if self._writer is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._waiting.join()
        await tasks.end([self._writer])
        self._refuse([], Unavailable())

    async def _write_batches(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH_SIZE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                for _, run in groupby(batch, key=_kind):
                    await self._write(list(run))
            except AppError as error:
                self._refuse(batch, error)
            except Exception as error:  # the batches that follow must still be stored
                log.exception("message_log.failed")
                for pending in batch:
                    self._fail(pending, error)
            finally:
                for _ in batch:
                    self._waiting.task_done()

    def _refuse(self, batch: Sequence[Pending], error: AppError) -> None:
        """Refuse what could not be stored, and all that waits behind it.

        The database is away: later senders get the error now, not after a time-out of their own.
        """
        for pending in batch:
            self._fail(pending, error)
        while not self._waiting.empty():
            self._fail(self._waiting.get_nowait(), error)
            self._waiting.task_done()

    async def _write(self, batch: Sequence[Pending]) -> None:
        with self._tail.storing() as own:
            started = time.perf_counter()
            try:
                with self._span(batch):
                    outcomes = await self._store(batch, own.id)
            except AppError:
                raise
            except Exception as error:
                # One entry that the database cannot take must not fail its neighbours.
                if len(batch) > 1:
                    for pending in batch:
                        await self._write([pending])
                    return
                log.exception("message_log.failed")
                self._fail(batch[0], error)
                return
            committed = self.metrics.committed(
                [pending.since for pending in batch],
                outcomes,
                started=started,
                changes=_kind(batch[0]),
            )
            self._failpoints.committed()
            fresh = self._answer(batch, outcomes)
            if fresh:
                await self._publish(fresh, own)
                self._broker.wake_other_nodes()
            self.metrics.published(len(fresh), committed=committed)

    def _answer(self, batch: Sequence[Pending], outcomes: Sequence[Outcome]) -> list[Committed]:
        """Set the outcome of each entry; return those that were stored."""
        fresh = []
        for pending, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, AppError):
                self._fail(pending, outcome)
                continue
            if not pending.outcome.done():
                pending.outcome.set_result(outcome)
            if not outcome.replayed:
                fresh.append(Committed(pending.entry, outcome, pending.context))
        return fresh

    def _span(self, batch: Sequence[Pending]) -> AbstractContextManager[Span]:
        if not self._traces.are_on:
            return NO_SPAN
        # The span of a batch belongs to none of its requests; it links to them.
        links = [pending.context for pending in batch if pending.context.trace]
        return self._traces.span("messages.commit", links=links, messages=len(batch))

    async def _store(self, batch: Sequence[Pending], batch_id: UUID) -> list[Outcome]:
        for attempt in range(1, ATTEMPTS + 1):
            store = partial(self._store_in, batch, batch_id, attempt)
            try:
                made, outcomes = await self._database.transact(store)
            except (IntegrityError, Overtaken):
                # One of these was stored before, or another node has opened the same conversation:
                # the next attempt sees it. Or two transactions waited for each other, and the
                # database chose the other one to go on.
                if attempt == ATTEMPTS:
                    raise
                continue
            self._remember(made)
            return outcomes
        raise Unavailable

    def _store_in(
        self, batch: Sequence[Pending], batch_id: UUID, attempt: int, connection: Connection
    ) -> tuple[dict[str, UUID], list[Outcome]]:
        contexts = [pending.context for pending in batch]
        changes = [one.entry for one in batch if isinstance(one.entry, MessageChange)]
        if changes:
            return {}, store_changes(connection, changes, contexts, batch_id)
        sends = Batch(
            connection,
            [one.entry for one in batch if isinstance(one.entry, NewMessage)],
            contexts,
            self._direct_ids,
            batch_id=batch_id,
            is_retry=attempt > 1,
        )
        outcomes = sends.store()
        return sends.made(), outcomes

    def _remember(self, made: dict[str, UUID]) -> None:
        if len(self._direct_ids) > MAX_DIRECT_IDS:
            self._direct_ids.clear()
        self._direct_ids.update(made)

    async def _publish(self, fresh: Sequence[Committed], own: OwnBatch) -> None:
        """Publish what was stored; where that fails, the tail does it."""
        try:
            own.published(await self._announce(fresh))
        except AppError as error:
            log.warning("message_log.announce_failed", code=error.code, messages=len(fresh))
        except Exception:
            log.exception("message_log.announce_failed", messages=len(fresh))

    def _fail(self, pending: Pending, error: Exception) -> None:
        if not pending.outcome.done():
            pending.outcome.set_exception(error)
            self.metrics.refused(error)


def _kind(pending: Pending) -> bool:
    return isinstance(pending.entry, MessageChange)
