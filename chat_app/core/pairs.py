"""Asking for many pairs of values at once, each by one look into an index.

`(a, b) IN ((…), (…))` makes SQLite read the whole table, and every number of pairs is another
statement to compile. Here the pairs are rows to join with, made from one JSON parameter.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, FromClause, String, Text, Uuid, bindparam, cast, column, func
from sqlalchemy.dialects.postgresql import JSONB


class Pairs:
    """The rows `id` (a UUID) and `key` (a text, or a UUID's 32 digits) of one parameter."""

    rows: FromClause
    id: ColumnElement[UUID]
    key: ColumnElement[str]

    def __init__(self, dialect: str, *, key: type[Text | Uuid[UUID]] = Text) -> None:
        parameter = bindparam("pairs", type_=String)
        if dialect == "sqlite":
            rows = func.json_each(parameter).table_valued("value", name="pair")
            self.rows = rows
            self.id = func.json_extract(rows.c.value, "$.id", type_=Uuid)
            self.key = func.json_extract(rows.c.value, "$.key", type_=key)
        else:
            typed = func.jsonb_to_recordset(cast(parameter, JSONB)).table_valued(
                column("id", Uuid), column("key", key), name="pair"
            )
            self.rows = typed.render_derived(with_types=True)
            self.id, self.key = self.rows.c.id, self.rows.c.key


def as_parameter(pairs: Iterable[tuple[UUID, UUID | str]]) -> dict[str, str]:
    """Return the parameter that holds `pairs`."""
    rows = [
        {"id": first.hex, "key": second if isinstance(second, str) else second.hex}
        for first, second in pairs
    ]
    return {"pairs": msgspec.json.encode(rows).decode()}
