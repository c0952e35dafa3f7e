"""Tables of conversations, their members and their messages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, column
from sqlmodel import Field, Index, UniqueConstraint

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table

# Of an index: only these rows are in it.
_IS_DELETED = column("deleted_at").is_not(None)


class Conversation(Table, table=True):
    """A thread of messages, with the counters of their `seq` and `rev`."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=16)
    title: str = Field(default="", max_length=100)
    # "low:high" of the two user ids: there is one direct conversation for a pair.
    direct_key: str | None = Field(default=None, max_length=80, unique=True)
    created_by: UUID = Field(foreign_key="user_account.id")
    last_seq: int = Field(default=0, sa_type=BigInteger)
    last_rev: int = Field(default=0, sa_type=BigInteger)
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    # The time of the last sent, edited or deleted message, by the clock of a database server: those
    # of the nodes may differ.
    changed_at: datetime = Field(default_factory=utc_now, index=True)


class Member(Table, table=True):
    """A user in a conversation, with how far they have read.

    `last_read_seq` is the member's own mark and may go back (mark as unread); `read_seq` is what
    the others see and never does. `opened` is false for the peer of a direct conversation
    until its first message: it is not listed for them.
    """

    conversation_id: UUID = Field(foreign_key="conversation.id", primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    opened: bool = False
    last_read_seq: int = Field(default=0, sa_type=BigInteger)
    read_seq: int = Field(default=0, sa_type=BigInteger)
    delivered_seq: int = Field(default=0, sa_type=BigInteger)
    joined_at: datetime = Field(default_factory=utc_now)


class Message(Table, table=True):
    """One message. `seq` is its place for ever; `rev` the number of its latest change."""

    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("sender_id", "client_id"),
        Index(None, "conversation_id", "rev"),
        # Unread counts subtract the member's own messages after the read mark, and deleted ones.
        Index(None, "conversation_id", "sender_id", "seq"),
        Index(
            "ix_message_deleted",
            "conversation_id",
            "seq",
            postgresql_where=_IS_DELETED,
            sqlite_where=_IS_DELETED,
        ),
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
