"""Descriptions of files.

Revision ID: 0015
Revises: 0014
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # In place: a batch would copy the table on SQLite.
    op.add_column("file", sa.Column("description", sa.String(500), nullable=True))


def downgrade() -> None:
    op.drop_column("file", "description")
