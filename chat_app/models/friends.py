"""Who are friends, who has asked, and who wants nothing from whom."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from chat_app.core.clock import utc_now
from chat_app.models.base import Table


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
