"""The index in `search.db`, a file beside an SQLite database that can be built anew at any time."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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

    async def state(self) -> State | None:
        """Return how far it is, None before the first time."""
        return await self._run(self._writer, _state)

    async def write(
        self, documents: Sequence[Document], *, before: State | None, after: State
    ) -> bool:
        """Put documents into it, and move from one state to another, in one transaction."""
        return await self._run(self._writer, lambda file: _write(file, documents, before, after))

    async def clear(self) -> bool:
        """Remove all entries."""
        await self._run(self._writer, _clear)
        return True

    async def find(
        self, wanted: Wanted, *, before: int, after: int, most: int
    ) -> Sequence[Candidate]:
        """Return the newest candidates with numbers between two, newest first."""
        is_many = len(wanted.rooms) > MAX_ROOMS and bool(wanted.words or wanted.choices)
        values: list[object] = [
            statements.expression(wanted, with_rooms=not is_many),
            before,
            after,
        ]
        if is_many:
            values.append(msgspec.json.encode([room.hex for room in wanted.rooms]).decode())
        statement = statements.FIND_IN_MANY if is_many else statements.FIND
        rows = await self._run(
            self._readers, lambda file: file.execute(statement, (*values, most)).fetchall()
        )
        return [Candidate(number, UUID(identifier), seq) for number, identifier, seq in rows]

    async def first_numbers(self, places: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Return the first number of each conversation from a `seq` on, if it has any."""
        found = await self._numbers(statements.FIRST_NUMBER, list(places.items()))
        pairs = zip(places, found, strict=True)
        return {identifier: number for identifier, number in pairs if number is not None}

    async def numbers_at(self, places: Sequence[Place]) -> Sequence[int]:
        """Return the numbers of messages that it has."""
        found = await self._numbers(statements.NUMBER_AT, places)
        return [number for number in found if number is not None]

    async def close(self) -> None:
        """Close the file."""
        for threads in (self._writer, self._readers):
            await asyncio.to_thread(threads.shutdown)
        for connection in self._open:
            connection.close()
        self._open.clear()

    async def _numbers(self, statement: str, places: Sequence[Place]) -> list[int | None]:
        def read(file: sqlite3.Connection) -> list[int | None]:
            rows = (file.execute(statement, (one.hex, seq)).fetchone() for one, seq in places)
            return [row and row[0] for row in rows]

        return await self._run(self._readers, read)

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
                self._begin_anew()
                return work(self._connection())
        except (sqlite3.OperationalError, OSError) as error:
            raise Unavailable from error

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        if getattr(self._own, "files", None) != self._files:
            self._own.connection = self._opened()
            self._own.files = self._files
        connection: sqlite3.Connection = self._own.connection
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

    def _begin_anew(self) -> None:
        """Replace the file by an empty one."""
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
def _transaction(file: sqlite3.Connection) -> "contextlib._GeneratorContextManager[None]":
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")


def _write(
    file: sqlite3.Connection,
    documents: Sequence[Document],
    before: State | None,
    after: State,
) -> bool:
    with _transaction(file):
        if _state(file) != before:
            return False
        numbers: dict[UUID, int] = {}
        for document in documents:
            identifier = document.conversation_id
            if identifier not in numbers:
                numbers[identifier] = _number_of(file, identifier)
            _put(file, numbers[identifier], document)
        if after != before:
            file.execute(statements.WRITE_STATE, (msgspec.json.encode(after).decode(),))
    return True


def _number_of(file: sqlite3.Connection, conversation_id: UUID) -> int:
    row = file.execute(statements.FIND_CONVERSATION, (conversation_id.hex,)).fetchone()
    if row is None:
        row = file.execute(statements.ADD_CONVERSATION, (conversation_id.hex,)).fetchone()
    number: int = row[0]
    return number


def _put(file: sqlite3.Connection, conversation: int, document: Document) -> None:
    row = file.execute(statements.FIND_ENTRY, (conversation, document.seq)).fetchone()
    if row is None:
        if document.words is not None:
            [number] = file.execute(statements.ADD_ENTRY, (conversation, document.seq)).fetchone()
            file.execute(statements.ADD_WORDS, (number, " ".join(document.words)))
        return
    [number] = row
    if document.words is None:
        file.execute(statements.REMOVE_ENTRY, (number,))
    elif document.edited_at is not None:
        # Changes of a message other than of its text come here, too.
        edited_at = document.edited_at.isoformat()
        known = file.execute(statements.FIND_EDITED, (number,)).fetchone()
        if known is None or known[0] != edited_at:
            words = " ".join((*document.words, statements.EDITED))
            file.execute(statements.ADD_WORDS, (number, words))
            file.execute(statements.ADD_EDITED, (number, edited_at))


def _clear(file: sqlite3.Connection) -> None:
    with _transaction(file):
        for statement in statements.CLEAR:
            file.execute(statement)
