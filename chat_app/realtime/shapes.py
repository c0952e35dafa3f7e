"""Shapes: the fields that events and replies carry, allow-listed.

Times are aware and in UTC; they leave the server as RFC 3339 ending in `Z`.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Friendship = Literal["none", "requested", "incoming", "friends", "blocked"]


class Shape(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of everything that leaves the server.

    Without cycles, so the garbage collector need not visit it: it would hold the event loop.
    """


class User(Shape, frozen=True):
    """A person as any signed-in user may see them."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None
    bio: str
    status_text: str
    created_at: datetime


class OwnUser(User, frozen=True):
    """A person as they see themselves: their own settings included."""

    accept_messages_from: Literal["everyone", "friends"]
    share_presence: bool
    sound: bool


class UserCard(Shape, frozen=True):
    """A person in a list. `online` and `last_seen_at` are null where presence is not shared."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None
    status_text: str
    online: bool | None
    last_seen_at: datetime | None
    friendship: Friendship


class Message(Shape, frozen=True, cache_hash=True):
    """One message. `receiver_id` is the other person of a direct conversation, else null."""

    id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    receiver_id: UUID | None
    content: str
    created_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


class Receipt(Shape, frozen=True):
    """The `seq` up to which another member's devices have received, and the member has read."""

    user_id: UUID
    delivered_seq: int
    read_seq: int


class Conversation(Shape, frozen=True):
    """A conversation as one member sees it; `receipts` are those of the other members.

    `unread` is the number of messages of others after `last_read_seq` that are not deleted.
    """

    id: UUID
    kind: Literal["direct", "group"]
    title: str
    members: list[UserCard]
    last_message: Message | None
    last_seq: int
    last_rev: int
    last_read_seq: int
    unread: int
    receipts: list[Receipt]
    updated_at: datetime
