"""What is asked of the database, and how it goes about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from chat_app.node import Node


@contextmanager
def statements() -> Iterator[list[str]]:
    """Give a list that fills with every statement sent to any database, transactions included."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: Any) -> None:  # noqa: ANN401  # the listener's own arguments
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def plan_of(node: Node, question: str) -> list[str]:
    """Return the plan that SQLite makes for a question, a line a step."""
    values = (None,) * question.count("?")
    return await node.database.transact(
        lambda connection: [
            row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", values)
        ]
    )
