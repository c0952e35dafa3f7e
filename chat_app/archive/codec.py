"""The codec of archived rows: one form for rows of both databases.

A row is a JSON array: ids as 32 digits, times in UTC as `2026-11-25 09:30:00.000000`, flags as 0
and 1. That is how SQLite keeps them; PostgreSQL converts on its side.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import TypeAlias

import msgspec

from chat_app.archive.schema import Shape

Value: TypeAlias = str | int | None
Row: TypeAlias = tuple[Value, ...]

encode = msgspec.json.Encoder().encode


class Tally:
    """Counts rows and sums a digest of their content that does not depend on their order.

    The digest is the sum of the rows' SHA-256: two databases return equal rows in different order,
    and sorting millions of them would take longer than all the rest.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, lines: Iterable[bytes]) -> None:
        """Add encoded rows."""
        for line in lines:
            self._sum += int.from_bytes(sha256(line).digest(), "big")
            self.rows += 1

    @property
    def digest(self) -> str:
        """The digest, 64 hexadecimal digits."""
        return f"{self._sum % 2**256:064x}"


def row_decoder(shape: Shape) -> msgspec.json.Decoder[Row]:
    """Return a decoder that accepts only rows of this table."""
    kinds = [
        (int if column.kind in {"flag", "number"} else str, column.is_nullable)
        for column in shape.columns
    ]
    types = tuple(kind | None if nullable else kind for kind, nullable in kinds)
    row: type[Row] = tuple.__class_getitem__(types)  # type: ignore[assignment]  # made at run time
    return msgspec.json.Decoder(row)
