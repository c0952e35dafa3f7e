"""Statements of the index in `search.db`, in SQLite's own SQL.

FTS5 keeps the words of each entry, and no text. A table without texts cannot delete words; but an
entry may be inserted once more, and then has the words of both. So an edited message keeps its
former words, and the word EDITED: no word is excluded for it by the index. Entries of deleted
messages are of no conversation.
"""

from collections.abc import Iterable, Sequence

from chat_app.search.index import Wanted, room_word
from chat_app.search.words import Pattern

EDITED = "\ue003"

# Of FTS5: `detail=none` keeps no places in the text, `columnsize=0` no lengths; the tokenizer
# separates at blanks, since all other ASCII signs are letters and digits here.
TABLES = """
CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS conversation (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS entry (
    number INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, seq INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS place (
    conversation INTEGER NOT NULL, block INTEGER NOT NULL, numbers BLOB NOT NULL,
    PRIMARY KEY (conversation, block)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edited (number INTEGER PRIMARY KEY, edited_at TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    word, content='', detail=none, columnsize=0, prefix='3', tokenize='ascii'
);
"""
READ_STATE = "SELECT value FROM state"
WRITE_STATE = "INSERT OR REPLACE INTO state (id, value) VALUES (1, ?)"
ADD_CONVERSATION = "INSERT INTO conversation (id) VALUES (?) RETURNING number"
FIND_CONVERSATION = "SELECT number FROM conversation WHERE id = ?"
# An index of the entries by conversation and `seq` would take more than twice as much: a block
# holds the numbers of so many places that follow each other, in so many bytes each, 0 for none.
BLOCK_SIZE, NUMBER_BYTES = 64, 5
FIND_BLOCK = "SELECT numbers FROM place WHERE conversation = ? AND block = ?"
FIND_BLOCKS = (
    "SELECT block, numbers FROM place WHERE conversation = ? AND block >= ? ORDER BY block LIMIT 3"
)
ADD_BLOCK = "INSERT OR REPLACE INTO place (conversation, block, numbers) VALUES (?, ?, ?)"
# Of one JSON text for all: the thread that runs a statement leaves Python's lock to others.
LAST_NUMBER = "SELECT coalesce(max(number), 0) FROM entry"
ADD_ENTRIES = """
INSERT INTO entry (number, conversation, seq)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
FROM json_each(?)
"""
ADD_WORDS_OF_ENTRIES = """
INSERT INTO words (rowid, word)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[3]') FROM json_each(?)
"""
# No conversation has the number 0; the row stays, so that its number is given to no other message.
REMOVE_ENTRY = "UPDATE entry SET conversation = 0 WHERE number = ?"
ADD_WORDS = "INSERT INTO words (rowid, word) VALUES (?, ?)"
FIND_EDITED = "SELECT edited_at FROM edited WHERE number = ?"
ADD_EDITED = "INSERT OR REPLACE INTO edited (number, edited_at) VALUES (?, ?)"
CLEAR = (
    "INSERT INTO words (words) VALUES ('delete-all')",
    "DELETE FROM entry",
    "DELETE FROM place",
    "DELETE FROM edited",
    "DELETE FROM conversation",
)
FIND = """
SELECT words.rowid, conversation.id, entry.seq
FROM words CROSS JOIN entry ON entry.number = words.rowid
    JOIN conversation ON conversation.number = entry.conversation
WHERE words MATCH ? AND words.rowid < ? AND words.rowid > ?
ORDER BY words.rowid DESC LIMIT ?
"""
# For people with more conversations than an expression should name.
FIND_IN_MANY = FIND.replace(
    "ORDER BY", "AND conversation.id IN (SELECT value FROM json_each(?)) ORDER BY"
)


def expression(wanted: Wanted, *, with_rooms: bool) -> str:
    """Return what FTS5 shall match, in its own language; each word is in quotes."""
    groups = [_all(wanted.words)] if wanted.words else []
    groups += [_any(choice) for choice in wanted.choices]
    if with_rooms:
        groups.append(_any(sorted({room_word(room) for room in wanted.rooms})))
    found = " AND ".join(f"({group})" for group in groups)
    if not wanted.excluded:
        return found
    excluded = " OR ".join(f"({_all(words)})" for words in wanted.excluded)
    return f'(({found}) NOT ({excluded})) OR ({found} AND "{EDITED}")'


def _all(patterns: Iterable[Pattern]) -> str:
    return " AND ".join(f'"{one.word}"{" *" if one.is_prefix else ""}' for one in patterns)


def _any(words: Sequence[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)
