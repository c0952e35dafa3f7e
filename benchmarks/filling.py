"""Fill a database with millions of messages in minutes: it writes whole conversations itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import insert, text

from benchmarks.stage import Person
from chat_app.core.ids import new_id, pair_key
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


@dataclass(frozen=True)
class Thread:
    """A direct conversation of two people that is to have `length` messages of `size` bytes."""

    one: Person
    other: Person
    length: int
    size: int = 50
    id: UUID = field(default_factory=new_id)


async def fill(node: Node, threads: Sequence[Thread]) -> None:
    """Write conversations with their messages; both have read all but the last ten."""
    is_sqlite = node.database.is_sqlite
    for start in range(0, len(threads), AT_ONCE):
        some = threads[start : start + AT_ONCE]
        async with node.database.transaction() as connection:
            await connection.execute(insert(Conversation), [_conversation(one) for one in some])
            members = [_member(one, who) for one in some for who in (one.one, one.other)]
            await connection.execute(insert(Member), members)
            if not is_sqlite:
                # Every row's foreign keys are right; looking each up takes longer than writing it.
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
            messages = text(SQLITE if is_sqlite else POSTGRES)
            for number, one in enumerate(some, start):
                await connection.execute(messages, _values(number, one))
    # What is not in its place yet would be copied there while something else is measured.
    engine = node.database.engine.execution_options(chat_autocommit=True)
    async with engine.connect() as connection:
        if not is_sqlite:
            await connection.execute(text("ANALYZE"))  # as autovacuum would have done by now
        checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)" if is_sqlite else "CHECKPOINT"
        await connection.execute(text(checkpoint))
        await connection.commit()


def _conversation(one: Thread) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": "direct",
        "title": "",
        "direct_key": pair_key(one.one.id, one.other.id),
        "created_by": one.one.id,
        "last_seq": one.length,
        "last_rev": one.length,
    }


def _member(one: Thread, who: Person) -> dict[str, object]:
    read = max(0, one.length - 10)
    marks = {"last_read_seq": read, "read_seq": read, "delivered_seq": one.length}
    return {"conversation_id": one.id, "user_id": who.id, "opened": True, **marks}


def _values(number: int, one: Thread) -> dict[str, object]:
    ids = {"conversation": one.id.hex, "one": one.one.id.hex, "other": one.other.id.hex}
    return {"number": number, "length": one.length, "size": one.size, **ids}
