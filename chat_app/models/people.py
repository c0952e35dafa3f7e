"""Tables of people: accounts, their sessions, friendships and blocks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKey, SmallInteger, String, Uuid, column, literal_column
from sqlmodel import Field, Index

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table

# Of an index, in the words of the statements that use it: the whole display name, see
# `accounts/names.py`.
IS_DISPLAY_NAME = column("place") == literal_column("1")


class User(Table, table=True):
    """A person. Deleting the account empties the row and keeps it, since messages point at it."""

    __tablename__ = "user_account"  # `user` is a reserved word in PostgreSQL

    id: UUID = Field(default_factory=new_id, primary_key=True)
    username: str = Field(max_length=32)
    # NFKC and casefolded: two spellings of one name are equal in this form.
    username_key: str = Field(max_length=64, unique=True)
    display_name: str = Field(max_length=100)
    bio: str = Field(default="", max_length=500)
    status_text: str = Field(default="", max_length=100)
    # The SHA-256 of the picture, a file in the state `avatar`.
    avatar: str | None = Field(default=None, max_length=64)
    password_hash: str = Field(max_length=255)
    accept_messages_from: str = Field(default="everyone", max_length=16)
    share_presence: bool = True
    sound: bool = True
    admin: bool = False
    # Signed out, and unable to sign in.
    disabled: bool = False
    # Whether a push holds the text of its message.
    push_preview: bool = False
    # As `accounts/quiet_hours.py` writes them.
    quiet_hours: str | None = Field(default=None, max_length=100)
    # The language of the screens; null is the browser's.
    locale: str | None = Field(default=None, max_length=16)
    created_at: datetime = Field(default_factory=utc_now)
    # When their last device disconnected; at most a minute old while one is connected.
    last_seen_at: datetime | None = None
    deleted_at: datetime | None = None


class NamePart(Table, table=True):
    """A suffix of a person's name, by which a search finds any part of the name.

    The rows of a place are in the order of their parts, by code point on either database, so that
    a search reads as many of them as it shows.
    """

    __tablename__ = "name_part"
    __table_args__ = (
        # By the beginnings of display names, lists of people are sorted.
        Index(
            "ix_name_part_display_name",
            "user_id",
            "part",
            postgresql_where=IS_DISPLAY_NAME,
            sqlite_where=IS_DISPLAY_NAME,
        ),
        {"sqlite_with_rowid": False},
    )

    place: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    part: str = Field(
        sa_column=Column(
            String(64).with_variant(String(64, collation="C"), "postgresql"), primary_key=True
        )
    )
    user_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("user_account.id"), primary_key=True, index=True)
    )


class AuthSession(Table, table=True):
    """A sign-in on one device; its cookie and its tokens are valid as long as this row exists."""

    __tablename__ = "auth_session"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    cookie_hash: str = Field(max_length=64, unique=True)
    user_agent: str = Field(default="", max_length=300)
    address: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=utc_now)
    last_used_at: datetime = Field(default_factory=utc_now)
    expires_at: datetime = Field(index=True)
    # By the clock of a database server.
    ended_at: datetime | None = Field(default=None, index=True)
    # The reason in `session.ended`, also where a node reads it here.
    ended_reason: str | None = Field(default=None, max_length=16)


class RefreshToken(Table, table=True):
    """A refresh token by its hash; a used one is kept so that its reuse is detected."""

    __tablename__ = "refresh_token"
    __table_args__ = (Index(None, "session_id", "spent_at"),)

    token_hash: str = Field(max_length=64, primary_key=True)
    session_id: UUID = Field(foreign_key="auth_session.id")
    created_at: datetime = Field(default_factory=utc_now)
    spent_at: datetime | None = None


class Friendship(Table, table=True):
    """One side of a friendship; the row of the other side is added and deleted with it."""

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    friend_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    created_at: datetime = Field(default_factory=utc_now)


class FriendRequest(Table, table=True):
    """An open friend request; a pair has at most one, in either direction."""

    __tablename__ = "friend_request"

    sender_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    receiver_id: UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    # "low:high" of the two user ids: of two simultaneous requests the second one conflicts.
    pair_key: str = Field(max_length=80, unique=True)
    created_at: datetime = Field(default_factory=utc_now)


class Block(Table, table=True):
    """A block: neither user can see or message the other."""

    blocker_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    blocked_id: UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    created_at: datetime = Field(default_factory=utc_now)
