"""The change log, which every node reads, and the generation of the database.

Revision ID: 0007
Revises: 0006
"""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.types import UserDefinedType
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


class _TransactionId(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def upgrade() -> None:
    position = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    transaction_id = sa.BigInteger().with_variant(_TransactionId(), "postgresql")
    op.create_table(
        "change_log",
        sa.Column("position", position, sa.Identity(), nullable=False),
        sa.Column("transaction_id", transaction_id, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.Column("written_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_change_log")),
        # A position that was removed is not given again.
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_change_log_transaction_id"), "change_log", ["transaction_id"])
    # Expired sessions are removed.
    op.create_index(op.f("ix_auth_session_expires_at"), "auth_session", ["expires_at"])
    generation = op.create_table(
        "generation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation")),
    )
    op.bulk_insert(generation, [{"id": uuid.uuid4()}])


def downgrade() -> None:
    op.drop_table("generation")
    op.drop_index(op.f("ix_auth_session_expires_at"), "auth_session")
    op.drop_table("change_log")
