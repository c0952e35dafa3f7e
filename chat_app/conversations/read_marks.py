"""Read marks: many members' marks in one transaction, one task a process.

A lone mark is stored at once. While marks keep coming, a transaction begins every INTERVAL_S at
most and takes all that wait; those of one member and conversation are merged, the furthest counts.
It is followed by a pause that is as long: at a slow database half of the time is left to messages.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias
from uuid import UUID

import structlog
from sqlalchemy.engine import Connection

from chat_app.change_log.store import Publication, entry_values, published
from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.statements import find_members, lock_marks, move_marks
from chat_app.core import request_context, tasks
from chat_app.core.database import Database
from chat_app.core.errors import AppError, Overtaken, Unavailable
from chat_app.core.json_rows import as_parameter
from chat_app.core.metrics import SIZES, Metrics
from chat_app.core.request_context import NONE, RequestContext
from chat_app.core.supervisor import Supervisor
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    ConversationRead,
    Envelope,
    make_batch,
    make_envelope,
    topics_of,
    user_topic,
)

# More transactions a second would only take fewer marks each, and make more frames.
INTERVAL_S = 0.02
BATCH_SIZE = 256
# Callers, not marks: each waits for its answer.
MAX_WAITING = 8_192
# A frame of so many is not compressed for each socket (server/compression.py).
MAX_EVENTS = 50
FLUSH_S = 3.0
ATTEMPTS = 3

log = structlog.get_logger(__name__)


class Key(NamedTuple):
    """A member of a conversation."""

    conversation_id: UUID
    user_id: UUID


class Waiter(NamedTuple):
    """A mark of one caller, with the future of its outcome."""

    seq: int
    outcome: asyncio.Future[None]
    context: RequestContext


class Mark(NamedTuple):
    """The furthest of the marks of a member that wait, with the request it comes from."""

    key: Key
    seq: int
    context: RequestContext = NONE


class Event(NamedTuple):
    """A mark that is published, with the request it comes from."""

    event: ConversationRead
    context: RequestContext


class Stored(NamedTuple):
    """The outcome of a transaction: marks that another one has locked are left to the next."""

    locked: list[Mark]
    strangers: list[Key]
    is_published: bool


OnStored: TypeAlias = Callable[[Iterable[Key]], None]


def no_reader(_keys: Iterable[Key]) -> None:
    """Do nothing."""


class ReadMarks:
    """The writer of read marks; start it inside the running loop, then close it."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        on_stored: OnStored = no_reader,
        metrics: Metrics | None = None,
    ) -> None:
        """`on_stored` is called with members whose marks were stored, some of which have moved."""
        self._on_stored = on_stored
        self._database = database
        self._broker = broker
        self._waiting: dict[Key, list[Waiter]] = {}
        self._waiting_count = 0
        self._wake = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        metrics = metrics or Metrics()
        self._sizes = metrics.histogram(
            "chat_read_batch_marks", "Read marks in one transaction, merged ones once", SIZES
        )
        metrics.gauge(
            "chat_read_queue_marks",
            "Read marks that wait for their answer",
            lambda: self._waiting_count,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start writing."""
        self._writer = supervisor.start("read_marks", self._write_waiting)

    async def mark(self, reader: UUID, conversation_id: UUID, seq: int) -> None:
        """Move a member's read mark forward to `seq` and return once that is stored.

        Past the end means the end. Raises ConversationNotFound and Unavailable.
        """
        await self.submit(reader, conversation_id, seq)

    def submit(self, reader: UUID, conversation_id: UUID, seq: int) -> asyncio.Future[None]:
        """Queue a mark; return the future of its outcome, set after the commit.

        It fails with an AppError. Raises Unavailable when the queue is full or the process stops.
        """
        if self._closing or self._waiting_count >= MAX_WAITING:
            raise Unavailable
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = Waiter(seq, outcome, request_context.current())
        self._waiting.setdefault(Key(conversation_id, reader), []).append(waiter)
        self._waiting_count += 1
        self._is_empty.clear()
        self._wake.set()
        return outcome

    async def close(self) -> None:
        """Refuse new marks, store those that wait, and stop; after FLUSH_S the rest is refused."""
        self._closing = True
        if self._writer is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._is_empty.wait()
        await tasks.end([self._writer])
        self._refuse_all(Unavailable())

    async def _write_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            started = loop.time()
            await self._write(self._take())
            took_s = loop.time() - started
            await asyncio.sleep(max(INTERVAL_S - took_s, took_s))

    def _take(self) -> dict[Key, list[Waiter]]:
        """Take the oldest marks out of the queue, without those that nobody waits for any more."""
        taken: dict[Key, list[Waiter]] = {}
        while self._waiting and len(taken) < BATCH_SIZE:
            key = next(iter(self._waiting))
            waiters = self._waiting.pop(key)
            self._waiting_count -= len(waiters)
            if left := [waiter for waiter in waiters if not waiter.outcome.done()]:
                taken[key] = left
        return taken

    async def _write(self, taken: dict[Key, list[Waiter]]) -> None:
        try:
            if taken:
                await self._store(taken)
        except AppError as error:
            # The database is away: those who wait get the error now, not after a time-out each.
            _refuse(taken.values(), error)
            self._refuse_all(error)
        except BaseException:
            _refuse(taken.values(), Unavailable())
            raise
        finally:
            if not self._waiting:
                self._is_empty.set()

    async def _store(self, taken: dict[Key, list[Waiter]]) -> None:
        furthest = {key: max(waiters, key=_seq) for key, waiters in taken.items()}
        marks = [Mark(key, one.seq, one.context) for key, one in furthest.items()]
        stored = await self._transact(marks)
        self._answer(taken, stored)
        if stored.locked:
            # Their members are sending at this moment.
            self._answer(taken, await self._transact(stored.locked, waits=True))

    async def _transact(self, marks: Sequence[Mark], *, waits: bool = False) -> Stored:
        work = partial(_store, marks, waits=waits)
        self._sizes.add(len(marks))
        for _ in range(ATTEMPTS - 1):
            # Another transaction was chosen to go on where the two waited for each other.
            with contextlib.suppress(Overtaken):
                return await self._database.transact(work)
        return await self._database.transact(work)

    def _answer(self, taken: dict[Key, list[Waiter]], stored: Stored) -> None:
        """Set the outcomes of marks after their commit, and take them out; publish them."""
        _refuse([taken.pop(key) for key in stored.strangers], ConversationNotFound())
        locked = {mark.key for mark in stored.locked}
        answered = [key for key in taken if key not in locked]
        for key in answered:
            for waiter in taken.pop(key):
                if not waiter.outcome.done():
                    waiter.outcome.set_result(None)
        if stored.is_published:
            self._broker.wake_readers()
            self._on_stored(answered)

    def _refuse_all(self, error: AppError) -> None:
        waiting, self._waiting, self._waiting_count = self._waiting, {}, 0
        _refuse(waiting.values(), error)


def _seq(waiter: Waiter) -> int:
    return waiter.seq


def _refuse(all_waiters: Iterable[Sequence[Waiter]], error: AppError) -> None:
    for waiters in all_waiters:
        for waiter in waiters:
            if not waiter.outcome.done():
                waiter.outcome.set_exception(error)


def _store(marks: Sequence[Mark], connection: Connection, *, waits: bool) -> Stored:
    """Store and publish the marks that are further than those stored."""
    dialect = connection.dialect.name
    rows = connection.execute(
        lock_marks(dialect, waits=waits), {"rows": _as_parameter(enumerate(marks))}
    ).all()
    moved = []
    # By receivers: the readers of a group go out in one frame, or each of its devices would get a
    # frame for each of them.
    events = defaultdict[tuple[str, ...], list[Event]](list)
    for row in rows:
        (conversation_id, user_id), seq, context = marks[row.number]
        seq = min(seq, row.last_seq)
        if seq <= row.last_read_seq:
            continue
        # Across a block the other must not see it later either: `read_seq` is what the others see.
        read_seq = row.read_seq if row.is_blocked else max(row.read_seq, seq)
        moved.append({"id": conversation_id, "user_id": user_id, "seq": seq, "read_seq": read_seq})
        # The others have seen a mark that is further where the reader has marked messages unread.
        is_news = read_seq > row.read_seq
        receivers = topics_of(conversation_id, row.direct_key) if is_news else [user_topic(user_id)]
        event = ConversationRead(conversation_id=conversation_id, user_id=user_id, seq=seq)
        events[tuple(receivers)].append(Event(event, context))
    if moved:
        publications = [
            Publication(list(receivers), envelope)
            for receivers, some in events.items()
            for envelope in _envelopes(some)
        ]
        values = {"marks": as_parameter(moved), **entry_values(published(publications))}
        move_marks(dialect).execute(connection, values)
    missing = dict(enumerate(marks))
    for row in rows:
        del missing[row.number]
    locked = _members_among(missing, connection) if missing else []
    strangers = [mark.key for mark in missing.values() if mark not in locked]
    return Stored(locked, strangers, is_published=bool(moved))


def _members_among(marks: Mapping[int, Mark], connection: Connection) -> list[Mark]:
    rows = connection.execute(
        find_members(connection.dialect.name), {"rows": _as_parameter(marks.items())}
    )
    return [marks[row.number] for row in rows]


def _as_parameter(marks: Iterable[tuple[int, Mark]]) -> str:
    return as_parameter(
        [
            {"number": number, "id": mark.key.conversation_id, "user_id": mark.key.user_id}
            for number, mark in marks
        ]
    )


def _envelopes(events: Sequence[Event]) -> Iterator[Envelope]:
    for start in range(0, len(events), MAX_EVENTS):
        some = events[start : start + MAX_EVENTS]
        if len(some) > 1:
            yield make_batch([one.event for one in some])
        else:
            yield make_envelope(some[0].event, context=some[0].context)
