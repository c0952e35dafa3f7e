"""When a conversation changed last, for finding what the bus lost.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEGINNING = "1970-01-01 00:00:00.000000"


def upgrade() -> None:
    # With a default, so that SQLite need not copy a table that others point at.
    column = sa.Column("changed_at", UTCDateTime(), nullable=False, server_default=BEGINNING)
    op.add_column("conversation", column)
    op.execute("UPDATE conversation SET changed_at = updated_at")
    op.drop_index(op.f("ix_conversation_updated_at"), "conversation")
    op.create_index(op.f("ix_conversation_changed_at"), "conversation", ["changed_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_conversation_changed_at"), "conversation")
    op.create_index(op.f("ix_conversation_updated_at"), "conversation", ["updated_at"])
    op.drop_column("conversation", "changed_at")
