"""Tables of the change log, and of the generation of the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Integer
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field

from chat_app.core.clock import utc_now
from chat_app.models.base import Table


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's 64-bit id of a transaction (`xid8`)."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the name of the type in SQL."""
        return "xid8"


# So that SQLAlchemy recognises it in a database.
ischema_names["xid8"] = TransactionId


class Change(Table, table=True):
    """An entry of the change log: the publications of one transaction, which every node reads.

    `position` is the order of SQLite's transactions; on PostgreSQL they may be committed in another
    order, and `transaction_id` tells which are. `payload` is msgpack, by `kind`. `batch` is the
    log writer's batch, whose node publishes it from memory.
    """

    __tablename__ = "change_log"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012  # as SQLAlchemy wants it

    position: int = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer(), "sqlite"),
        sa_column_args=[Identity()],
    )
    transaction_id: int = Field(
        sa_type=BigInteger().with_variant(TransactionId(), "postgresql"),
        index=True,
    )
    kind: str = Field(max_length=16)
    payload: bytes
    batch: UUID | None = None
    written_at: datetime = Field(default_factory=utc_now)


class Generation(Table, table=True):
    """The one row that names this database; a restored backup is a new one."""

    id: UUID = Field(primary_key=True)
