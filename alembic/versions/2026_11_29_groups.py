"""Groups: what they are, the roles of their members, notices, mentions and invitations.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


# In place: a batch would copy the tables on SQLite, and a large chat has many messages.
def _columns() -> dict[str, list[sa.Column[Any]]]:
    """Return the new columns of each table: a column belongs to one operation."""
    return {
        "conversation": [
            sa.Column("title_key", sa.String(300), nullable=False, server_default=""),
            sa.Column("description", sa.String(500), nullable=False, server_default=""),
            sa.Column("visibility", sa.String(16), nullable=False, server_default="private"),
            sa.Column("history", sa.String(16), nullable=False, server_default="all"),
            sa.Column("posting", sa.String(16), nullable=False, server_default="everyone"),
            sa.Column("members_count", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("deleted_at", UTCDateTime(), nullable=True),
        ],
        "member": [
            sa.Column("role", sa.String(16), nullable=False, server_default="member"),
            sa.Column("since_seq", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("since_rev", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("muted_until", UTCDateTime(), nullable=True),
            sa.Column("favourite", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("archived_seq", sa.BigInteger(), nullable=True),
        ],
        "message": [
            sa.Column("kind", sa.String(16), nullable=False, server_default="text"),
            sa.Column("notice", sa.Text(), nullable=True),
            sa.Column("mentions", sa.Text(), nullable=True),
            sa.Column("mentions_all", sa.Boolean(), nullable=False, server_default=sa.false()),
        ],
    }


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)


def upgrade() -> None:
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    op.execute("UPDATE conversation SET title_key = lower(title) WHERE kind = 'group'")
    op.execute(
        "UPDATE conversation SET members_count = "
        "(SELECT count(*) FROM member WHERE member.conversation_id = conversation.id)"
    )
    op.execute(
        "UPDATE member SET role = 'owner' WHERE EXISTS (SELECT 1 FROM conversation "
        "WHERE conversation.id = member.conversation_id AND conversation.kind = 'group' "
        "AND conversation.created_by = member.user_id)"
    )
    op.drop_index("ix_message_deleted", "message")
    uncounted = "deleted_at IS NOT NULL OR kind = 'notice'"
    _partial_index("ix_message_uncounted", "message", ["conversation_id", "seq"], uncounted)
    is_true = (
        "mentions_all = true" if op.get_bind().dialect.name != "sqlite" else "mentions_all = 1"
    )
    _partial_index("ix_message_mentions_all", "message", ["conversation_id", "seq"], is_true)
    _partial_index("ix_member_managers", "member", ["conversation_id"], "role != 'member'")
    _partial_index(
        "ix_conversation_open", "conversation", ["title_key", "id"], "visibility = 'open'"
    )
    _partial_index("ix_name_part_display_name", "name_part", ["user_id", "part"], "place = 1")
    op.create_table(
        "mention",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_mention_user_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_mention_conversation_id_conversation"),
        ),
        sa.PrimaryKeyConstraint("user_id", "conversation_id", "seq", name=op.f("pk_mention")),
    )
    op.create_index(op.f("ix_mention_conversation_id_seq"), "mention", ["conversation_id", "seq"])
    op.create_table(
        "former_member",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("left_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_former_member_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("user_id", "conversation_id", name=op.f("pk_former_member")),
    )
    op.create_index(op.f("ix_former_member_conversation_id"), "former_member", ["conversation_id"])
    op.create_index(op.f("ix_former_member_left_at"), "former_member", ["left_at"])
    op.create_table(
        "invite",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_invite_conversation_id_conversation"),
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_invite_created_by_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invite_token_hash")),
    )
    op.create_index(op.f("ix_invite_conversation_id"), "invite", ["conversation_id"])
    op.create_index(op.f("ix_invite_expires_at"), "invite", ["expires_at"])


def downgrade() -> None:
    for table in ("invite", "former_member", "mention"):
        op.drop_table(table)
    op.drop_index("ix_conversation_open", "conversation")
    op.drop_index("ix_name_part_display_name", "name_part")
    op.drop_index("ix_member_managers", "member")
    op.drop_index("ix_message_mentions_all", "message")
    op.drop_index("ix_message_uncounted", "message")
    for table, columns in _columns().items():
        for column in columns:
            op.drop_column(table, column.name)
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index(
        "ix_message_deleted",
        "message",
        ["conversation_id", "seq"],
        postgresql_where=deleted,
        sqlite_where=deleted,
    )
