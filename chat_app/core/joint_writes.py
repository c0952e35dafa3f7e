"""Joint writes: several statements of a transaction in one trip to PostgreSQL.

Each trip costs both ends more than a short statement does. So on PostgreSQL all but the last are
data-modifying CTEs of the last one; SQLite, which has no trips, runs them one by one.
"""

from collections.abc import Mapping

from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.sql.dml import Insert, Update

Write = Insert | Update


class JointWrites:
    """Statements that do not depend on each other; no two of them may name a parameter alike.

    A parameter that means the same in all of them may be shared. None may have the name of a column
    that any of them writes: SQLAlchemy would set that column.
    """

    def __init__(self, dialect: str, *statements: Write) -> None:
        if dialect == "sqlite":
            self._statements = statements
        else:
            *others, last = statements
            named = [one.cte(f"write_{number}") for number, one in enumerate(others)]
            self._statements = (last.add_cte(*named),)
        self._names: list[frozenset[str]] = []

    def execute(self, connection: Connection, values: Mapping[str, object]) -> None:
        """Run the statements with the `values` of all their parameters."""
        if not self._names:
            self._names = [_names_in(one, connection.dialect) for one in self._statements]
        for statement, names in zip(self._statements, self._names, strict=True):
            connection.execute(statement, {name: values[name] for name in names})


def _names_in(statement: Write, dialect: Dialect) -> frozenset[str]:
    compiled = statement.compile(dialect=dialect)
    return frozenset(name for name, bind in compiled.binds.items() if bind.required)
