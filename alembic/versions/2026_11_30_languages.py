"""The language of each account.

Revision ID: 0018
Revises: 0017
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # In place: a batch would copy the table on SQLite.
    op.add_column("user_account", sa.Column("locale", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("user_account", "locale")
