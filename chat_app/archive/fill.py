"""Filling an empty database from a source, and proving that both hold the same."""

import asyncio
from collections.abc import Sequence

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_app.archive.codec import Tally, encode
from chat_app.archive.errors import ArchiveError
from chat_app.archive.schema import Shape, schema_at
from chat_app.archive.sources import Progress, Source
from chat_app.archive.tables import Rows, read_table, write_table
from chat_app.core import migrations


async def fill(connection: AsyncConnection, source: Source, progress: Progress) -> None:
    """Write all of `source` into an empty database, compare, and migrate it to this code's schema.

    The transaction is the caller's: after an ArchiveError nothing of it may be kept.
    """
    await connection.run_sync(migrations.upgrade_on, source.revision)
    if connection.dialect.name == "sqlite":
        # A row may point at one that comes later; all is looked at in the end.
        await connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    for shape in source.shapes:
        progress.begin(shape.name, source.counts[shape.name])
        there, here = Tally(), Tally()
        await write_table(connection, shape, _tallied(source.rows(shape), there, progress))
        source.confirm(shape, there)
        progress.begin(f"{shape.name}, compared", source.counts[shape.name])
        async for _ in _tallied(read_table(connection, shape), here, progress):
            pass
        if (here.rows, here.digest) != (there.rows, there.digest):
            raise ArchiveError(f"{shape.name}: what was written is not what was read")
    await connection.run_sync(migrations.upgrade_on)


async def _tallied(rows: Rows, tally: Tally, progress: Progress) -> Rows:
    async for some in rows:
        tally.add(map(encode, some))
        yield some
        progress.advance(len(some))
        await asyncio.sleep(0)  # so that an interruption is noticed


def refuse_unless_empty(connection: Connection) -> None:
    """Raise ArchiveError where there is a row of the chat, or anything that is not the chat's."""
    if _has_rows(connection, our_tables(connection)):
        raise ArchiveError("there is a chat in it already")


def refuse_others(connection: Connection) -> None:
    """Raise ArchiveError where there is anything that is not the chat's."""
    our_tables(connection)


def make_room(connection: Connection, revision: str) -> None:
    """Remove every row of the chat, and the tables unless they are those of `revision`."""
    if there := our_tables(connection):
        names = ", ".join(f'"{shape.name}"' for shape in there)
        connection.execute(text(f"TRUNCATE {names}"))
        if migrations.revision_of(connection) != revision:
            migrations.downgrade_on(connection)


def our_tables(connection: Connection) -> Sequence[Shape]:
    """Return the tables of the chat in a database. Raises ArchiveError where others are."""
    revision = migrations.revision_of(connection)
    if revision is not None:
        return schema_at(revision)
    if inspect(connection).get_table_names():
        raise ArchiveError("it holds tables that are not the chat's")
    return ()


def _has_rows(connection: Connection, shapes: Sequence[Shape]) -> bool:
    statements = (text(f'SELECT 1 FROM "{shape.name}" LIMIT 1') for shape in shapes)  # noqa: S608  # names from our migrations
    return any(connection.execute(statement).first() for statement in statements)
