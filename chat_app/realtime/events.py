"""Events, one type each, and the envelope in which they are published."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec.structs import replace

from chat_app.core import request_context
from chat_app.core.ids import both_of
from chat_app.core.request_context import RequestContext
from chat_app.realtime.shapes import Conversation, Draft, Message, Scheduled, UserCard


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="type",
    forbid_unknown_fields=True,
    gc=False,
):
    """The base of all events."""


class MessageCreated(Event, frozen=True, tag="message.created"):
    """A message was stored."""

    message: Message


class MessageUpdated(Event, frozen=True, tag="message.updated"):
    """A message changed; it carries its newest `rev`."""

    message: Message


class MessageDeleted(Event, frozen=True, tag="message.deleted"):
    """A message was deleted; its text is gone.

    A device that has counted it as unread counts it no more. Where it was deleted before its first
    event was published, this is the only one.
    """

    message: Message


class MessageReacted(Event, frozen=True, tag="message.reacted"):
    """A member has reacted to a message, or taken that back; then `count` have reacted with it."""

    conversation_id: UUID
    message_id: UUID
    seq: int
    rev: int
    emoji: str
    user_id: UUID
    added: bool
    count: int


class SavedUpdated(Event, frozen=True, tag="saved.updated"):
    """The receiver has saved a message, or does not keep it any more."""

    message_id: UUID
    saved: bool


class DraftUpdated(Event, frozen=True, tag="draft.updated"):
    """The receiver has changed their draft in a conversation; null when they have none any more."""

    conversation_id: UUID
    draft: Draft | None


ScheduledState: TypeAlias = Literal["waiting", "sent", "refused", "deleted"]


class ScheduledUpdated(Event, frozen=True, tag="scheduled.updated"):
    """A scheduled message of the receiver was made, changed, sent, refused or deleted."""

    scheduled: Scheduled
    state: ScheduledState
    code: str | None = None


class ReminderUpdated(Event, frozen=True, tag="reminder.updated"):
    """The receiver's reminder of a message was set, changed or dismissed; null when it is gone.

    A notice of an earlier reminder of that message is out of date.
    """

    message_id: UUID
    at: datetime | None


class ReminderDue(Event, frozen=True, tag="reminder.due"):
    """The time has come at which the receiver wanted to be reminded of a message."""

    message: Message


class ConversationUpdated(Event, frozen=True, tag="conversation.updated"):
    """A conversation is new to the receiver, or something about it changed for them."""

    conversation: Conversation


RemovalReason: TypeAlias = Literal["left", "removed", "deleted"]


class ConversationRemoved(Event, frozen=True, tag="conversation.removed"):
    """The receiver is in the group no more; they get nothing of it from now on."""

    conversation_id: UUID
    reason: RemovalReason


class ConversationRead(Event, frozen=True, tag="conversation.read"):
    """A member has read up to `seq`. Their own devices also receive a mark that moved back."""

    conversation_id: UUID
    user_id: UUID
    seq: int


class ConversationDelivered(Event, frozen=True, tag="conversation.delivered"):
    """Messages up to `seq` were delivered to at least one device of a member."""

    conversation_id: UUID
    user_id: UUID
    seq: int


class Typing(Event, frozen=True, tag="typing"):
    """A member is writing; it is valid for six seconds."""

    conversation_id: UUID
    user_id: UUID


class Presence(Event, frozen=True, tag="presence"):
    """A user is online or offline; both fields are null once the receiver may not see it."""

    user_id: UUID
    online: bool | None
    last_seen_at: datetime | None


class FriendRequested(Event, frozen=True, tag="friend.requested"):
    """A friend request was sent; `friendship` of the card is its direction for the receiver."""

    user: UserCard


class FriendAccepted(Event, frozen=True, tag="friend.accepted"):
    """The receiver and this person are friends now."""

    user: UserCard


class FriendRemoved(Event, frozen=True, tag="friend.removed"):
    """The friendship or request between the receiver and this person has ended."""

    user_id: UUID


EndReason: TypeAlias = Literal[
    "signed_out", "password_changed", "account_deleted", "account_disabled", "expired"
]


class SessionEnded(Event, frozen=True, tag="session.ended"):
    """The receiver's session is over; the socket closes next."""

    reason: EndReason


AnyEvent: TypeAlias = (
    MessageCreated
    | MessageUpdated
    | MessageDeleted
    | MessageReacted
    | SavedUpdated
    | DraftUpdated
    | ScheduledUpdated
    | ReminderUpdated
    | ReminderDue
    | ConversationUpdated
    | ConversationRemoved
    | ConversationRead
    | ConversationDelivered
    | Typing
    | Presence
    | FriendRequested
    | FriendAccepted
    | FriendRemoved
    | SessionEnded
)


class Batch(msgspec.Struct, frozen=True, tag_field="type", tag="batch"):
    """Several events in one frame, at most 200, in their order."""

    events: list[AnyEvent]


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent | Batch] = msgspec.json.Decoder(AnyEvent | Batch)


class Delivery(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The receipt of an envelope: a device of `user_id` has the messages up to `seq`.

    `peer_id` is the other member of a direct conversation, None in a group. On the envelope of a
    group's message `user_id` is None, for every member but its sender, who is `peer_id`.
    """

    conversation_id: UUID
    user_id: UUID | None
    peer_id: UUID | None
    seq: int

    def of_receiver(self, user_id: UUID) -> "Delivery | None":
        """Return what a device of `user_id` that has the envelope records, None for nothing."""
        if self.user_id is not None:
            return self if self.user_id == user_id else None
        if self.peer_id == user_id:
            return None
        return Delivery(self.conversation_id, user_id, None, self.seq)


# The prefix of `merge` in envelopes with a Typing event.
TYPING = "typing:"


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event as it is published: encoded once for all receivers.

    `origin` is the outlet that caused it and does not receive it. An envelope is replaced by a
    later one of the same `merge`; those may be dropped under pressure. `join` is a topic to which
    the receivers are subscribed from now on, `leave` one to which they are not any more; `since` is
    the first `seq` of the joined group that they may read. An envelope about the message `seq` is
    not for those who may only read later ones; those who may not read the message `quoted` in it
    get `bare` instead of `body`. `ends` closes the receivers' outlets after it.
    `delivers` is recorded once a device of its receiver has the envelope, and so is `had`, the id
    of a due item. `context` is the request
    or frame that it comes from. `unused` is the `rev` that nodes without a change log send.
    """

    body: bytes
    origin: str = ""
    merge: str = ""
    join: str = ""
    ends: bool = False
    delivers: Delivery | None = None
    unused: object = None
    context: RequestContext = request_context.NONE
    leave: str = ""
    since: int = 0
    seq: int = 0
    quoted: int = 0
    bare: bytes = b""
    had: str = ""


def make_envelope(
    event: AnyEvent,
    *,
    origin: str = "",
    merge: str = "",
    join: str = "",
    since: int = 0,
    leave: str = "",
    seq: int = 0,
    ends: bool = False,
    delivers: Delivery | None = None,
    had: str = "",
    context: RequestContext | None = None,
) -> Envelope:
    """Encode `event` for all its receivers; `context` is the current one if it is not given."""
    body = _encoder.encode(event)
    context = request_context.current() if context is None else context
    return Envelope(
        body,
        origin,
        merge,
        join,
        ends,
        delivers,
        context=context,
        leave=leave,
        since=since,
        seq=seq,
        had=had,
    )


def message_envelope(
    event: MessageCreated | MessageUpdated | MessageDeleted,
    *,
    origin: str = "",
    seq: int = 0,
    delivers: Delivery | None = None,
    context: RequestContext | None = None,
) -> Envelope:
    """Encode an event about a message, for members of a group also without what it quotes."""
    envelope = make_envelope(event, origin=origin, seq=seq, delivers=delivers, context=context)
    quote = event.message.reply_to
    if quote is None or event.message.receiver_id is not None:
        return envelope
    bare = type(event)(message=replace(event.message, reply_to=None))
    return replace(envelope, quoted=quote.seq, bare=_encoder.encode(bare))


def make_batch(events: Sequence[AnyEvent]) -> Envelope:
    """Encode several events as one frame for all their receivers; it is of no single request."""
    return Envelope(join_bodies([_encoder.encode(event) for event in events]))


def join_bodies(bodies: Iterable[bytes]) -> bytes:
    """Return the body of one frame with the events of several bodies."""
    return b'{"type":"batch","events":[' + b",".join(bodies) + b"]}"


def decode(body: bytes) -> tuple[AnyEvent, ...]:
    """Return the event, or the events in a batch, of an envelope's body."""
    decoded = _decoder.decode(body)
    return tuple(decoded.events) if isinstance(decoded, Batch) else (decoded,)


def user_topic(user_id: UUID) -> str:
    """Return the topic of every device of one user."""
    return f"user:{user_id.hex}"


def session_topic(session_id: UUID) -> str:
    """Return the topic of the devices of one session."""
    return f"session:{session_id.hex}"


def conversation_topic(conversation_id: UUID) -> str:
    """Return the topic of every member of a group conversation."""
    return f"conversation:{conversation_id.hex}"


def conversation_of(topic: str) -> UUID:
    """Return the group of a `conversation_topic`."""
    return UUID(topic.removeprefix("conversation:"))


def topics_of(conversation_id: UUID, direct_key: str | None) -> list[str]:
    """Return the topics of a conversation: those of its two users, or the one of a group."""
    if direct_key is None:
        return [conversation_topic(conversation_id)]
    return [user_topic(user_id) for user_id in both_of(direct_key)]
