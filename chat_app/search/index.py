"""Index of the search: what each database keeps of messages, and how it is asked.

An index holds no texts. What it finds are candidates: the chat's own tables decide who may read
them, and their present text whether they fit. So it may find too much, but never too little.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol
from uuid import UUID
from zlib import crc32

import msgspec

from chat_app.search.criteria import Content
from chat_app.search.words import Pattern

# The end of the numbers of entries.
END = 2**63 - 1
# Words that are in no text: private letters separate words. Of an id 20 bits are enough, since
# candidates are checked. As one letter, because beginnings of three are indexed, too.
_ROOM, _SENDER, _CONTENT = "\ue000", "\ue001", "\ue002"
_FIRST_LETTER, _BITS = 0x10000, 0xFFFFF

Place = tuple[UUID, int]


def room_word(conversation_id: UUID) -> str:
    """Return the word of the messages of a conversation."""
    return _ROOM + _letter(conversation_id)


def sender_word(user_id: UUID) -> str:
    """Return the word of the messages of a sender."""
    return _SENDER + _letter(user_id)


def content_word(content: Content) -> str:
    """Return the word of the messages that have a link, a file or a picture."""
    return _CONTENT + content


def _letter(identifier: UUID) -> str:
    # All of the id: the last bits of one that somebody else has made may be the same everywhere.
    return chr(_FIRST_LETTER + (crc32(identifier.bytes) & _BITS))


class Document(NamedTuple):
    """A message as an index has it; without words it is deleted."""

    conversation_id: UUID
    seq: int
    words: frozenset[str] | None
    edited_at: datetime | None = None


class Candidate(NamedTuple):
    """The place of a message that may fit; numbers grow with the time of the messages."""

    number: int
    conversation_id: UUID
    seq: int


class Wanted(NamedTuple):
    """The conditions of candidates: a room, each word, one of each choice, no excluded words."""

    rooms: Sequence[UUID]
    words: Sequence[Pattern] = ()
    choices: Sequence[Sequence[str]] = ()
    # A message that has all words of one of these does not fit.
    excluded: Sequence[Sequence[Pattern]] = ()


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far an index is: it holds what was committed before its place in the change log.

    Before it follows the log, it is cleared, and all messages are read by id, up to `walked`.
    """

    generation: UUID
    version: int
    phase: Literal["clearing", "walking", "following"]
    # As a tail has it; `newest` is the newest position of the log then.
    place: int | str
    newest: int
    read_at: float
    walked: UUID


class Index(Protocol):
    """The index of one database. Its methods raise Unavailable."""

    async def state(self) -> State | None:
        """Return how far it is, None before the first time."""

    async def write(
        self, documents: Sequence[Document], *, before: State | None, after: State
    ) -> bool:
        """Put documents into it, and move from one state to another, in one transaction.

        Return False, and do nothing, unless it is in the state `before`: another process fills it.
        """

    async def clear(self, *, before: State) -> bool:
        """Remove entries while it is in the state `before`; return whether all are gone."""

    async def find(
        self, wanted: Wanted, *, before: int, after: int, most: int
    ) -> Sequence[Candidate]:
        """Return the newest candidates with numbers between two, newest first."""

    async def first_numbers(self, places: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Return the first number of each conversation from a `seq` on, if it has any."""

    async def numbers_at(self, places: Sequence[Place]) -> Sequence[int]:
        """Return the numbers of messages that it has."""

    async def close(self) -> None:
        """Close what it has open."""
