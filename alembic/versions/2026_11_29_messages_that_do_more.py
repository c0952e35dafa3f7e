"""Messages that do more: replies, forwarded texts, reactions, earlier texts, pins and saved ones.

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


# In place: a batch would copy the table on SQLite, and a large chat has many messages.
def _columns() -> list[sa.Column[Any]]:
    """Return the new columns: a column belongs to one operation."""
    return [
        sa.Column("reply_to", sa.Uuid(), nullable=True),
        sa.Column("forwarded_from", sa.Uuid(), nullable=True),
        sa.Column("pinned_at", UTCDateTime(), nullable=True),
        sa.Column("pinned_by", sa.Uuid(), nullable=True),
        sa.Column("has_reactions", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_changed", sa.Boolean(), nullable=False, server_default=sa.false()),
    ]


def _partial_index(name: str, table: str, columns: list[str], column: str) -> None:
    where = sa.text(f"{column} IS NOT NULL")
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)


def upgrade() -> None:
    for column in _columns():
        op.add_column("message", column)
    _partial_index("ix_message_pinned", "message", ["conversation_id", "pinned_at"], "pinned_at")
    # Maintenance looks for deleted groups every few minutes.
    _partial_index("ix_conversation_deleted", "conversation", ["deleted_at"], "deleted_at")
    op.create_table(
        "reaction",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("emoji", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_reaction_message_id_message")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_reaction_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("message_id", "emoji", "user_id", name=op.f("pk_reaction")),
    )
    op.create_index(op.f("ix_reaction_user_id"), "reaction", ["user_id"])
    op.create_table(
        "earlier_text",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("written_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_earlier_text_message_id_message")
        ),
        sa.PrimaryKeyConstraint("message_id", "rev", name=op.f("pk_earlier_text")),
    )
    op.create_table(
        "saved_message",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("saved_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_saved_message_user_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_saved_message_message_id_message")
        ),
        sa.PrimaryKeyConstraint("user_id", "message_id", name=op.f("pk_saved_message")),
    )
    op.create_index(op.f("ix_saved_message_message_id"), "saved_message", ["message_id"])
    op.create_index(
        op.f("ix_saved_message_user_id_saved_at_message_id"),
        "saved_message",
        ["user_id", "saved_at", "message_id"],
    )


def downgrade() -> None:
    for table in ("saved_message", "earlier_text", "reaction"):
        op.drop_table(table)
    op.drop_index("ix_conversation_deleted", "conversation")
    op.drop_index("ix_message_pinned", "message")
    for column in _columns():
        op.drop_column("message", column.name)
