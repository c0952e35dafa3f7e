"""Fill an empty database from a source, and compare both."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Uuid, bindparam, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_app.archive.codec import Tally, encode
from chat_app.archive.errors import ArchiveError
from chat_app.archive.schema import INDEX_TABLES, Shape, schema_at
from chat_app.archive.sources import Progress, Source
from chat_app.archive.tables import Rows, read_table, write_table
from chat_app.core import migrations


async def fill(connection: AsyncConnection, source: Source, progress: Progress) -> None:
    """Write all of `source` into an empty database, compare, and migrate it to this code's schema.

    The caller owns the transaction and must roll it back after an ArchiveError.
    """
    await connection.run_sync(migrations.upgrade_on, source.revision)
    if connection.dialect.name == "sqlite":
        # A row may refer to a later one; SQLite checks all of them at the commit.
        await connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    for shape in source.shapes:
        progress.begin(shape.name, source.counts[shape.name])
        source_tally, own_tally = Tally(), Tally()
        await write_table(connection, shape, _tallied(source.rows(shape), source_tally, progress))
        source.confirm(shape, source_tally)
        progress.begin(f"{shape.name}, compared", source.counts[shape.name])
        async for _ in _tallied(read_table(connection, shape), own_tally, progress):
            pass
        if (own_tally.rows, own_tally.digest) != (source_tally.rows, source_tally.digest):
            raise ArchiveError(f"{shape.name}: what was written is not what was read")
    await connection.run_sync(migrations.upgrade_on)
    await connection.run_sync(_begin_generation)


def _begin_generation(connection: Connection) -> None:
    """Give the database a name of its own, and an empty change log.

    Its conversations may get other messages than the source's under the same numbers: devices that
    have seen those load again.
    """
    connection.execute(text("DELETE FROM change_log"))
    connection.execute(
        text("UPDATE generation SET id = :id").bindparams(bindparam("id", type_=Uuid)),
        {"id": uuid4()},
    )


async def _tallied(rows: Rows, tally: Tally, progress: Progress) -> Rows:
    async for some in rows:
        tally.add(map(encode, some))
        yield some
        progress.advance(len(some))
        await asyncio.sleep(0)  # lets Ctrl-C through


def refuse_unless_empty(connection: Connection) -> None:
    """Raise ArchiveError for a database with rows of a chat or with foreign tables."""
    if _has_rows(connection, our_tables(connection)):
        raise ArchiveError("there is a chat in it already")


def refuse_others(connection: Connection) -> None:
    """Raise ArchiveError for a database with foreign tables."""
    our_tables(connection)


def clear_chat(connection: Connection, revision: str) -> None:
    """Delete every row of the chat, and the tables unless they are those of `revision`."""
    if shapes := our_tables(connection):
        present = inspect(connection).get_table_names()
        tables = [shape.name for shape in shapes] + [one for one in INDEX_TABLES if one in present]
        names = ", ".join(f'"{name}"' for name in tables)
        connection.execute(text(f"TRUNCATE {names}"))
        if migrations.revision_of(connection) != revision:
            migrations.downgrade_on(connection)


def our_tables(connection: Connection) -> Sequence[Shape]:
    """Return the chat's tables in a database. Raises ArchiveError for foreign tables."""
    revision = migrations.revision_of(connection)
    if revision is not None:
        return schema_at(revision)
    if inspect(connection).get_table_names():
        raise ArchiveError("it holds tables that are not the chat's")
    return ()


def _has_rows(connection: Connection, shapes: Sequence[Shape]) -> bool:
    statements = (text(f'SELECT 1 FROM "{shape.name}" LIMIT 1') for shape in shapes)  # noqa: S608  # names from our migrations
    return any(connection.execute(statement).first() for statement in statements)
