"""Tables of people: accounts, their sessions, friendships and blocks."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Column, ForeignKey, SmallInteger, String, Uuid
from sqlmodel import Field, Index

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models.base import Table


class User(Table, table=True):
    """A person. Deleting the account empties the row and keeps it, since messages point at it."""

    __tablename__ = "user_account"  # `user` is a reserved word in PostgreSQL

    id: UUID = Field(default_factory=new_id, primary_key=True)
    username: str = Field(max_length=32)
    # NFKC and casefolded: what makes two spellings the same name.
    username_key: str = Field(max_length=64, unique=True)
    display_name: str = Field(max_length=100)
    bio: str = Field(default="", max_length=500)
    status_text: str = Field(default="", max_length=100)
    password_hash: str = Field(max_length=255)
    accept_messages_from: str = Field(default="everyone", max_length=16)
    share_presence: bool = True
    sound: bool = True
    created_at: datetime = Field(default_factory=utc_now)
    # When the last of their devices left; while one is connected, a minute old at most.
    last_seen_at: datetime | None = None
    deleted_at: datetime | None = None


class NamePart(Table, table=True):
    """A person's name from one of its letters on: what a search that contains it begins with.

    The rows of a place are in the order of their parts, by code point on either database, so that
    a search reads as many of them as it shows.
    """

    __tablename__ = "name_part"
    __table_args__: ClassVar[dict[str, bool]] = {"sqlite_with_rowid": False}

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
    """One sign-in on one device; cookie, access and refresh tokens live and die with this row."""

    __tablename__ = "auth_session"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    cookie_hash: str = Field(max_length=64, unique=True)
    user_agent: str = Field(default="", max_length=300)
    address: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=utc_now)
    last_used_at: datetime = Field(default_factory=utc_now)
    expires_at: datetime
    # By the database's clock, where that is a server: each node asks what has ended lately.
    ended_at: datetime | None = Field(default=None, index=True)
    # The reason in `session.ended`, also where a node reads it here.
    ended_reason: str | None = Field(default=None, max_length=16)


class RefreshToken(Table, table=True):
    """A refresh token by its hash; a spent one is kept so that its reuse is noticed."""

    __tablename__ = "refresh_token"
    __table_args__ = (Index(None, "session_id", "spent_at"),)

    token_hash: str = Field(max_length=64, primary_key=True)
    session_id: UUID = Field(foreign_key="auth_session.id")
    created_at: datetime = Field(default_factory=utc_now)
    spent_at: datetime | None = None


class Friendship(Table, table=True):
    """One side of a friendship; the other side has a row of its own, made and unmade with it."""

    user_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    friend_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    created_at: datetime = Field(default_factory=utc_now)


class FriendRequest(Table, table=True):
    """A request that waits for its answer; there is one for a pair, in either direction."""

    __tablename__ = "friend_request"

    sender_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    receiver_id: UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    # "low:high" of the two user ids: who asks second, at the same moment, notices.
    pair_key: str = Field(max_length=80, unique=True)
    created_at: datetime = Field(default_factory=utc_now)


class Block(Table, table=True):
    """`blocker_id` is neither seen nor reached by `blocked_id`, nor the other way round."""

    blocker_id: UUID = Field(foreign_key="user_account.id", primary_key=True)
    blocked_id: UUID = Field(foreign_key="user_account.id", primary_key=True, index=True)
    created_at: datetime = Field(default_factory=utc_now)
