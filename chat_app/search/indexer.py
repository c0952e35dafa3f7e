"""Indexer: puts messages into the index of the search, beside the path of a send.

It follows the change log, as tails do, but keeps its place with the index, in the transaction that
fills it. An index of another database or of other words, or one that has missed something, is
built anew: it reads all messages in the order of their ids, then what has changed meanwhile.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy import Row

from chat_app.change_log.moves import moves_of
from chat_app.change_log.store import (
    KEPT_FOR,
    MESSAGES,
    generation_of,
    read_after,
    read_place,
)
from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor
from chat_app.core.time_slice import TimeSlice
from chat_app.realtime.broker import Broker
from chat_app.search import queries, words
from chat_app.search.criteria import contents_of
from chat_app.search.index import (
    Document,
    Index,
    State,
    content_word,
    room_word,
    sender_word,
)

# How often it is asked whether something has come, and how often the log is read without that:
# another process may have begun to build the index anew.
INTERVAL_S = 0.5
IDLE_S = 5.0
# What comes within this time goes into the index together.
PAUSE_S = 0.1
# Messages of one transaction, short enough to hold up nobody; more than the log writer stores in
# one moment.
BATCH_SIZE = 500
# More entries than these are not read at once: all messages are quicker.
MAX_BEHIND = 20_000
# Without a newest entry, only the time tells whether the log was emptied since.
MAX_UNREAD_S = KEPT_FOR.total_seconds() / 2
RETRY_S = 0.05
# Another process fills the index: it is left to it, or both would read and cut into words the same
# messages all the time.
LEFT_S = 1.0
NO_ID = UUID(int=0)
# The bits of an id below its milliseconds.
RANDOM_BITS = 80

log = structlog.get_logger(__name__)


class Step(NamedTuple):
    """The result of a step; it is the last while there is nothing more to do."""

    documents: int = 0
    is_last: bool = False


class Indexer:
    """The task that fills the index; start it inside the running loop, then close it."""

    def __init__(
        self,
        *,
        database: Database,
        index: Index,
        broker: Broker | None = None,
        progress: Callable[[], object] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._index = index
        # Another value whenever the log may have something new; None if that is not known.
        self._progress = progress or (lambda: None)
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._generation: UUID | None = None
        self._current_at = time.monotonic()
        if broker is not None:
            broker.on_wake(self._woken.set)
        metrics = metrics or Metrics()
        self._indexed = metrics.counter(
            "chat_search_indexed_total", "Messages put into the index of the search by this node"
        )
        metrics.gauge(
            "chat_search_behind_seconds",
            "Since the index of the search held all that was stored",
            lambda: time.monotonic() - self._current_at,
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start the task. The chat is ready without it."""
        self._task = supervisor.start("search", self._run, is_vital=False)

    async def close(self) -> None:
        """Stop; what is not in the index is put there another time."""
        if self._task is not None:
            await tasks.end([self._task])

    async def begin_anew(self) -> None:
        """Let the steps that follow build the index anew. Raises Unavailable."""
        is_begun = False
        while not is_begun:
            is_begun = await self._begin(await self._index.state())
            await asyncio.sleep(0 if is_begun else RETRY_S)

    async def step(self) -> Step:
        """Do the next piece of work, in a short transaction. Raises Unavailable."""
        started_at = time.monotonic()
        state = await self._index.state()
        if state is None or not await self._is_usable(state):
            return await self._done(await self._begin(state))
        if state.phase == "clearing":
            return await self._clear(state)
        if state.phase == "walking":
            return await self._walk(state)
        step = await self._follow(state)
        if step.is_last:
            self._current_at = started_at
        return step

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            known = self._progress()
            while not (step := await self._step_beside_others()).is_last:
                pass
            # Its own messages do not wake a node; while some come, others follow.
            if not step.documents:
                await self._until_new(known)
            await asyncio.sleep(PAUSE_S)

    async def _until_new(self, known: object) -> None:
        """Wait until the log may have something that was not there at the `known` progress."""
        looks = 1 if known is None else round(IDLE_S / INTERVAL_S)
        for _ in range(looks):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._woken.wait()
            if self._woken.is_set() or self._progress() != known:
                return

    async def _step_beside_others(self) -> Step:
        """Do a step, and leave others as much time: building the index anew takes minutes."""
        started_at = time.monotonic()
        step = await self.step()
        await asyncio.sleep(min(PAUSE_S, time.monotonic() - started_at))
        return step

    async def _is_usable(self, state: State) -> bool:
        return state.version == words.VERSION and state.generation == await self._generation_of()

    async def _generation_of(self) -> UUID:
        # A restore needs the nodes to be stopped.
        if self._generation is None:
            self._generation = await generation_of(self._database)
        return self._generation

    async def _done(self, is_done: bool, count: int = 0) -> Step:  # noqa: FBT001  # the outcome of a write
        """Return the step, after a pause where another process has done something instead."""
        if not is_done:
            await asyncio.sleep(LEFT_S)
        return Step(count if is_done else 0)

    async def _begin(self, state: State | None) -> bool:
        """Begin to build the index anew, from the present place of the log on."""
        row = await read_place(self._database)
        begun = State(
            generation=await self._generation_of(),
            version=words.VERSION,
            phase="clearing",
            place=row.place,
            newest=row.newest or 0,
            read_at=utc_now().timestamp(),
            walked=NO_ID,
        )
        is_begun = await self._index.write([], before=state, after=begun)
        if is_begun:
            log.info("search.rebuilding")
        return is_begun

    async def _clear(self, state: State) -> Step:
        if not await self._index.clear(before=state):
            return Step()
        walking = replace(state, phase="walking")
        return await self._done(await self._index.write([], before=state, after=walking))

    async def _walk(self, state: State) -> Step:
        rows = await queries.documents_after(self._database, state.walked, most=BATCH_SIZE)
        if not rows:
            following = replace(state, phase="following")
            is_done = await self._index.write([], before=state, after=following)
            if is_done:
                log.info("search.rebuilt")
            return await self._done(is_done)
        if len(rows) == BATCH_SIZE:
            rows = _whole_moments(rows)
        walked = replace(state, walked=rows[-1].id)
        return await self._done(await self._write(rows, state, walked), len(rows))

    async def _follow(self, state: State) -> Step:
        """Put into the index what the log names after its place."""
        started_at = utc_now().timestamp()
        rows = await read_after(self._database, state.place, most=MAX_BEHIND + 1)
        if _has_missed(state, rows, started_at):
            log.warning("search.missed_entries")
            return await self._done(await self._begin(state))
        if rows[0].position is None:
            return Step(is_last=True)
        after = replace(state, place=rows[0].place, newest=rows[0].newest or 0, read_at=started_at)
        revs: dict[UUID, int] = {}
        for payload in (row.payload for row in rows if row.kind == MESSAGES):
            try:
                moves = moves_of(payload)
            except msgspec.DecodeError:
                log.warning("search.unreadable_entry")
                continue
            for move in moves:
                known = revs.get(move.conversation_id, move.rev)
                revs[move.conversation_id] = min(known, move.rev)
        count, last = 0, NO_ID
        while True:
            documents = await self._changed(revs, last)
            is_whole = len(documents) < BATCH_SIZE
            if not is_whole:
                documents = _whole_moments(documents)
            if not await self._write(documents, state, after if is_whole else state):
                return await self._done(is_done=False)
            count += len(documents)
            if is_whole:
                return Step(count, is_last=True)
            last = documents[-1].id

    async def _changed(self, revs: dict[UUID, int], last: UUID) -> list[queries.DocumentRow]:
        if not revs:
            return []
        return await queries.documents_changed(self._database, revs, after=last, most=BATCH_SIZE)

    async def _write(
        self, rows: Sequence[queries.DocumentRow], before: State, after: State
    ) -> bool:
        documents: list[Document] = []
        time_slice = TimeSlice()
        # Numbers follow the time of the messages, and in a conversation their `seq`.
        for row in sorted(rows, key=_moment_and_place):
            if row.kind != "text":
                continue
            if len(row.content) > words.MAX_LENGTH_ON_LOOP:
                documents.append(await asyncio.to_thread(_document, row))
            else:
                documents.append(_document(row))
            await time_slice.pause()
        is_written = await self._index.write(documents, before=before, after=after)
        if is_written:
            self._indexed.add(len(documents))
        return is_written


def _document(row: queries.DocumentRow) -> Document:
    all_words = None
    if row.deleted_at is None:
        all_words = frozenset(
            (
                *words.words_of(row.content),
                room_word(row.conversation_id),
                sender_word(row.sender_id),
                *map(content_word, contents_of(row.content, row.kinds)),
            )
        )
    return Document(row.conversation_id, row.seq, all_words, row.edited_at)


def _moment_and_place(row: queries.DocumentRow) -> tuple[int, int, int]:
    return row.id.int >> RANDOM_BITS, row.conversation_id.int, row.seq


def _whole_moments(rows: list[queries.DocumentRow]) -> list[queries.DocumentRow]:
    """Return rows without those of the last millisecond, unless all are: more may follow."""
    last = rows[-1].id.int >> RANDOM_BITS
    before = [row for row in rows if row.id.int >> RANDOM_BITS < last]
    return before or rows


def _has_missed(state: State, rows: Sequence[Row[*tuple[Any, ...]]], now: float) -> bool:
    """Return whether entries may have gone that the index has not read.

    The newest entry of a log is never removed, and its positions never begin anew. Transactions of
    PostgreSQL begin anew in another cluster that a dump was restored to.
    """
    oldest, newest = rows[0].oldest or 0, rows[0].newest or 0
    if len(rows) > MAX_BEHIND or _is_behind(rows[0].place, state.place):
        return True
    if state.newest > 0:
        return not 0 < oldest <= state.newest <= newest
    return now - state.read_at > MAX_UNREAD_S and newest > 0


def _is_behind(place: int | str, other: int | str) -> bool:
    """Return whether a place in the log is of an earlier time than another."""
    if isinstance(place, int) or isinstance(other, int):
        return int(place) < int(other)
    # A snapshot begins with its oldest open transaction and the next one.
    return int(place.split(":")[1]) < int(other.split(":")[0])
