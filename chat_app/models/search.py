"""Tables of the search in PostgreSQL; beside SQLite they are in a file of their own.

They are made of the messages, and no backup has them.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from chat_app.models.base import Table as Base

SEARCH = MetaData(naming_convention=Base.metadata.naming_convention)

# How far the index is: one row.
SEARCH_STATE = Table(
    "search_state",
    SEARCH,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),
)
# Messages that can be found; their numbers grow with their time. Without references: its rows go
# after those of the messages.
SEARCH_ENTRY = Table(
    "search_entry",
    SEARCH,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("conversation_id", Uuid, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    UniqueConstraint("conversation_id", "seq"),
    # What waits to be put into the index is compared with a search one by one: few kilobytes.
    Index(
        "ix_search_entry_words",
        "words",
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 128},
    ),
)
