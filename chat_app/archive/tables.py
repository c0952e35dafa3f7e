"""Read and write whole tables, some thousand rows at a time."""

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_app.archive.codec import Row, Value
from chat_app.archive.schema import Column, Shape

BATCH_SIZE = 2_000
# PostgreSQL's expression for a value of a kind in the form of the archive.
EXPRESSIONS = {
    "id": """replace("{}"::text, '-', '')""",
    "time": """to_char("{}" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')""",
    "flag": '"{}"::int',
    "number": '"{}"',
    "text": '"{}"',
}

Rows = AsyncIterator[list[Row]]


async def count_rows(connection: AsyncConnection, shape: Shape) -> int:
    """Count the rows of a table."""
    counted = await connection.execute(text(f'SELECT count(*) FROM "{shape.name}"'))  # noqa: S608  # a name from our migrations
    return int(counted.scalar_one())


async def read_table(connection: AsyncConnection, shape: Shape) -> Rows:
    """Yield all rows of a table. The connection's transaction must have begun."""
    driver = await _driver(connection)
    if connection.dialect.name == "sqlite":
        names = ", ".join(f'"{name}"' for name in shape.column_names)
        sql = f'SELECT {names} FROM "{shape.name}"'  # noqa: S608  # names from our migrations
        plain_cursor: sqlite3.Cursor = await driver.run(lambda plain: plain.execute(sql))
        while rows := await driver.run(lambda _: plain_cursor.fetchmany(BATCH_SIZE)):
            yield rows
    else:
        columns = ", ".join(map(_expression, shape.columns))
        # Closed explicitly: a table with an open cursor cannot be migrated.
        cursor = f'"copied {shape.name}"'
        await driver.execute(
            f'DECLARE {cursor} NO SCROLL CURSOR FOR SELECT {columns} FROM "{shape.name}"'  # noqa: S608  # names from our migrations
        )
        while records := await driver.fetch(f"FETCH {BATCH_SIZE} FROM {cursor}"):
            yield [tuple(record) for record in records]
        await driver.execute(f"CLOSE {cursor}")


async def write_table(connection: AsyncConnection, shape: Shape, rows: Rows) -> None:
    """Add rows to a table, in the transaction of the connection."""
    driver = await _driver(connection)
    if connection.dialect.name == "sqlite":
        names = ", ".join(f'"{name}"' for name in shape.column_names)
        places = ", ".join("?" for _ in shape.columns)
        sql = f'INSERT INTO "{shape.name}" ({names}) VALUES ({places})'  # noqa: S608  # names from our migrations
        async for some in rows:
            await driver.run(lambda plain, some=some: plain.executemany(sql, some))
    else:
        await connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
        await driver.copy_to_table(
            shape.name, source=_copied(rows), columns=shape.column_names, format="text"
        )


async def _driver(connection: AsyncConnection) -> Any:  # noqa: ANN401  # asyncpg's connection, or ours over sqlite3
    return (await connection.get_raw_connection()).driver_connection


def _expression(column: Column) -> str:
    return EXPRESSIONS[column.kind].format(column.name)


async def _copied(rows: Rows) -> AsyncIterator[bytes]:
    async for some in rows:
        yield "".join(_copy_lines(some)).encode()


def _copy_lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield "\t".join(map(_copy_value, row)) + "\n"


def _copy_value(value: Value) -> str:
    """Encode a value for PostgreSQL's COPY."""
    if value is None:
        return r"\N"
    if isinstance(value, int):
        return str(value)
    return (
        value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
