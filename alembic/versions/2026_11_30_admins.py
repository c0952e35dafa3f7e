"""Admins: who is one, who is disabled, reports, reset links and the audit log.

Revision ID: 0016
Revises: 0015
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _foreign_key(table: str, column: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_user_account")
    return sa.ForeignKeyConstraint([column], ["user_account.id"], name=name)


def upgrade() -> None:
    # In place: a batch would copy the table on SQLite.
    for flag in ("admin", "disabled"):
        column = sa.Column(flag, sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column("user_account", column)
    # The first account is admin, also of a chat that was there before admins were.
    accounts = sa.table(
        "user_account",
        sa.column("id", sa.Uuid()),
        sa.column("admin", sa.Boolean()),
        sa.column("created_at", UTCDateTime()),
        sa.column("deleted_at", UTCDateTime()),
    )
    oldest = (
        sa.select(accounts.c.id)
        .where(accounts.c.deleted_at.is_(None))
        .order_by(accounts.c.created_at, accounts.c.id)
        .limit(1)
    )
    op.execute(
        accounts.update().where(accounts.c.id == oldest.scalar_subquery()).values(admin=sa.true())
    )
    op.create_table(
        "report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reporter_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        _foreign_key("report", "reporter_id"),
        _foreign_key("report", "user_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
    )
    op.create_index(op.f("ix_report_state_id"), "report", ["state", "id"])
    op.create_index(op.f("ix_report_closed_at"), "report", ["closed_at"])
    op.create_table(
        "reset_link",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        _foreign_key("reset_link", "user_id"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_reset_link")),
    )
    op.create_index(op.f("ix_reset_link_user_id"), "reset_link", ["user_id"])
    op.create_index(op.f("ix_reset_link_expires_at"), "reset_link", ["expires_at"])
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(32), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("target_name", sa.String(32), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"])


def downgrade() -> None:
    for table in ("audit_entry", "reset_link", "report"):
        op.drop_table(table)
    for flag in ("disabled", "admin"):
        op.drop_column("user_account", flag)
