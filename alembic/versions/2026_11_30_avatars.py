"""Avatars of people and groups.

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("user_account", "conversation")


def upgrade() -> None:
    # In place: a batch would copy the table on SQLite.
    for table in TABLES:
        op.add_column(table, sa.Column("avatar", sa.String(64), nullable=True))
    where = sa.text("state = 'avatar'")
    op.create_index(
        "ix_file_avatar", "file", ["sha256"], postgresql_where=where, sqlite_where=where
    )


def downgrade() -> None:
    # No earlier version removes them.
    op.execute("UPDATE file SET state = 'gone' WHERE state = 'avatar'")
    op.drop_index("ix_file_avatar", "file")
    for table in TABLES:
        op.drop_column(table, "avatar")
