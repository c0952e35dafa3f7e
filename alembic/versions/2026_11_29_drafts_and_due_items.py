"""Drafts on every device, scheduled messages and reminders.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _foreign_key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def upgrade() -> None:
    op.create_table(
        "draft",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        _foreign_key("draft", "user_id", "user_account"),
        _foreign_key("draft", "conversation_id", "conversation"),
        sa.PrimaryKeyConstraint("user_id", "conversation_id", name=op.f("pk_draft")),
    )
    op.create_index(op.f("ix_draft_conversation_id"), "draft", ["conversation_id"])
    op.create_table(
        "due_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claimed_until", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("receiver_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.String(64), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Uuid(), nullable=True),
        sa.Column("code", sa.String(64), nullable=True),
        _foreign_key("due_item", "user_id", "user_account"),
        _foreign_key("due_item", "message_id", "message"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_item")),
        sa.UniqueConstraint("user_id", "message_id", name=op.f("uq_due_item_user_id_message_id")),
        sa.UniqueConstraint("user_id", "client_id", name=op.f("uq_due_item_user_id_client_id")),
    )
    is_waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_due_item_waiting",
        "due_item",
        ["due_at"],
        postgresql_where=is_waiting,
        sqlite_where=is_waiting,
    )
    op.create_index(op.f("ix_due_item_message_id"), "due_item", ["message_id"])
    op.create_index(op.f("ix_due_item_conversation_id"), "due_item", ["conversation_id"])


def downgrade() -> None:
    op.drop_table("due_item")
    op.drop_table("draft")
