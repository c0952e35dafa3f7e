"""Statements of the index in PostgreSQL, in its own SQL.

`array_to_tsvector` and the cast to `tsquery` take words as they are: no parser or dictionary has
a say.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, String, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from chat_app.models.tables import CONVERSATIONS
from chat_app.search.index import Wanted, room_word
from chat_app.search.words import Pattern

# The newest entries, which are read by number: with a frequent word they are enough.
NEWEST = 20_000
REMOVED_AT_ONCE = 5_000

_ROOMS = bindparam("rooms", type_=ARRAY(Uuid))
_NUMBERS = [bindparam(name, type_=BigInteger) for name in ("before", "after", "most")]
_GIVEN = bindparam("given", type_=Text)

TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)").bindparams(
    bindparam("lock", type_=BigInteger)
)
READ_STATE = text("SELECT value FROM search_state")
WRITE_STATE = text(
    "INSERT INTO search_state (id, value) VALUES (1, :value)"
    " ON CONFLICT (id) DO UPDATE SET value = excluded.value"
).bindparams(bindparam("value", type_=Text))
# After all messages were read; the database does so by itself, but later.
ANALYZE = text("ANALYZE search_entry")
# Numbers are given in the order of the rows.
PUT = text("""
INSERT INTO search_entry (conversation_id, seq, words)
SELECT one.conversation_id, one.seq, array_to_tsvector(one.words)
FROM jsonb_to_recordset(CAST(:given AS jsonb))
    AS one(place int, conversation_id uuid, seq bigint, words text[])
ORDER BY one.place
ON CONFLICT (conversation_id, seq) DO UPDATE SET words = excluded.words
WHERE search_entry.words <> excluded.words
""").bindparams(_GIVEN)
REMOVE = text("""
DELETE FROM search_entry USING (
    SELECT * FROM jsonb_to_recordset(CAST(:given AS jsonb)) AS one(conversation_id uuid, seq bigint)
) AS gone
WHERE search_entry.conversation_id = gone.conversation_id AND search_entry.seq = gone.seq
""").bindparams(_GIVEN)
REMOVE_SOME = text("""
DELETE FROM search_entry WHERE number IN (
    SELECT number FROM search_entry ORDER BY number LIMIT :most
)
""").bindparams(_NUMBERS[2])
# Those of a group that is being deleted; its conversation goes after them.
REMOVE_OF_GROUPS = text("""
DELETE FROM search_entry WHERE number IN (
    SELECT search_entry.number FROM conversation
    JOIN search_entry ON search_entry.conversation_id = conversation.id
    WHERE conversation.deleted_at < :deleted_before LIMIT :most
)
""").bindparams(bindparam("deleted_before", type_=CONVERSATIONS.c.deleted_at.type), _NUMBERS[2])
# The values decide how it is best found; a plan for any values would read by number all the time.
# The planner does not know that comparing a row with the words of hundreds of conversations takes
# longer than reading it: it must not read all rows for that.
PLANS = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('enable_seqscan', 'off', true)"
)
_PICKED = "SELECT number, conversation_id, seq FROM"
_END = "ORDER BY number DESC LIMIT :most"
IN_NEWEST = text(f"""
{_PICKED} (
    SELECT number, conversation_id, seq, words FROM search_entry
    WHERE number < :before AND number > :after ORDER BY number DESC LIMIT {NEWEST}
) AS newest
WHERE conversation_id = ANY(:rooms) AND words @@ CAST(:wanted AS tsquery) {_END}
""").bindparams(_ROOMS, *_NUMBERS, bindparam("wanted", type_=String))  # noqa: S608  # ours
# With a limit or the numbers in the CTE, the planner would read by number.
IN_ALL = text(f"""
WITH found AS MATERIALIZED (
    {_PICKED} search_entry WHERE words @@ CAST(:wanted AS tsquery)
)
{_PICKED} found
WHERE conversation_id = ANY(:rooms) AND number < :before AND number > :after {_END}
""").bindparams(_ROOMS, *_NUMBERS, bindparam("wanted", type_=String))  # ours
# Numbers of one conversation grow with `seq`, but for what was stored at the same moment.
FIRST_NUMBERS = text("""
SELECT given.conversation_id, first.number
FROM jsonb_to_recordset(CAST(:given AS jsonb)) AS given(conversation_id uuid, seq bigint)
CROSS JOIN LATERAL (
    SELECT min(number) AS number FROM (
        SELECT number FROM search_entry
        WHERE search_entry.conversation_id = given.conversation_id
            AND search_entry.seq >= given.seq
        ORDER BY search_entry.seq LIMIT 100
    ) AS few
) AS first
WHERE first.number IS NOT NULL
""").bindparams(_GIVEN)
NUMBERS_AT = text("""
SELECT number FROM jsonb_to_recordset(CAST(:given AS jsonb))
    AS given(conversation_id uuid, seq bigint)
JOIN search_entry USING (conversation_id, seq)
""").bindparams(_GIVEN)


def expression(wanted: Wanted, *, with_rooms: bool) -> str:
    """Return the `tsquery`, in its own language; each word is in quotes."""
    groups = [_all(wanted.words)] if wanted.words else []
    groups += [_any(choice) for choice in wanted.choices]
    if with_rooms:
        groups.append(_any(sorted({room_word(room) for room in wanted.rooms})))
    groups += [f"!({_all(words)})" for words in wanted.excluded]
    return " & ".join(f"({group})" for group in groups)


def _all(patterns: Iterable[Pattern]) -> str:
    return " & ".join(f"'{one.word}'{':*' if one.is_prefix else ''}" for one in patterns)


def _any(words: Sequence[str]) -> str:
    return " | ".join(f"'{word}'" for word in words)
