"""An index of deleted messages, which unread counts leave out.

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index(
        "ix_message_deleted",
        "message",
        ["conversation_id", "seq"],
        postgresql_where=deleted,
        sqlite_where=deleted,
    )


def downgrade() -> None:
    op.drop_index("ix_message_deleted", "message")
