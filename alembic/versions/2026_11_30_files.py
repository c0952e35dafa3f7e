"""Files: uploads, the storage of each user, and the files of messages.

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _foreign_key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)


def upgrade() -> None:
    # In place: a batch would copy the table on SQLite.
    op.add_column(
        "message",
        sa.Column("has_files", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(32), nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("placeholder", sa.Text(), nullable=True),
        sa.Column("has_thumbnail", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("released_at", UTCDateTime(), nullable=True),
        _foreign_key("file", "owner_id", "user_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
    )
    op.create_index(op.f("ix_file_owner_id"), "file", ["owner_id"])
    _partial_index("ix_file_unsent", ["state", "created_at"], "state != 'sent'")
    _partial_index("ix_file_released", ["released_at"], "released_at IS NOT NULL")
    op.create_table(
        "storage_use",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        _foreign_key("storage_use", "user_id", "user_account"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_storage_use")),
    )
    op.create_table(
        "attachment",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        _foreign_key("attachment", "message_id", "message"),
        _foreign_key("attachment", "file_id", "file"),
        sa.PrimaryKeyConstraint("message_id", "position", name=op.f("pk_attachment")),
    )
    op.create_index(op.f("ix_attachment_file_id"), "attachment", ["file_id"])
    for columns in (
        ["conversation_id", "seq", "position"],
        ["conversation_id", "kind", "seq", "position"],
    ):
        op.create_index(op.f(f"ix_attachment_{'_'.join(columns)}"), "attachment", columns)


def _partial_index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "file", columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    for table in ("attachment", "storage_use", "file"):
        op.drop_table(table)
    op.drop_column("message", "has_files")
