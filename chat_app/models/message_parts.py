"""Tables around messages: reactions, earlier texts, and the messages that people have saved."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, Index

from chat_app.core.clock import utc_now
from chat_app.models.base import Table


class Reaction(Table, table=True):
    """A member's reaction to a message; those of a message are in the order of `rev`."""

    message_id: UUID = Field(foreign_key="message.id", primary_key=True)
    emoji: str = Field(max_length=64, primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    rev: int = Field(sa_type=BigInteger)
    created_at: datetime = Field(default_factory=utc_now)


class EarlierText(Table, table=True):
    """A text that a message had before an edit, up to its `rev`."""

    __tablename__ = "earlier_text"

    message_id: UUID = Field(foreign_key="message.id", primary_key=True)
    rev: int = Field(sa_type=BigInteger, primary_key=True)
    content: str = Field(sa_type=Text)
    written_at: datetime


class SavedMessage(Table, table=True):
    """A message that a user has saved, for themselves alone."""

    __tablename__ = "saved_message"
    __table_args__ = (Index(None, "user_id", "saved_at", "message_id"),)

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    message_id: UUID = Field(foreign_key="message.id", primary_key=True, index=True)
    saved_at: datetime = Field(default_factory=utc_now)
