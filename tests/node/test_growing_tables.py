"""Statements planned while their tables were small stay cheap as these grow."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from chat_app.core.ids import new_id
from chat_app.core.json_rows import as_parameter
from chat_app.messages import queries as messages
from chat_app.messages.log.changes.statements import change_statements
from chat_app.messages.log.statements import messages_at, send_statements
from chat_app.node.node import Node
from chat_app.search import queries as search
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_still_node
from tests.harness.statements import executed

CONVERSATIONS = 50
# So many rows of a function are expected; each conversation is asked for its latest message.
ASKED = 5
# PostgreSQL takes a plan for all values after five executions.
EXECUTIONS = 10


class Chat(NamedTuple):
    """A reader's conversations in a database without statistics, and a connection to it."""

    node: Node
    connection: "asyncpg.Connection[Any]"
    reader: UUID
    rooms: Sequence[UUID]

    async def grow(self, first: int, last: int) -> None:
        """Add messages with these numbers to each conversation."""
        await self.connection.execute(
            """
            INSERT INTO message (id, conversation_id, seq, rev, client_id, sender_id, content,
                    created_at)
            SELECT lpad(to_hex(seq * 1000 + place), 32, '0')::uuid, room, seq, seq,
                room || '-' || seq, $2, 'hello', now()
            FROM unnest($1::uuid[]) WITH ORDINALITY AS rooms(room, place),
                generate_series($3::int, $4::int) AS seq
            """,
            self.rooms,
            self.reader,
            first,
            last,
        )

    async def rows_read(self, statement: str, values: Sequence[Any]) -> int:
        """Return how many rows of `message` a statement reads."""
        async with self.connection.transaction():
            before = await self._rows_read()
            await self.connection.fetch(statement, *values)
            return await self._rows_read() - before

    async def _rows_read(self) -> int:
        """Return the count of this connection; what is not reported yet is in it."""
        counted = await self.connection.fetchval(
            "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
            " FROM pg_stat_xact_user_tables WHERE relname = 'message'"
        )
        return int(counted)


@pytest_asyncio.fixture
async def chat(storage: Storage) -> AsyncIterator[Chat]:
    """Yield conversations with a few hundred messages each, of which there are no statistics."""
    url = make_url(storage.database_url).set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        # References need no check, and no statistics come in the middle.
        await connection.execute("SET session_replication_role = replica")
        for table in ("message", "member", "conversation"):
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        async with open_still_node(storage) as node:
            reader = await new_user(node)
            rooms = [new_id() for _ in range(CONVERSATIONS)]
            await connection.execute(
                """
                INSERT INTO conversation (id, kind, title, created_by, last_seq, last_rev,
                        created_at, updated_at, changed_at)
                SELECT room, 'group', 'Group', $2, 1, 1, now(), now(), now()
                FROM unnest($1::uuid[]) AS room
                """,
                rooms,
                reader,
            )
            await connection.execute(
                """
                INSERT INTO member (conversation_id, user_id, opened, last_read_seq, read_seq,
                        delivered_seq, joined_at)
                SELECT room, $2, true, 0, 0, 0, now() FROM unnest($1::uuid[]) AS room
                """,
                rooms,
                reader,
            )
            chat = Chat(node, connection, reader, rooms)
            await chat.grow(1, 40)
            yield chat
    finally:
        await connection.close()


async def newest_asked(chat: Chat, rev: int) -> list[tuple[str, Any]]:
    """Ask for the messages of some conversations at or after a `rev`; return the statements."""
    database, rooms = chat.node.database, chat.rooms[:ASKED]
    places = [(room, rev) for room in rooms]
    at = as_parameter([{"id": room, "rev": rev} for room in rooms])
    sends = [{"sender_id": chat.reader, "client_id": f"{room}-{rev}"} for room in rooms]
    ids = await database.fetch_all(messages_at(database.dialect), {"rows": at})
    changed = as_parameter([{"id": row.id} for row in ids])
    with executed() as asked:
        await search.documents_changed(
            database, dict.fromkeys(rooms, rev), after=UUID(int=0), most=500
        )
        await database.fetch_all(messages_at(database.dialect), {"rows": at})
        await database.fetch_all(
            send_statements(database.dialect).earlier, {"rows": as_parameter(sends)}
        )
        await database.fetch_all(change_statements(database.dialect).messages, {"rows": changed})
        await messages.changes_since(
            database, viewer_id=chat.reader, cursors=dict.fromkeys(rooms, rev - 1)
        )
        await search.texts_at(database, viewer_id=chat.reader, places=places)
    return [(statement, values) for statement, values in asked if "message" in statement]


@pytest.mark.parametrize("pair", ["postgres+redis"], indirect=True)
async def test_plans_of_small_tables_read_few_rows_of_large_ones(chat: Chat) -> None:
    planned = await newest_asked(chat, 40)
    for statement, values in planned:
        for _ in range(EXECUTIONS):
            await chat.connection.fetch(statement, *values)
    await chat.grow(41, 1_000)

    asked = await newest_asked(chat, 1_000)

    read = {statement: await chat.rows_read(statement, values) for statement, values in asked}
    assert len(read) == len(planned) == 6
    assert {statement: rows for statement, rows in read.items() if rows != ASKED} == {}
