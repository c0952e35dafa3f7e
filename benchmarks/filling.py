"""Fill a database with millions of messages in minutes: it writes them itself, row from row."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert, text

from benchmarks.stage import Person
from chat_app.core.ids import new_id
from chat_app.models import Conversation, Member
from chat_app.node.node import Node

AT_ONCE = 1_000

COLUMNS = "id, conversation_id, seq, rev, client_id, sender_id, content, created_at"
SQLITE = f"""
WITH RECURSIVE place(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM place WHERE seq < :length)
INSERT INTO message ({COLUMNS})
SELECT printf('%012x7000%016x', :number, seq), :conversation, seq, seq,
  printf('%08x-0000-4000-8000-%012x', :number, seq),
  CASE seq % 2 WHEN 0 THEN :one ELSE :other END,
  printf('%0*d', :size, seq), datetime('2026-01-01', seq || ' seconds') || '.000000'
FROM place
"""  # noqa: S608  # columns of ours
POSTGRES = f"""
INSERT INTO message ({COLUMNS})
SELECT CAST(
    lpad(to_hex(CAST(:number AS bigint)), 12, '0') || '7000' || lpad(to_hex(seq), 16, '0') AS uuid),
  CAST(:conversation AS uuid), seq, seq,
  lpad(to_hex(CAST(:number AS bigint)), 8, '0') || '-0000-4000-8000-' || lpad(to_hex(seq), 12, '0'),
  CASE seq % 2 WHEN 0 THEN CAST(:one AS uuid) ELSE CAST(:other AS uuid) END,
  lpad(seq::text, CAST(:size AS int), '0'),
  TIMESTAMPTZ '2026-01-01' + seq * interval '1 second'
FROM generate_series(1, CAST(:length AS bigint)) AS seq
"""  # noqa: S608  # columns of ours


class Thread(NamedTuple):
    """A direct conversation of two people that is to have `length` messages of `size` bytes."""

    one: Person
    other: Person
    length: int
    id: UUID
    size: int


def thread(one: Person, other: Person, length: int, *, size: int = 50) -> Thread:
    """Plan a conversation."""
    return Thread(one, other, length, new_id(), size)


async def fill(node: Node, threads: Sequence[Thread]) -> None:
    """Write conversations with their messages; both have read all but the last ten."""
    async with node.database.transaction() as connection:
        for start in range(0, len(threads), AT_ONCE):
            some = threads[start : start + AT_ONCE]
            await connection.execute(insert(Conversation), [_conversation(one) for one in some])
            members = [_member(one, who) for one in some for who in (one.one, one.other)]
            await connection.execute(insert(Member), members)
    if node.database.is_sqlite:
        _fill_sqlite(node, threads)
    else:
        await _fill_postgres(node, threads)


def _conversation(one: Thread) -> dict[str, object]:
    low, high = sorted((one.one.id, one.other.id))
    return {
        "id": one.id,
        "kind": "direct",
        "title": "",
        "direct_key": f"{low}:{high}",
        "created_by": one.one.id,
        "last_seq": one.length,
        "last_rev": one.length,
    }


def _member(one: Thread, who: Person) -> dict[str, object]:
    read = max(0, one.length - 10)
    marks = {"last_read_seq": read, "read_seq": read, "delivered_seq": one.length}
    return {"conversation_id": one.id, "user_id": who.id, "opened": True, **marks}


def _values(number: int, one: Thread, key: Callable[[UUID], str]) -> dict[str, object]:
    ids = {"conversation": key(one.id), "one": key(one.one.id), "other": key(one.other.id)}
    return {"number": number, "length": one.length, "size": one.size, **ids}


async def _fill_postgres(node: Node, threads: Sequence[Thread]) -> None:
    async with node.database.transaction() as connection:
        # Every row's foreign keys are right; looking each up would take longer than writing it.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("SET LOCAL synchronous_commit = off"))
        for number, one in enumerate(threads):
            await connection.execute(text(POSTGRES), _values(number, one, str))
        # As autovacuum would have done by now.
        await connection.execute(text("ANALYZE"))
    async with node.database.transaction() as connection:
        # Or what was written would be copied to its place while something else is measured.
        await connection.execute(text("CHECKPOINT"))


def _fill_sqlite(node: Node, threads: Sequence[Thread]) -> None:
    path = node.settings.database_address.partition("///")[2]
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=OFF", "cache_size=-200000", "wal_autocheckpoint=50000"):
        connection.execute(f"PRAGMA {pragma}")
    for start in range(0, len(threads), AT_ONCE):
        connection.execute("BEGIN IMMEDIATE")
        for number, one in enumerate(threads[start : start + AT_ONCE], start):
            connection.execute(SQLITE, _values(number, one, lambda identifier: identifier.hex))
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
