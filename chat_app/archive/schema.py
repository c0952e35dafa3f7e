"""The tables of a schema revision, read from the migrations applied to an empty database."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa

from chat_app.archive.errors import ArchiveError
from chat_app.core import migrations

# Alembic's table, and those of a running chat: what its nodes have yet to read, its generation, and
# the backup that is being made, which a copy does not share.
NOT_COPIED = ("alembic_version", "change_log", "generation", "backup_run")
# The index of the search, in PostgreSQL only; it is made of the messages.
INDEX_TABLES = ("search_state", "search_entry")
# SQLite's name of a type, and the kind of its values.
KINDS: Mapping[str, str] = {
    "CHAR": "id",
    "DATETIME": "time",
    "BOOLEAN": "flag",
    "SMALLINT": "number",
    "INTEGER": "number",
    "BIGINT": "number",
    "VARCHAR": "text",
    "TEXT": "text",
}


class Column(NamedTuple):
    """A column with the kind of its values, independent of the database."""

    name: str
    kind: str
    is_nullable: bool


class Shape(NamedTuple):
    """A table and its columns."""

    name: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in their order."""
        return [column.name for column in self.columns]


@cache
def schema_at(revision: str) -> tuple[Shape, ...]:
    """Return every table to copy at `revision`, those first that others refer to.

    Raises ArchiveError for a revision that this code does not know.
    """
    if not migrations.is_known(revision):
        raise ArchiveError(
            f"its schema {revision[:32]!r} is not known here: "
            "it belongs to a newer version of the chat; update this one first"
        )
    engine = sa.create_engine("sqlite://")
    metadata = sa.MetaData()
    with engine.begin() as connection:
        migrations.upgrade_on(connection, revision)
        metadata.reflect(connection)
    engine.dispose()
    return tuple(_shape(table) for table in metadata.sorted_tables if table.name not in NOT_COPIED)


def _shape(table: sa.Table) -> Shape:
    return Shape(
        str(table.name),
        tuple(
            Column(str(column.name), KINDS[type(column.type).__name__], bool(column.nullable))
            for column in table.columns
        ),
    )
