"""Sessions by when they ended, for ending what other nodes hold of them.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(op.f("ix_auth_session_ended_at"), "auth_session", ["ended_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_auth_session_ended_at"), "auth_session")
