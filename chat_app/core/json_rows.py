"""JSON rows: many rows as one JSON text, as a statement's parameter or its result.

`(a, b) IN ((…), (…))` makes SQLite read the whole table, and a statement for each row prepares
each row in Python and releases and acquires the interpreter lock each time. As JSON the rows are a
table to join with or to insert from, and the database does the rest.

Reading rows as one text costs a quarter: SQLAlchemy makes their ids and times one by one, in
Python. And the driver acquires the interpreter lock once, not for every row. A list of any length
is read as several texts, since decoding one holds the event loop.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    String,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine
from sqlmodel import UTCDateTime

from chat_app.core.time_slice import TimeSlice

# Columns of tables and of models, by the names that they get.
Columns: TypeAlias = Mapping[str, Any]
Decoded = TypeVar("Decoded")
# Rows that are decoded in one step, which takes a fraction of a millisecond.
PIECE_SIZE = 200

# Without dashes, as SQLite keeps them; PostgreSQL takes either.
_encoder = msgspec.json.Encoder(uuid_format="hex")


class JsonRows:
    """The rows of a parameter as a table; `columns` holds its columns by name."""

    def __init__(
        self, dialect: str, parameter_name: str = "rows", /, **types: type[TypeEngine[Any]]
    ) -> None:
        self.dialect = dialect
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
            given = cast(parameter, JSONB)
            rows = func.jsonb_to_recordset(given).table_valued(*typed, name="given")
            self.table = self._with_number(rows.render_derived(with_types=True), given)
            self.columns = {name: self.table.c[name] for name in types}

    def _with_number(self, rows: FromClause, given: ColumnElement[Any]) -> FromClause:  # noqa: ARG002  # counted ones take it
        return rows


class CountedJsonRows(JsonRows):
    """The same, for statements that join them with large tables.

    PostgreSQL expects a hundred rows of a function, and reads whole tables to join with so many. A
    limit of as many as there are tells it their number; it then plans anew for each execution.
    """

    def _with_number(self, rows: FromClause, given: ColumnElement[Any]) -> FromClause:
        counted = select(rows).limit(func.jsonb_array_length(given))
        return counted.subquery("given_rows")


def for_each(given: JsonRows, found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Select what `found` finds for each given row; it names their columns in its conditions.

    PostgreSQL expects a hundred rows and keeps its plan while tables grow: in a join it may read
    all of a large table, or walk through it in the order of a limit. It does not merge a sub-select
    with an offset into a join, and looks up each row by an index.
    """
    if given.dialect == "sqlite":
        return found.select_from(given.table)
    of_row = found.offset(literal_column("0")).lateral("found")
    return select(*of_row.c).select_from(given.table).join(of_row, true())


def as_parameter(rows: Sequence[object]) -> str:
    """Encode dictionaries or structs with the names of the columns as such a parameter."""
    return _encoder.encode(rows).decode()


async def as_large_parameter(rows: Iterable[object]) -> str:
    """Encode any number of rows as the parameter `rows`; other tasks may run meanwhile."""
    time_slice = TimeSlice()
    texts, left = [], iter(rows)
    while some := list(islice(left, PIECE_SIZE)):
        texts.append(as_parameter(some)[1:-1])
        await time_slice.pause()
    return f"[{','.join(texts)}]"


def as_object(dialect: str, columns: Columns) -> ColumnElement[str]:
    """Return the columns as one JSON object."""
    function = "json_object" if dialect == "sqlite" else "json_build_object"
    built = getattr(func, function)(*_parts(dialect, columns), type_=Text)
    return built if dialect == "sqlite" else cast(built, Text)


def as_array(dialect: str, columns: Columns) -> ColumnElement[str | None]:
    """Return all rows as a JSON array of objects, unordered; PostgreSQL has NULL for no rows."""
    parts = _parts(dialect, columns)
    if dialect == "sqlite":
        return func.json_group_array(func.json_object(*parts), type_=Text)
    return cast(func.json_agg(func.json_build_object(*parts)), Text)


def in_pieces(
    dialect: str,
    rows: Select[*tuple[Any, ...]],
    *order: ColumnElement[Any],
    size: int = PIECE_SIZE,
) -> Select[*tuple[Any, ...]]:
    """Select `rows` as JSON arrays of `size` objects, for `decode_pieces`.

    The pieces are in `order`, the objects of one are in no order; their `place` is their rank.
    """
    place = func.row_number().over(order_by=order or None)
    numbered = rows.add_columns(place.label("place")).subquery("numbered")
    piece = (numbered.c.place - 1) // size
    objects = as_array(dialect, dict(numbered.c.items())).label("rows")
    return select(objects).group_by(piece).order_by(piece)


async def decode_pieces(
    pieces: Iterable[Row[*tuple[Any, ...]]], decode: Callable[[str], list[Decoded]]
) -> AsyncIterator[list[Decoded]]:
    """Yield the decoded rows of each piece; other tasks may run between two of them."""
    time_slice = TimeSlice()
    for piece in pieces:
        yield decode(piece[0])
        await time_slice.pause()


def _parts(dialect: str, columns: Columns) -> list[ColumnElement[Any]]:
    parts: list[ColumnElement[Any]] = []
    for name, value in columns.items():
        # SQLite keeps times without the offset, which is that of UTC.
        is_bare = dialect == "sqlite" and isinstance(value.type, UTCDateTime)
        shown = value.op("||")(literal_column("'Z'")) if is_bare else value
        parts += [literal_column(f"'{name}'"), shown]
    return parts
