"""Tables of texts that are not sent yet: drafts, and what is due at a time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, column, literal_column
from sqlmodel import Field, Index, UniqueConstraint

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table

IS_WAITING = column("state") == literal_column("'waiting'")


class Draft(Table, table=True):
    """The text that a member has begun in a conversation.

    An empty one stays, so that its `version` never comes back.
    """

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id", primary_key=True, index=True)
    content: str = Field(sa_type=Text)
    reply_to: UUID | None = None
    version: int = Field(sa_type=BigInteger)
    updated_at: datetime = Field(default_factory=utc_now)


class DueItem(Table, table=True):
    """A scheduled message of a user, or a reminder of a `message_id`.

    While a node carries it out, it is `claimed_until` a moment; then another one tries.
    """

    __tablename__ = "due_item"
    __table_args__ = (
        UniqueConstraint("user_id", "message_id"),
        UniqueConstraint("user_id", "client_id"),
        Index(
            "ix_due_item_waiting",
            "due_at",
            postgresql_where=IS_WAITING,
            sqlite_where=IS_WAITING,
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=16)
    user_id: UUID = Field(foreign_key="user_account.id")
    due_at: datetime
    # waiting, then sent or refused; of a reminder due.
    state: str = Field(default="waiting", max_length=16)
    claimed_until: datetime | None = None
    created_at: datetime = Field(default_factory=utc_now)
    message_id: UUID | None = Field(default=None, foreign_key="message.id", index=True)
    # Without foreign keys: whether they are there is seen when it is sent.
    conversation_id: UUID | None = Field(default=None, index=True)
    receiver_id: UUID | None = None
    client_id: str | None = Field(default=None, max_length=64)
    content: str = Field(default="", sa_type=Text)
    reply_to: UUID | None = None
    # Why it was refused.
    code: str | None = Field(default=None, max_length=64)
