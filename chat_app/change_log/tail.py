"""Tail: one node's place in the change log, and the delivery of what follows it.

After a wake-up, and at least once a second, the tail reads what other transactions have appended
and hands it to the reader of its kind, in order and once. What this node's log writer stores, it
publishes from memory; the tail recognises it by its batch, and delivers it only where the writer
did not, because the answer of the commit was lost.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec
import structlog

from chat_app.change_log.statements import entries_after, present_place
from chat_app.change_log.store import (
    KEPT_FOR,
    PUBLISHED,
    Entry,
    Publication,
    generation_of,
    publications_of,
)
from chat_app.core import request_context, tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.ids import new_id
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.realtime.broker import Broker
from chat_app.realtime.hub import Hub

INTERVAL_S = 1.0
# A node this far behind (it was stopped) lets its devices resume instead.
MAX_BEHIND = 20_000
# The same after so long without a read: entries may be gone, and a log that was empty before shows
# no gap. The other half of the time is for slow commits and for clocks that differ.
MAX_UNREAD_S = KEPT_FOR.total_seconds() / 2
# Entries of one kind that a reader gets at once: of messages, a few hundred.
MAX_BYTES_AT_ONCE = 64 * 1024
MAX_LOGGED = 10
# A connection that is abandoned in the middle of a read outlives its loop.
CLOSE_S = 4.0
# A caller that waits for the log to be delivered here continues after so long.
CATCH_UP_S = 2.0
# A node that has not read the log for so long is not ready.
STALE_S = 5.0

log = structlog.get_logger(__name__)

# Returns what the payloads of entries of one kind publish to devices of this node. Raises AppError,
# and msgspec.DecodeError.
Reader = Callable[[Sequence[bytes]], Awaitable[list[Publication]]]


class OwnBatch:
    """A batch of this node's log writer; its entry in the log is left to the writer."""

    def __init__(self) -> None:
        self.id = new_id()
        self.ended = asyncio.Event()
        self.is_published = False
        self.to_groups: list[Publication] = []
        self.published_at = 0.0

    def published(self, to_groups: list[Publication], at: float) -> None:
        """Record that the writer has published it, and what of it went to groups when."""
        self.is_published = True
        self.to_groups = to_groups
        self.published_at = at


class Tail:
    """The reader of the change log; start it inside the running loop, then close it."""

    def __init__(
        self,
        *,
        database: Database,
        hub: Hub,
        broker: Broker,
        metrics: Metrics | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._database = database
        self._hub = hub
        self._traces = traces or Traces()
        self._dialect = database.dialect
        self._readers: dict[str, Reader] = {PUBLISHED: _published}
        self._place: int | str | None = None
        self._beginning = asyncio.Lock()
        self._newest = 0
        self._placed_at = _clocks()
        self._generation: UUID | None = None
        # Read from the log, and not delivered yet.
        self._waiting: deque[Entry] = deque()
        self._own: dict[UUID, OwnBatch] = {}
        self._batches = 0
        # Held while something is read from the database and delivered: a reader beside the tail
        # that holds it delivers nothing older than what devices have.
        self.delivering = asyncio.Lock()
        self._woken = asyncio.Event()
        self._closing = asyncio.Event()
        self._read_at = time.monotonic()
        self._rounds_begun = 0
        self._rounds_ended = 0
        self._round_ended = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        broker.on_wake(self._woken.set)
        self._register_metrics(metrics or Metrics())

    def read_with(self, readers: Mapping[str, Reader]) -> None:
        """Add the readers of other kinds; call before `start`."""
        self._readers.update(readers)

    async def start(self, supervisor: Supervisor) -> None:
        """Take the present place, before any outlet opens, and begin to read."""
        with contextlib.suppress(AppError):
            await self.begin()
        self._task = supervisor.start("change_log", self._run)

    async def begin(self) -> None:
        """Take a place in the log, unless the node has one. Raises Unavailable.

        An outlet that opens before that would miss what is published until then.
        """
        async with self._beginning:
            if self._place is None:
                self._placed_at = _clocks()
                [row] = await self._database.fetch_all(present_place(self._dialect), {})
                self._place, self._newest = row.place, row.newest or 0

    async def close(self) -> None:
        """Let what is being read be delivered, within `CLOSE_S`, and stop."""
        if self._task is None:
            return
        self._closing.set()
        self._woken.set()
        await asyncio.wait([self._task], timeout=CLOSE_S)
        await tasks.end([self._task])

    async def generation(self) -> UUID:
        """Return the name of the database, new after each restore. Raises Unavailable."""
        # A restore needs the nodes to be stopped.
        if self._generation is None:
            self._generation = await generation_of(self._database)
        return self._generation

    def is_current(self) -> bool:
        """Return whether the log was read lately."""
        return time.monotonic() - self._read_at < STALE_S

    @contextlib.contextmanager
    def storing(self) -> Iterator[OwnBatch]:
        """Yield a batch that this node stores; leave its entry to the writer meanwhile.

        Afterwards the tail delivers it, unless it was `published`.
        """
        batch = OwnBatch()
        self._own[batch.id] = batch
        try:
            yield batch
        finally:
            if not batch.is_published:
                self._own.pop(batch.id, None)
                self._woken.set()
            self._batches += 1
            batch.ended.set()

    @property
    def progress(self) -> tuple[int, int]:
        """Return how far the log is known: another value whenever there may be something new."""
        return self._batches, self._newest

    async def caught_up(self) -> None:
        """Wait until all that is committed now was delivered on this node, CATCH_UP_S at most."""
        wanted = self._rounds_begun + 1
        self._woken.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_S), self._round_ended:
                await self._round_ended.wait_for(lambda: self._rounds_ended >= wanted)

    async def read(self) -> int:
        """Deliver what follows; return the number of entries. Raises Unavailable."""
        await self.begin()
        if not self._waiting:
            await self._fetch()
        self._read_at = time.monotonic()
        delivered = 0
        while self._waiting:
            delivered += await self._deliver_next()
            # It moves on, however much there is to deliver.
            self._read_at = time.monotonic()
        return delivered

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            is_last = self._closing.is_set()
            self._rounds_begun += 1
            number = self._rounds_begun
            try:
                await self.read()
            except AppError:
                if self._closing.is_set():
                    return
                raise
            async with self._round_ended:
                self._rounds_ended = number
                self._round_ended.notify_all()
            if is_last:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._woken.wait()

    async def _fetch(self) -> None:
        values = {"place": self._place, "count": MAX_BEHIND + 1}
        started_at = _clocks()
        rows = await self._database.fetch_all(entries_after(self._dialect), values)
        unread_s = max(now - before for now, before in zip(_clocks(), self._placed_at, strict=True))
        place, oldest, newest = rows[0].place, rows[0].oldest or 0, rows[0].newest or 0
        # The newest entry of a log is never removed: a log without it was emptied by hand, and one
        # that ends before it counts from the beginning again.
        is_cut = self._newest > 0 and not 0 < oldest <= self._newest <= newest
        self._place, self._newest, self._placed_at = place, newest, started_at
        if len(rows) > MAX_BEHIND or is_cut or unread_s > MAX_UNREAD_S:
            log.warning("change_log.too_far_behind", is_cut=is_cut, unread_s=round(unread_s))
            self._own.clear()
            self._hub.close_outlets()
            return
        self._waiting.extend(
            Entry(row.kind, row.payload, row.batch) for row in rows if row.position is not None
        )

    async def _deliver_next(self) -> int:
        """Deliver the entries of one kind that come next; return how many."""
        first = self._waiting[0]
        own = None if first.batch is None else self._own.get(first.batch)
        if own is not None:
            # Its sender gets the ack before anybody gets the event.
            await own.ended.wait()
            if own.is_published:
                self._own.pop(own.id, None)
                self._waiting.popleft()
                self._deliver_to_late(own)
                return 0
        payloads = self._next_payloads(first)
        try:
            async with self.delivering:
                await self._hand_over(first.kind, payloads)
        except AppError:
            raise
        except Exception:  # the run logs it, and devices load again what cannot be delivered
            self._hub.close_outlets()
            self._drop(len(payloads))
            raise
        self._drop(len(payloads))
        self._entries.add(len(payloads))
        return len(payloads)

    async def _hand_over(self, kind: str, payloads: Sequence[bytes]) -> None:
        reader = self._readers.get(kind)
        if reader is None:
            return
        try:
            publications = await reader(payloads)
        except msgspec.DecodeError:
            if len(payloads) == 1:
                log.warning("change_log.unreadable", kind=kind)
                return
            # The others can be read.
            for payload in payloads:
                await self._hand_over(kind, [payload])
            return
        for publication in publications:
            self._deliver(publication)

    def _next_payloads(self, first: Entry) -> list[bytes]:
        payloads: list[bytes] = []
        size = 0
        for entry in self._waiting:
            is_own = entry is not first and entry.batch is not None and entry.batch in self._own
            size += len(entry.payload)
            is_too_much = bool(payloads) and size > MAX_BYTES_AT_ONCE
            if entry.kind != first.kind or is_own or is_too_much:
                break
            payloads.append(entry.payload)
        return payloads

    def _deliver_to_late(self, own: OwnBatch) -> None:
        """Deliver an own batch to the outlets that joined its groups too late for it.

        The group is older, by the order of the log, but this node had not read of it yet.
        """
        for topics, envelope in own.to_groups:
            for topic in topics:
                self._hub.deliver_to_late(topic, envelope, joined_after=own.published_at)

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()

    def _deliver(self, publication: Publication) -> None:
        topics, envelope = publication
        request_context.set_current(envelope.context)
        with self._traces.span("change_log.deliver", "consumer"):
            for topic in topics:
                self._hub.deliver(topic, envelope)
        log.debug("change_log.delivered", topics=topics[:MAX_LOGGED], bytes=len(envelope.body))
        request_context.set_current(request_context.NONE)

    def _register_metrics(self, metrics: Metrics) -> None:
        self._entries = metrics.counter(
            "chat_change_log_entries_total", "Entries of the change log delivered by this node"
        )
        metrics.gauge(
            "chat_change_log_waiting_entries",
            "Entries that were read and not delivered yet",
            lambda: len(self._waiting),
        )
        metrics.gauge(
            "chat_change_log_read_age_seconds",
            "Since the change log was last read",
            lambda: time.monotonic() - self._read_at,
        )


def _clocks() -> tuple[float, float]:
    """Return the seconds of two clocks: one stands while the machine sleeps, one may be set."""
    return time.monotonic(), utc_now().timestamp()


async def _published(payloads: Sequence[bytes]) -> list[Publication]:
    return [one for payload in payloads for one in publications_of(payload)]
