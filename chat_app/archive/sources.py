"""Sources of rows: a snapshot of a running database, or an archive."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from chat_app.archive.codec import Tally
from chat_app.archive.errors import ArchiveError
from chat_app.archive.schema import Shape, schema_at
from chat_app.archive.tables import Rows, count_rows, read_table
from chat_app.core import migrations


class Progress(Protocol):
    """A display of the progress of long work."""

    def begin(self, what: str, rows: int) -> None:
        """Show the next step and its number of rows."""

    def advance(self, rows: int) -> None:
        """Add finished rows to the current step."""


class Source(Protocol):
    """Tables to copy, in the order of their foreign keys."""

    @property
    def revision(self) -> str:
        """The schema revision of the tables."""

    @property
    def shapes(self) -> Sequence[Shape]:
        """The tables, those first that others refer to."""

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of rows by table."""

    def rows(self, shape: Shape) -> Rows:
        """Return the rows of a table."""

    def confirm(self, shape: Shape, tally: Tally) -> None:
        """Raise ArchiveError unless `tally` covers all rows of the table, unchanged."""


class LiveTables:
    """The tables of a database in one transaction."""

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
        """Raise ArchiveError unless every counted row has been read."""
        if tally.rows != self.counts[shape.name]:
            raise ArchiveError(f"{shape.name}: {self.counts[shape.name]} rows became {tally.rows}")


async def live_tables(connection: AsyncConnection, *, without: Collection[str] = ()) -> LiveTables:
    """Return the tables of a database of any known revision, in the connection's transaction."""
    revision = await connection.run_sync(migrations.revision_of)
    if revision is None:
        raise ArchiveError("there is no chat in this database")
    shapes = [shape for shape in schema_at(revision) if shape.name not in without]
    counts = {shape.name: await count_rows(connection, shape) for shape in shapes}
    return LiveTables(connection, revision, shapes, counts)
