"""Record SQL statements, and explain how the database runs them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from chat_app.node.node import Node


@contextmanager
def statements(of: Connection | type[Engine] = Engine) -> Iterator[list[str]]:
    """Yield a list that collects every statement of one connection, or of all databases."""
    recorded: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: Any) -> None:  # noqa: ANN401  # the listener's own arguments
        recorded.append(statement)

    event.listen(of, "before_cursor_execute", record)
    try:
        yield recorded
    finally:
        event.remove(of, "before_cursor_execute", record)


async def plan_of(node: Node, statement: str) -> list[str]:
    """Return the plan that SQLite makes for a statement, a line a step."""
    values = (None,) * statement.count("?")
    return await node.database.transact(
        lambda connection: [
            row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    )


@contextmanager
def executed(*kinds: str) -> Iterator[list[tuple[str, Any]]]:
    """Yield a list that collects every SELECT, or other kinds of statement, with its values."""
    recorded: list[tuple[str, Any]] = []

    def record(_conn: object, _cursor: object, statement: str, values: object, *_: Any) -> None:  # noqa: ANN401  # the listener's own arguments
        if statement.lstrip().startswith(kinds or ("SELECT",)):
            recorded.append((statement, values))

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield recorded
    finally:
        event.remove(Engine, "before_cursor_execute", record)


async def explained(node: Node, statement: str, values: Any) -> list[str]:  # noqa: ANN401  # what the driver takes
    """Return the plan that either database makes for a statement with these values."""
    explain = "EXPLAIN QUERY PLAN" if node.database.is_sqlite else "EXPLAIN"
    async with node.database.transaction() as connection:
        rows = await connection.exec_driver_sql(f"{explain} {statement}", values)
        return [str(row[-1]) for row in rows]


async def steps_of(node: Node, statement: str, values: Any) -> int:  # noqa: ANN401  # what the driver takes
    """Return how many steps of its machine SQLite takes to answer a statement."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    def answer(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_progress_handler(count, 1)
        try:
            connection.exec_driver_sql(statement, values).all()
        finally:
            driver.set_progress_handler(None, 0)

    await node.database.transact(answer)
    return steps
