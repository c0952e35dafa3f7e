"""Results of the modelled database, as the driver gives them."""

import itertools
from collections.abc import Iterable
from typing import Any

import msgspec

from simulation.tables import Row


class Found:
    """A row of a result: its columns are attributes."""

    __slots__ = ("columns",)

    def __init__(self, columns: Row) -> None:
        self.columns = columns

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # any column
        try:
            return self.columns[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401  # any column
        return next(itertools.islice(self.columns.values(), place, None))


class Rows(list[Found]):
    """The result of a statement."""

    def all(self) -> "Rows":
        """Return all rows."""
        return self

    def first(self) -> Found | None:
        """Return the first row, None where there is none."""
        return self[0] if self else None


_json = msgspec.json.Encoder()


def rows_of(found: Iterable[Row]) -> Rows:
    """Return rows of a result."""
    return Rows(map(Found, found))


def text_of(value: object) -> str:
    """Return a value as a column of JSON."""
    return _json.encode(value).decode()


def pieces_of(found: Iterable[Row]) -> Rows:
    """Return rows as one JSON array, or nothing: a list this short is one piece."""
    rows = list(found)
    return rows_of([{"rows": text_of(rows)}]) if rows else Rows()
