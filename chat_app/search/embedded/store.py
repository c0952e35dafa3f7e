"""The index in `search.db`, a file beside an SQLite database that can be built anew at any time."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec
import structlog

from chat_app.core.errors import Unavailable
from chat_app.search.embedded import statements
from chat_app.search.index import Candidate, Document, Place, State, Wanted

BUSY_S = 3.0
READERS = 2
# An expression that names more conversations is no quicker than looking at those found.
MAX_ROOMS = 3_000
# Each conversation that an expression names costs some hundredths of a millisecond, however little
# is found: with more than a few, so many of the newest entries of all are looked at, and the next
# ones for as long as at least one in so many is wanted (measured with 200 of 2,000).
FEW_ROOMS, NEWEST, SPARSE = 16, 1_000, 25
# What SQLite says of a file that is none of its own, or is damaged.
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# The index may lose its last writes in a power cut, but never be damaged: they are written again.
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "cache_size=-16000",
    "journal_size_limit=33554432",
    "temp_store=MEMORY",
)

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

log = structlog.get_logger(__name__)
_decode_state = msgspec.json.Decoder(State).decode


def index_file(database: Path) -> Path:
    """Return the file of the index of a database: `search.db` beside `chat.db`."""
    if database.name == "chat.db":
        return database.with_name("search.db")
    return database.with_name(f"{database.name}.search.db")


class EmbeddedIndex:
    """The index in one file; one thread writes, others read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="search writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="search reader")
        self._own = threading.local()
        self._open: list[sqlite3.Connection] = []
        # Counts the files that there were; connections to an earlier one are useless.
        self._files = 0
        self._renewing = threading.Lock()

    async def state(self) -> State | None:
        """Return how far it is, None before the first time."""
        return await self._run(self._writer, _state)

    async def write(
        self, documents: Sequence[Document], *, before: State | None, after: State
    ) -> bool:
        """Put documents into it, and move from one state to another, in one transaction."""
        return await self._run(self._writer, partial(_write, documents, before, after))

    async def clear(self, *, before: State) -> bool:
        """Remove all entries while it is in the state `before`; return whether it has."""
        return await self._run(self._writer, partial(_clear, before))

    async def find(
        self, wanted: Wanted, *, before: int, after: int, most: int
    ) -> Sequence[Candidate]:
        """Return the newest candidates with numbers between two, newest first."""
        return await self._run(self._readers, partial(_find, wanted, before, after, most))

    async def first_numbers(self, places: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Return the first number of each conversation from a `seq` on, if it has any."""
        return await self._run(self._readers, partial(_first_numbers, places))

    async def numbers_at(self, places: Sequence[Place]) -> Sequence[int]:
        """Return the numbers of messages that it has."""
        return await self._run(self._readers, partial(_numbers_at, places))

    async def close(self) -> None:
        """Close the file."""
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        for connection in self._open:
            connection.close()
        self._open.clear()

    async def _run(self, threads: ThreadPoolExecutor, work: Work[Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(threads, self._worked, work)

    def _worked(self, work: Work[Result]) -> Result:
        try:
            try:
                return work(self._connection())
            except sqlite3.DatabaseError as error:
                if not is_damaged(error):
                    raise
                log.warning("search.damaged", file=str(self._file), reason=str(error))
                self._begin_anew(self._own.files)
                return work(self._connection())
        except (sqlite3.OperationalError, OSError) as error:
            raise Unavailable from error

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None or self._own.files != self._files:
            self._own.connection, self._own.files = None, self._files
            self._own.connection = connection = self._opened()
        return connection

    def _opened(self) -> sqlite3.Connection:
        # Only its owner may read the words of messages; its `-wal` gets its mode.
        self._file.touch(mode=0o600)
        connection = sqlite3.connect(
            self._file, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._open.append(connection)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(f"BEGIN IMMEDIATE; {statements.TABLES} COMMIT;")
        return connection

    def _begin_anew(self, damaged: int) -> None:
        """Replace a damaged file by an empty one, unless another thread has done so."""
        with self._renewing:
            if self._files != damaged:
                return
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self._file}{suffix}").unlink(missing_ok=True)
            self._files += 1


def is_damaged(error: sqlite3.Error) -> bool:
    """Return whether an error is that of a file that must be built anew."""
    # Extended codes have the plain one in their low byte.
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in DAMAGED


def _state(file: sqlite3.Connection) -> State | None:
    row = file.execute(statements.READ_STATE).fetchone()
    return _decode_state(row[0]) if row else None


@contextlib.contextmanager
def _transaction(file: sqlite3.Connection) -> Iterator[None]:
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


class _Places:
    """The numbers of entries by the places of their messages; changes are kept until `save`."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file
        self._conversations: dict[UUID, int | None] = {}
        self._blocks: dict[tuple[int, int], bytearray] = {}
        self._changed: set[tuple[int, int]] = set()

    def conversation(self, identifier: UUID) -> int | None:
        """Return the number of a conversation."""
        if identifier not in self._conversations:
            row = self._file.execute(statements.FIND_CONVERSATION, (identifier.hex,)).fetchone()
            self._conversations[identifier] = row[0] if row else None
        return self._conversations[identifier]

    def conversation_or_new(self, identifier: UUID) -> int:
        """Return the number of a conversation, of a new one after adding it."""
        number = self.conversation(identifier)
        if number is None:
            row = self._file.execute(statements.ADD_CONVERSATION, (identifier.hex,)).fetchone()
            self._conversations[identifier] = number = int(row[0])
        return number

    def number_at(self, conversation: int, seq: int) -> int:
        """Return the number of an entry, 0 where there is none."""
        return _number_in(self._block(conversation, seq), seq)

    def set_number(self, conversation: int, seq: int, number: int) -> None:
        """Set the number of an entry; 0 removes it."""
        block = self._block(conversation, seq)
        start = seq % statements.BLOCK_SIZE * statements.NUMBER_BYTES
        end = start + statements.NUMBER_BYTES
        block.extend(bytes(max(0, end - len(block))))
        block[start:end] = number.to_bytes(statements.NUMBER_BYTES, "little")
        self._changed.add((conversation, seq // statements.BLOCK_SIZE))

    def save(self) -> None:
        """Write what was changed."""
        rows = ((*key, bytes(self._blocks[key])) for key in sorted(self._changed))
        self._file.executemany(statements.ADD_BLOCK, rows)

    def _block(self, conversation: int, seq: int) -> bytearray:
        key = (conversation, seq // statements.BLOCK_SIZE)
        if key not in self._blocks:
            row = self._file.execute(statements.FIND_BLOCK, key).fetchone()
            self._blocks[key] = bytearray(row[0] if row else b"")
        return self._blocks[key]


def _number_in(block: bytes | bytearray, seq: int) -> int:
    start = seq % statements.BLOCK_SIZE * statements.NUMBER_BYTES
    return int.from_bytes(block[start : start + statements.NUMBER_BYTES], "little")


def _numbers_at(places: Sequence[Place], file: sqlite3.Connection) -> list[int]:
    known = _Places(file)
    numbers = [
        known.number_at(conversation, seq)
        for identifier, seq in places
        if (conversation := known.conversation(identifier)) is not None
    ]
    return [number for number in numbers if number]


def _find(
    wanted: Wanted, before: int, after: int, most: int, file: sqlite3.Connection
) -> list[Candidate]:
    found: list[Candidate] = []
    has_words = bool(wanted.words or wanted.choices)
    if len(wanted.rooms) > FEW_ROOMS and has_words:
        expression = statements.expression(wanted, with_rooms=False)
        rooms = {room.hex for room in wanted.rooms}
        is_sparse = False
        while not is_sparse:
            newest = file.execute(statements.FIND, (expression, before, after, NEWEST)).fetchall()
            some = [_candidate(row) for row in newest if row[1] in rooms]
            found += some[: most - len(found)]
            if len(found) == most or len(newest) < NEWEST:
                return found
            before = newest[-1][0]
            is_sparse = len(some) * SPARSE < NEWEST
    is_many = len(wanted.rooms) > MAX_ROOMS and has_words
    statement = statements.FIND_IN_MANY if is_many else statements.FIND
    between = [statements.expression(wanted, with_rooms=not is_many), before, after]
    if is_many:
        between.append(msgspec.json.encode([room.hex for room in wanted.rooms]).decode())
    rows = file.execute(statement, (*between, most - len(found)))
    return found + list(map(_candidate, rows))


def _candidate(row: tuple[int, str, int]) -> Candidate:
    number, conversation, seq = row
    return Candidate(number, UUID(conversation), seq)


def _first_numbers(places: Mapping[UUID, int], file: sqlite3.Connection) -> dict[UUID, int]:
    """Return the lowest number among the first ones of each conversation from a `seq` on.

    Numbers grow with `seq`, but for what was stored at the same moment.
    """
    known = _Places(file)
    first: dict[UUID, int] = {}
    for identifier, since in places.items():
        values = (known.conversation(identifier), since // statements.BLOCK_SIZE)
        numbers = [
            number
            for block, data in file.execute(statements.FIND_BLOCKS, values)
            for place in range(statements.BLOCK_SIZE)
            if block * statements.BLOCK_SIZE + place >= since
            and (number := _number_in(data, place))
        ]
        if numbers:
            first[identifier] = min(numbers)
    return first


def _write(
    documents: Sequence[Document],
    before: State | None,
    after: State,
    file: sqlite3.Connection,
) -> bool:
    with _transaction(file):
        if _state(file) != before:
            return False
        _put(file, documents)
        if after != before:
            file.execute(statements.WRITE_STATE, (msgspec.json.encode(after).decode(),))
    return True


def _put(file: sqlite3.Connection, documents: Sequence[Document]) -> None:
    places = _Places(file)
    [number] = file.execute(statements.LAST_NUMBER).fetchone()
    # Each with its number, the number of its conversation, `seq` and words.
    new: list[tuple[int, int, int, str]] = []
    for document in documents:
        conversation, seq = places.conversation_or_new(document.conversation_id), document.seq
        known = places.number_at(conversation, seq)
        if document.words is None:
            if known:
                places.set_number(conversation, seq, 0)
                file.execute(statements.REMOVE_ENTRY, (known,))
        elif known:
            # Changes of a message other than of its text come here, too.
            _edit(file, known, document.words, document.edited_at)
        else:
            number += 1
            places.set_number(conversation, seq, number)
            new.append((number, conversation, seq, " ".join(document.words)))
    entries = msgspec.json.encode(new).decode()
    file.execute(statements.ADD_ENTRIES, (entries,))
    file.execute(statements.ADD_WORDS_OF_ENTRIES, (entries,))
    places.save()


def _edit(
    file: sqlite3.Connection, number: int, words: Iterable[str], edited_at: datetime | None
) -> None:
    """Add the words of an edited message to its entry, unless they are there."""
    if edited_at is None:
        return
    known = file.execute(statements.FIND_EDITED, (number,)).fetchone()
    if known is None or known[0] != edited_at.isoformat():
        file.execute(statements.ADD_WORDS, (number, " ".join((*words, statements.EDITED))))
        file.execute(statements.ADD_EDITED, (number, edited_at.isoformat()))


def _clear(before: State, file: sqlite3.Connection) -> bool:
    with _transaction(file):
        if _state(file) != before:
            return False
        for statement in statements.CLEAR:
            file.execute(statement)
    return True
