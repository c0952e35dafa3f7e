"""JSON rows: many rows as one JSON text, as a statement's parameter or its result.

`(a, b) IN ((…), (…))` makes SQLite read the whole table, and a statement for each row prepares
each row in Python and releases and acquires the interpreter lock each time. As JSON the rows are a
table to join with or to insert from, and the database does the rest.

Reading rows as one text costs a quarter: SQLAlchemy makes their ids and times one by one, in
Python. And the driver acquires the interpreter lock once, not for every row.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    FromClause,
    String,
    Subquery,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine
from sqlmodel import UTCDateTime

# Without dashes, as SQLite keeps them; PostgreSQL takes either.
_encoder = msgspec.json.Encoder(uuid_format="hex")


class JsonRows:
    """The rows of a parameter as a table; `columns` holds its columns by name."""

    def __init__(
        self, dialect: str, parameter_name: str = "rows", /, **types: type[TypeEngine[Any]]
    ) -> None:
        parameter = bindparam(parameter_name, type_=String)
        self.table: FromClause
        self.columns: dict[str, ColumnElement[Any]]
        if dialect == "sqlite":
            rows = func.json_each(parameter).table_valued("value", name="given")
            self.table = rows
            self.columns = {
                name: func.json_extract(rows.c.value, f"$.{name}", type_=kind)
                for name, kind in types.items()
            }
        else:
            typed = (column(name, kind) for name, kind in types.items())
            rows = func.jsonb_to_recordset(cast(parameter, JSONB)).table_valued(
                *typed, name="given"
            )
            self.table = rows.render_derived(with_types=True)
            self.columns = {name: self.table.c[name] for name in types}


def as_parameter(rows: Sequence[object]) -> str:
    """Encode dictionaries or structs with the names of the columns as such a parameter."""
    return _encoder.encode(rows).decode()


def as_json(dialect: str, rows: Subquery) -> ColumnElement[str | None]:
    """Return all `rows` as a JSON array of objects, unordered; PostgreSQL has NULL for no rows."""
    is_sqlite = dialect == "sqlite"
    parts: list[ColumnElement[Any]] = []
    for name, value in rows.c.items():
        # SQLite keeps times without the offset, which is that of UTC.
        is_bare = is_sqlite and isinstance(value.type, UTCDateTime)
        shown = value.op("||")(literal_column("'Z'")) if is_bare else value
        parts += [literal_column(f"'{name}'"), shown]
    if is_sqlite:
        return func.json_group_array(func.json_object(*parts), type_=Text)
    return cast(func.json_agg(func.json_build_object(*parts)), Text)
