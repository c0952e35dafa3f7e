"""Where rows come from: one moment of a running database, or an archive."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from chat_app.archive.codec import Tally
from chat_app.archive.errors import ArchiveError
from chat_app.archive.schema import Shape, schema_at
from chat_app.archive.tables import Rows, count_rows, read_table
from chat_app.core import migrations


class Progress(Protocol):
    """Whoever watches long work."""

    def begin(self, what: str, rows: int) -> None:
        """Hear what comes next, and how much of it there is."""

    def advance(self, rows: int) -> None:
        """Hear that so many more are done."""


class Source(Protocol):
    """Tables to copy, those first that others point at."""

    @property
    def revision(self) -> str:
        """The schema they have."""

    @property
    def shapes(self) -> Sequence[Shape]:
        """The tables."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows each has."""

    def rows(self, shape: Shape) -> Rows:
        """Return the rows of a table."""

    def confirm(self, shape: Shape, tally: Tally) -> None:
        """Raise ArchiveError unless these are all of a table's rows, as they were."""


class LiveTables:
    """The tables of a database as they are in one transaction."""

    def __init__(
        self,
        connection: AsyncConnection,
        revision: str,
        shapes: Sequence[Shape],
        counts: Mapping[str, int],
    ) -> None:
        self.revision = revision
        self.shapes = shapes
        self.counts = counts
        self._connection = connection

    def rows(self, shape: Shape) -> Rows:
        """Return the rows of a table."""
        return read_table(self._connection, shape)

    def confirm(self, shape: Shape, tally: Tally) -> None:
        """Every row that was counted must have been read."""
        if tally.rows != self.counts[shape.name]:
            raise ArchiveError(f"{shape.name}: {self.counts[shape.name]} rows became {tally.rows}")


async def live_tables(connection: AsyncConnection, *, without: Collection[str] = ()) -> LiveTables:
    """Look at a database, of whatever known revision, in the transaction of the connection."""
    revision = await connection.run_sync(migrations.revision_of)
    if revision is None:
        raise ArchiveError("there is no chat in this database")
    shapes = [shape for shape in schema_at(revision) if shape.name not in without]
    counts = {shape.name: await count_rows(connection, shape) for shape in shapes}
    return LiveTables(connection, revision, shapes, counts)
