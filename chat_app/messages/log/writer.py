"""The log writer: many sends or changes in one transaction, with one fsync.

Each process stores all that waits at once (it never waits to fill a batch), and only after the
commit answers the senders and publishes. While one batch is at the database the next one is taken
and checked, of other conversations: those of one conversation keep their order. Group commit is as
old as IMS Fast Path (DeWitt et al., "Implementation techniques for main memory database systems",
1984).
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
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
from chat_app.core.ids import pair_key
from chat_app.core.metrics import Metrics
from chat_app.core.request_context import RequestContext
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import NO_SPAN, Span, Traces
from chat_app.messages.log.batch import Batch, Outcome, Stored
from chat_app.messages.log.changes.edits import store_changes
from chat_app.messages.log.changes.reactions import store_reactions
from chat_app.messages.log.queue import KeyedQueue, Taken
from chat_app.messages.metrics import LogMetrics
from chat_app.messages.schemas import Edit, MessageChange, NewMessage, Reacting
from chat_app.realtime.broker import Broker

BATCH_SIZE = 256
MAX_WAITING = 8_192
# At a slow database a full queue would take half a minute; the senders try another node.
FLUSH_S = 3.0
ATTEMPTS = 3
MAX_KEPT = 100_000
# Batches under way. A third one would be smaller, and cost more than it saves.
MAX_STORING = 2

log = structlog.get_logger(__name__)

Entry: TypeAlias = NewMessage | MessageChange | Reacting


class Committed(NamedTuple):
    """A stored entry, with the context of its request."""

    entry: Entry
    stored: Stored
    context: RequestContext


OnPublished: TypeAlias = Callable[[Sequence[Committed]], None]


def no_listener(_committed: Sequence[Committed]) -> None:
    """Do nothing."""


class Published(NamedTuple):
    """The result of publishing: what went to groups, and what needs an introduction first."""

    to_groups: list[Publication]
    unintroduced: list[Committed]


class Publisher(Protocol):
    """The delivery of what was stored to the devices of this node."""

    def publish(self, fresh: Sequence[Committed]) -> Published:
        """Deliver all but the first messages of new conversations, and what follows those."""

    async def introduce(self, unintroduced: Sequence[Committed]) -> None:
        """Deliver new conversations to their members, then these messages. Raises Unavailable."""


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
        publisher: Publisher,
        tail: Tail,
        broker: Broker,
        failpoints: Failpoints = NO_FAILPOINTS,
        *,
        metrics: Metrics | None = None,
        traces: Traces | None = None,
        on_published: OnPublished = no_listener,
    ) -> None:
        """`on_published` is called with what was stored, after that was published here."""
        self._on_published = on_published
        self._database = database
        self._publisher = publisher
        self._tail = tail
        self._broker = broker
        self._failpoints = failpoints
        self._waiting: KeyedQueue[Pending] = KeyedQueue()
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._under_way: set[asyncio.Task[None]] = set()
        # Of those, the batches that were not published yet.
        self._storing = 0
        self._errors: deque[BaseException] = deque()
        self._direct_ids: dict[str, UUID] = {}
        # By conversation, what all entries of it have in common.
        self._keys: dict[UUID, Hashable] = {}
        self._writer: asyncio.Task[None] | None = None
        self._closing = False
        self._traces = traces or Traces()
        metrics = metrics or Metrics()
        self.metrics = LogMetrics(metrics)
        metrics.gauge(
            "chat_log_queue_messages",
            "Sends and changes that wait for the log writer",
            lambda: len(self._waiting),
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start the writer task."""
        self._writer = supervisor.start("message_log", self._write_batches)

    def append(self, entry: Entry) -> asyncio.Future[Stored]:
        """Queue a send or a change; return the future of its outcome, set after the commit.

        It fails with an AppError. Raises Unavailable when the queue is full or the process stops.
        """
        if self._closing or len(self._waiting) >= MAX_WAITING:
            raise Unavailable
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        pending = Pending(entry, future, time.perf_counter(), request_context.current())
        self._waiting.append(self._key_of(entry), pending)
        self._idle.clear()
        self._changed.set()
        return future

    async def close(self) -> None:
        """Refuse new entries, store what waits, and stop; after FLUSH_S the rest gets no ack."""
        self._closing = True
        if self._writer is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._idle.wait()
        await tasks.end([self._writer, *self._under_way])
        self._refuse(self._waiting.drain(), Unavailable())

    def _key_of(self, entry: Entry) -> Hashable | None:
        """Return what all entries of a conversation have in common; None where it is not known."""
        if not isinstance(entry, NewMessage):
            return None
        if entry.receiver_id is not None:
            return pair_key(entry.sender_id, entry.receiver_id)
        return None if entry.conversation_id is None else self._keys.get(entry.conversation_id)

    async def _write_batches(self) -> None:
        """Start a batch whenever there is room for one. Raises what a batch has raised."""
        while True:
            self._changed.clear()
            while self._storing < MAX_STORING and (taken := self._waiting.take(BATCH_SIZE)):
                self._storing += 1
                task = asyncio.create_task(self._write_batch(taken), name="message log batch")
                self._under_way.add(task)
                task.add_done_callback(self._end)
            if self._errors:
                raise self._errors.popleft()
            await self._changed.wait()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._errors.append(error)
        if not self._waiting and not self._under_way:
            self._idle.set()
        self._changed.set()

    async def _write_batch(self, taken: Taken[Pending]) -> None:
        with contextlib.ExitStack() as place:
            place.callback(self._give_up_place)
            try:
                for _, run in groupby(taken.items, key=_kind):
                    await self._write(list(run), place)
            except AppError as error:
                # The database is away: those that wait get the error now, not after a time-out of
                # their own.
                self._refuse(taken.items, error)
                self._refuse(self._waiting.drain(), error)
            except BaseException:
                self._refuse(taken.items, Unavailable())
                raise
            finally:
                self._waiting.release(taken)

    def _give_up_place(self) -> None:
        """Let the next batch be stored."""
        self._storing -= 1
        self._changed.set()

    async def _write(self, batch: Sequence[Pending], place: contextlib.ExitStack) -> None:
        """Store a run of sends or changes, answer and publish it; close `place` before waiting."""
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
                        await self._write([pending], place)
                    return
                log.exception("message_log.failed")
                self._fail(batch[0], error)
                return
            committed = self.metrics.committed(
                [pending.since for pending in batch],
                outcomes,
                started=started,
                changes=_kind(batch[0]) is not NewMessage,
            )
            self._failpoints.committed()
            if fresh := self._answer(batch, outcomes):
                await self._publish(fresh, own, place)
                self._on_published(fresh)
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
            self._remember(made, outcomes)
            return outcomes
        raise Unavailable

    def _store_in(
        self, batch: Sequence[Pending], batch_id: UUID, attempt: int, connection: Connection
    ) -> tuple[dict[str, UUID], list[Outcome]]:
        contexts = [pending.context for pending in batch]
        kind = _kind(batch[0])
        if kind is Reacting:
            reactings = [one.entry for one in batch if isinstance(one.entry, Reacting)]
            return {}, store_reactions(connection, reactings, contexts, batch_id)
        if kind is not NewMessage:
            changes = [one.entry for one in batch if isinstance(one.entry, MessageChange)]
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

    def _remember(self, made: dict[str, UUID], outcomes: Sequence[Outcome]) -> None:
        if len(self._direct_ids) > MAX_KEPT:
            self._direct_ids.clear()
        self._direct_ids.update(made)
        if len(self._keys) > MAX_KEPT:
            self._keys.clear()
        for outcome in outcomes:
            if isinstance(outcome, Stored):
                conversation_id = outcome.message.conversation_id
                self._keys[conversation_id] = outcome.direct_key or conversation_id

    async def _publish(
        self, fresh: Sequence[Committed], own: OwnBatch, place: contextlib.ExitStack
    ) -> None:
        """Publish what was stored; where that fails, the tail does it."""
        self._broker.wake_other_nodes()
        try:
            # Outlets may join these groups while others are introduced.
            at = time.monotonic()
            to_groups, unintroduced = self._publisher.publish(fresh)
            if unintroduced:
                place.close()
                await self._publisher.introduce(unintroduced)
            own.published(to_groups, at)
        except AppError as error:
            log.warning("message_log.publish_failed", code=error.code, messages=len(fresh))
        except Exception:
            log.exception("message_log.publish_failed", messages=len(fresh))

    def _refuse(self, batch: Iterable[Pending], error: AppError) -> None:
        for pending in batch:
            self._fail(pending, error)

    def _fail(self, pending: Pending, error: Exception) -> None:
        if not pending.outcome.done():
            pending.outcome.set_exception(error)
            self.metrics.refused(error)


def _kind(pending: Pending) -> type:
    """Return what a run of entries has in common: all are sends, reactions or other changes."""
    kind = type(pending.entry)
    return kind if kind in (NewMessage, Reacting) else Edit
