"""Tables of conversations: their members, messages, mentions and invitations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, column, literal_column, or_, true
from sqlmodel import Field, Index, UniqueConstraint

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table

# Of indexes: only these rows are in them. Statements name them in the same words.
IS_UNCOUNTED = or_(column("deleted_at").is_not(None), column("kind") == literal_column("'notice'"))
_MENTIONS_ALL = column("mentions_all") == true()
IS_PINNED = column("pinned_at").is_not(None)
IS_DELETED = column("deleted_at").is_not(None)
IS_OPEN = column("visibility") == literal_column("'open'")
MANAGES = column("role") != literal_column("'member'")


class Conversation(Table, table=True):
    """A thread of messages, with the counters of their `seq` and `rev`.

    What only a group has is empty in a direct conversation. A deleted group has no members, and its
    messages are removed in the background.
    """

    __table_args__ = (
        Index(
            "ix_conversation_open",
            "title_key",
            "id",
            postgresql_where=IS_OPEN,
            sqlite_where=IS_OPEN,
        ),
        Index(
            "ix_conversation_deleted",
            "deleted_at",
            postgresql_where=IS_DELETED,
            sqlite_where=IS_DELETED,
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    kind: str = Field(max_length=16)
    title: str = Field(default="", max_length=100)
    # The folded title, by which open groups are searched and sorted.
    title_key: str = Field(default="", max_length=300)
    description: str = Field(default="", max_length=500)
    # As that of a person.
    avatar: str | None = Field(default=None, max_length=64)
    visibility: str = Field(default="private", max_length=16)
    history: str = Field(default="all", max_length=16)
    posting: str = Field(default="everyone", max_length=16)
    members_count: int = 0
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
    deleted_at: datetime | None = None


class Member(Table, table=True):
    """A user in a conversation, with how far they have read.

    `last_read_seq` is the member's own mark and may go back (mark as unread); `read_seq` is what
    the others see and never does. `opened` is false for the peer of a direct conversation
    until its first message: it is not listed for them. Nothing before `since_seq` may be read, and
    no change before `since_rev` is replayed. `archived_seq` was the end of the conversation when
    the member archived it: a later message brings it back.
    """

    __table_args__ = (
        Index(
            "ix_member_managers",
            "conversation_id",
            postgresql_where=MANAGES,
            sqlite_where=MANAGES,
        ),
    )

    conversation_id: UUID = Field(foreign_key="conversation.id", primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    opened: bool = False
    last_read_seq: int = Field(default=0, sa_type=BigInteger)
    read_seq: int = Field(default=0, sa_type=BigInteger)
    delivered_seq: int = Field(default=0, sa_type=BigInteger)
    joined_at: datetime = Field(default_factory=utc_now)
    role: str = Field(default="member", max_length=16)
    since_seq: int = Field(default=0, sa_type=BigInteger)
    since_rev: int = Field(default=0, sa_type=BigInteger)
    # The last moment of all is for ever.
    muted_until: datetime | None = None
    favourite: bool = False
    archived_seq: int | None = Field(default=None, sa_type=BigInteger)


class FormerMember(Table, table=True):
    """A user who is in a group no more; `removed` by an admin, they may not join it by themselves.

    Devices that were away are notified by it, also of a group that is gone.
    """

    __tablename__ = "former_member"

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    conversation_id: UUID = Field(primary_key=True, index=True)
    reason: str = Field(max_length=16)
    left_at: datetime = Field(default_factory=utc_now, index=True)


class Message(Table, table=True):
    """One message. `seq` is its place for ever; `rev` the number of its latest change.

    A `notice` is about its group and has no text. `notice` and `mentions` (user ids) are JSON.
    `reply_to` is a message of the same conversation, `forwarded_from` the first author of a
    forwarded text. `is_changed` is whether anything about it changed after it was stored.
    """

    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("sender_id", "client_id"),
        Index(None, "conversation_id", "rev"),
        # Unread counts subtract the member's own messages after the read mark, deleted ones and
        # notices.
        Index(None, "conversation_id", "sender_id", "seq"),
        Index(
            "ix_message_uncounted",
            "conversation_id",
            "seq",
            postgresql_where=IS_UNCOUNTED,
            sqlite_where=IS_UNCOUNTED,
        ),
        Index(
            "ix_message_mentions_all",
            "conversation_id",
            "seq",
            postgresql_where=_MENTIONS_ALL,
            sqlite_where=_MENTIONS_ALL,
        ),
        Index(
            "ix_message_pinned",
            "conversation_id",
            "pinned_at",
            postgresql_where=IS_PINNED,
            sqlite_where=IS_PINNED,
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id")
    seq: int = Field(sa_type=BigInteger)
    rev: int = Field(sa_type=BigInteger)
    client_id: str = Field(max_length=64)
    sender_id: UUID = Field(foreign_key="user_account.id")
    content: str = Field(sa_type=Text)
    kind: str = Field(default="text", max_length=16)
    notice: str | None = Field(default=None, sa_type=Text)
    mentions: str | None = Field(default=None, sa_type=Text)
    mentions_all: bool = False
    created_at: datetime = Field(default_factory=utc_now)
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reply_to: UUID | None = None
    forwarded_from: UUID | None = None
    pinned_at: datetime | None = None
    pinned_by: UUID | None = None
    has_reactions: bool = False
    has_files: bool = False
    is_changed: bool = False


class Mention(Table, table=True):
    """A member mentioned by name in a message of somebody else, for their unread counts."""

    __table_args__ = (Index(None, "conversation_id", "seq"),)

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id", primary_key=True)
    seq: int = Field(sa_type=BigInteger, primary_key=True)


class Invite(Table, table=True):
    """An invitation by link, by the hash of its token; without a conversation, to the chat only."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    token_hash: str = Field(max_length=64, unique=True)
    conversation_id: UUID | None = Field(default=None, foreign_key="conversation.id", index=True)
    created_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    created_at: datetime = Field(default_factory=utc_now)
    expires_at: datetime = Field(index=True)
    max_uses: int | None = None
    uses: int = 0
