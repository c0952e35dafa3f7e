"""Messages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, Index, UniqueConstraint

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table


class Message(Table, table=True):
    """One message. `seq` is its place for ever; `rev` the number of its latest change."""

    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("sender_id", "client_id"),
        Index(None, "conversation_id", "rev"),
        # Unread counts subtract one's own messages after the read mark.
        Index(None, "conversation_id", "sender_id", "seq"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id")
    seq: int = Field(sa_type=BigInteger)
    rev: int = Field(sa_type=BigInteger)
    client_id: str = Field(max_length=64)
    sender_id: UUID = Field(foreign_key="user_account.id")
    content: str = Field(sa_type=Text)
    created_at: datetime = Field(default_factory=utc_now)
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
