"""People: friends, requests, blocks, and when somebody was last seen.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel.sql.sqltypes import UTCDateTime

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "block",
        sa.Column("blocker_id", sa.Uuid(), nullable=False),
        sa.Column("blocked_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["blocked_id"], ["user_account.id"], name=op.f("fk_block_blocked_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["blocker_id"], ["user_account.id"], name=op.f("fk_block_blocker_id_user_account")
        ),
        sa.PrimaryKeyConstraint("blocker_id", "blocked_id", name=op.f("pk_block")),
    )
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_block_blocked_id"), ["blocked_id"], unique=False)

    op.create_table(
        "friend_request",
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("receiver_id", sa.Uuid(), nullable=False),
        sa.Column("pair_key", sa.String(length=80), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"],
            ["user_account.id"],
            name=op.f("fk_friend_request_receiver_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["sender_id"],
            ["user_account.id"],
            name=op.f("fk_friend_request_sender_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("sender_id", "receiver_id", name=op.f("pk_friend_request")),
        sa.UniqueConstraint("pair_key", name=op.f("uq_friend_request_pair_key")),
    )
    with op.batch_alter_table("friend_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_friend_request_receiver_id"), ["receiver_id"], unique=False
        )

    op.create_table(
        "friendship",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("friend_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["friend_id"], ["user_account.id"], name=op.f("fk_friendship_friend_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_friendship_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("user_id", "friend_id", name=op.f("pk_friendship")),
    )
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_seen_at", UTCDateTime(), nullable=True))


def downgrade() -> None:
    # In place: a batch would copy the table on SQLite, and rows of others point at it.
    op.drop_column("user_account", "last_seen_at")

    op.drop_table("friendship")
    with op.batch_alter_table("friend_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_friend_request_receiver_id"))

    op.drop_table("friend_request")
    with op.batch_alter_table("block", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_block_blocked_id"))

    op.drop_table("block")
