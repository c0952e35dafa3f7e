"""Shapes: the fields that events and replies carry, allow-listed.

Times are aware and in UTC; they leave the server as RFC 3339 ending in `Z`.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from chat_app.core.languages import Language

Friendship = Literal["none", "requested", "incoming", "friends", "blocked"]
Role = Literal["owner", "admin", "member"]
Visibility = Literal["private", "open"]
History = Literal["all", "joining"]
Posting = Literal["everyone", "admins"]
NoticeEvent = Literal[
    "created",
    "renamed",
    "described",
    "added",
    "joined",
    "left",
    "removed",
    "role",
    "history",
    "posting",
    "visibility",
]


class Shape(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The base of everything that leaves the server.

    Without cycles, so the garbage collector need not visit it: it would hold the event loop.
    """


def avatar_url(avatar: str | None) -> str | None:
    """Return the address of an avatar, by the hash of its bytes."""
    return None if avatar is None else f"/api/avatars/{avatar}"


class User(Shape, frozen=True):
    """A person as any signed-in user may see them."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None
    bio: str
    status_text: str
    created_at: datetime


class QuietHours(Shape, frozen=True):
    """The hours of a day in a time zone, such as "22:00" to "07:00", in which no push is sent."""

    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    time_zone: str


class OwnUser(User, frozen=True):
    """A person as they see themselves: their own settings included.

    With `push_preview` a push holds the text of its message. `locale` is the language of the
    screens, null for that of the browser.
    """

    accept_messages_from: Literal["everyone", "friends"]
    share_presence: bool
    sound: bool
    admin: bool
    push_preview: bool
    quiet_hours: QuietHours | None
    locale: Language | None


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


class Person(Shape, frozen=True, cache_hash=True):
    """A person by their present name, also where they are gone."""

    id: UUID
    username: str
    display_name: str
    avatar_url: str | None = None


class Notice(Shape, frozen=True, cache_hash=True):
    """An event of a group: `user_ids` are those it happened to, `title` the new one."""

    event: NoticeEvent
    actor_id: UUID
    user_ids: tuple[UUID, ...] = ()
    title: str | None = None


class Quote(Shape, frozen=True, cache_hash=True):
    """The present state of the message that another one replies to.

    `excerpt` is the beginning of its text, 140 characters at most; empty where it is `deleted`.
    """

    id: UUID
    seq: int
    sender: Person
    excerpt: str
    deleted: bool


class Reaction(Shape, frozen=True, cache_hash=True):
    """An emoji with which `count` members have reacted, the first who did so first.

    `user_ids` are 50 of them at most. `mine` is only in answers for a viewer: whether they are one.
    """

    emoji: str
    count: int
    user_ids: tuple[UUID, ...]
    mine: bool | msgspec.UnsetType = msgspec.UNSET


class File(Shape, frozen=True, cache_hash=True):
    """A file of a message, or one that its uploader has not sent yet.

    `media_type` is what its bytes are. `placeholder` is a tiny picture as a `data:` address, shown
    until the thumbnail is there. `duration` is in seconds. `description` is for people who do not
    see it.
    """

    id: UUID
    name: str
    description: str | None
    media_type: str
    size: int
    width: int | None
    height: int | None
    duration: float | None
    thumbnail_url: str | None
    placeholder: str | None
    url: str


class Message(Shape, frozen=True, cache_hash=True):
    """One message. `receiver_id` is the other person of a direct conversation, else null.

    `mentions` are the members named in it, `mentions_all` is whether it is for all of them. A
    message of `kind` "notice" tells what happened to its group and has no text. `forwarded_from` is
    the first author of a forwarded text. One with `attachments` may have no text.
    """

    id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    receiver_id: UUID | None
    content: str
    created_at: datetime
    sender: Person
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    kind: Literal["text", "notice"] = "text"
    notice: Notice | None = None
    mentions: tuple[UUID, ...] = ()
    mentions_all: bool = False
    reply_to: Quote | None = None
    reactions: tuple[Reaction, ...] = ()
    pinned_at: datetime | None = None
    pinned_by: Person | None = None
    forwarded_from: Person | None = None
    attachments: tuple[File, ...] = ()


class Receipt(Shape, frozen=True):
    """The `seq` up to which another member's devices have received, and the member has read."""

    user_id: UUID
    delivered_seq: int
    read_seq: int


class Membership(Shape, frozen=True):
    """A member's own part in a conversation: nothing before `since_seq` is readable for them.

    `muted_until` is a time, or "forever".
    """

    role: Role
    muted_until: str | None
    favourite: bool
    archived: bool
    since_seq: int


class Draft(Shape, frozen=True):
    """The text that a member has begun in a conversation; each change has the next `version`."""

    content: str
    reply_to: UUID | None
    version: int
    updated_at: datetime


class Scheduled(Shape, frozen=True):
    """A message that is sent at `send_at`, to one of the two addresses; `code` is of a refusal."""

    id: UUID
    receiver_id: UUID | None
    conversation_id: UUID | None
    content: str
    reply_to: UUID | None
    client_id: str
    send_at: datetime
    state: Literal["waiting", "sent", "refused"]
    code: str | None


class Conversation(Shape, frozen=True):
    """A conversation as one member sees it; `receipts` are those of the other members.

    `unread` is the number of messages of others after `last_read_seq` that are neither deleted nor
    notices, `unread_mentions` of those that mention the member, by name only in a muted group. A
    group shows five `members`, the most recent writers first, and `receipts` only while it is
    small. `avatar_url` is that of a group; a direct conversation has its members'.
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
    description: str
    visibility: Visibility
    history: History
    posting: Posting
    members_count: int
    unread_mentions: int
    me: Membership
    draft: Draft | None = None
    avatar_url: str | None = None
