"""The index in PostgreSQL's table `search_entry`; one node at a time fills it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
from sqlalchemy.engine import Connection

from chat_app.core.database import Database
from chat_app.search.index import Candidate, Document, Place, State, Wanted
from chat_app.search.server import statements

# PostgreSQL's number for the lock of the node that fills it; any number of ours will do.
LOCK = 7_346_209_117

_decode_state = msgspec.json.Decoder(State).decode


class ServerIndex:
    """The index in the chat's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(self) -> State | None:
        """Return how far it is, None before the first time."""
        async with self._database.reading() as session:
            value = await session.scalar(statements.READ_STATE)
        return _decode_state(value) if value else None

    async def write(
        self, documents: Sequence[Document], *, before: State | None, after: State
    ) -> bool:
        """Put documents into it, and move from one state to another, in one transaction."""
        return await self._database.transact(partial(_write, documents, before, after))

    async def clear(self, *, before: State) -> bool:
        """Remove some thousand entries while it is in a state; return whether all are gone."""
        return await self._database.transact(partial(_clear, before))

    async def find(
        self, wanted: Wanted, *, before: int, after: int, most: int
    ) -> Sequence[Candidate]:
        """Return the newest candidates with numbers between two, newest first."""
        values: dict[str, object] = {
            "rooms": list(wanted.rooms),
            "before": before,
            "after": after,
            "most": most,
        }
        # Naming the conversations among the words is quick only with the index of words.
        few = statements.expression(wanted, with_rooms=False)
        all_words = statements.expression(wanted, with_rooms=True)
        async with self._database.reading() as session:
            await session.execute(statements.PLANS)
            rows = list(
                await session.execute(statements.IN_NEWEST, {**values, "wanted": few or all_words})
            )
            if len(rows) < most:
                found = await session.execute(statements.IN_ALL, {**values, "wanted": all_words})
                rows = list(found)
        return [Candidate(*row) for row in rows]

    async def first_numbers(self, places: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Return the first number of each conversation from a `seq` on, if it has any."""
        async with self._database.reading() as session:
            rows = await session.execute(
                statements.FIRST_NUMBERS, {"given": _given(list(places.items()))}
            )
            return {row.conversation_id: row.number for row in rows}

    async def numbers_at(self, places: Sequence[Place]) -> Sequence[int]:
        """Return the numbers of messages that it has."""
        async with self._database.reading() as session:
            rows = await session.scalars(statements.NUMBERS_AT, {"given": _given(places)})
            return list(rows)

    async def close(self) -> None:
        """Do nothing: the database is closed by itself."""


def remove_entries_of_groups(connection: Connection, before: datetime, count: int) -> int:
    """Delete at most `count` entries of groups deleted before a time; return how many.

    Beside SQLite the entries are in another file, and are left there: nobody is in the group.
    """
    if connection.dialect.name == "sqlite":
        return 0
    values = {"deleted_before": before, "most": count}
    return connection.execute(statements.REMOVE_OF_GROUPS, values).rowcount


def _given(places: Sequence[Place]) -> str:
    rows = [{"conversation_id": identifier, "seq": seq} for identifier, seq in places]
    return msgspec.json.encode(rows).decode()


def _is_in(state: State | None, connection: Connection) -> bool:
    """Take the lock; return whether nobody else has it and the index is in a state."""
    if not connection.execute(statements.TRY_LOCK, {"lock": LOCK}).scalar_one():
        return False
    value = connection.execute(statements.READ_STATE).scalar()
    return (_decode_state(value) if value else None) == state


def _write(
    documents: Sequence[Document], before: State | None, after: State, connection: Connection
) -> bool:
    if not _is_in(before, connection):
        return False
    kept = [one for one in documents if one.words is not None]
    gone = [(one.conversation_id, one.seq) for one in documents if one.words is None]
    if kept:
        connection.execute(statements.PUT, {"given": _rows(kept)})
    if gone:
        connection.execute(statements.REMOVE, {"given": _given(gone)})
    if after != before:
        connection.execute(statements.WRITE_STATE, {"value": msgspec.json.encode(after).decode()})
    if before is not None and before.phase == "walking" and after.phase == "following":
        connection.execute(statements.ANALYZE)
    return True


def _rows(documents: Sequence[Document]) -> str:
    rows = [
        {
            "place": place,
            "conversation_id": one.conversation_id,
            "seq": one.seq,
            "words": sorted(one.words or ()),
        }
        for place, one in enumerate(documents)
    ]
    return msgspec.json.encode(rows).decode()


def _clear(before: State, connection: Connection) -> bool:
    if not _is_in(before, connection):
        return False
    values = {"most": statements.REMOVED_AT_ONCE}
    return not connection.execute(statements.REMOVE_SOME, values).rowcount
