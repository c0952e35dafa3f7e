"""Push subscriptions, and the settings of push.

Revision ID: 0017
Revises: 0016
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _foreign_key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def upgrade() -> None:
    op.create_table(
        "push_subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("endpoint_hash", sa.String(64), nullable=False),
        sa.Column("p256dh", sa.String(100), nullable=False),
        sa.Column("auth", sa.String(32), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("visible_until", UTCDateTime(), nullable=True),
        _foreign_key("push_subscription", "session_id", "auth_session"),
        _foreign_key("push_subscription", "user_id", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscription")),
        sa.UniqueConstraint("endpoint_hash", name=op.f("uq_push_subscription_endpoint_hash")),
    )
    for column in ("session_id", "user_id"):
        op.create_index(op.f(f"ix_push_subscription_{column}"), "push_subscription", [column])
    op.create_table(
        "pushed_conversation",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        _foreign_key("pushed_conversation", "user_id", "user_account"),
        _foreign_key("pushed_conversation", "conversation_id", "conversation"),
        sa.PrimaryKeyConstraint("user_id", "conversation_id", name=op.f("pk_pushed_conversation")),
    )
    op.create_index(
        op.f("ix_pushed_conversation_conversation_id"), "pushed_conversation", ["conversation_id"]
    )
    # In place: a batch would copy the table on SQLite.
    op.add_column(
        "user_account",
        sa.Column("push_preview", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("user_account", sa.Column("quiet_hours", sa.String(100), nullable=True))


def downgrade() -> None:
    op.drop_column("user_account", "quiet_hours")
    op.drop_column("user_account", "push_preview")
    op.drop_table("pushed_conversation")
    op.drop_table("push_subscription")
