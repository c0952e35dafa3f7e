"""Updates of a conversation in the list: applying an event equals loading it again."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.core.clock import utc_now
from chat_app.realtime.events import (
    AnyEvent,
    ConversationDelivered,
    ConversationRead,
    ConversationRemoved,
    ConversationUpdated,
    DraftUpdated,
    FriendAccepted,
    FriendRemoved,
    FriendRequested,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    Presence,
)
from chat_app.realtime.shapes import Membership, Message, UserCard


def subject_of(event: AnyEvent) -> UUID | None:
    """Return the conversation that an event is about; None for one about a person."""
    match event:
        case (
            MessageCreated(message=message)
            | MessageUpdated(message=message)
            | MessageDeleted(message=message)
        ):
            return message.conversation_id
        case ConversationRead() | ConversationDelivered() | DraftUpdated():
            return event.conversation_id
        case ConversationUpdated(conversation=conversation):
            return conversation.id
        case ConversationRemoved(conversation_id=conversation_id):
            return conversation_id
        case _:
            return None


def person_of(event: AnyEvent) -> UUID | None:
    """Return the person whose direct conversation an event changes; None for all others."""
    match event:
        case FriendRequested(user=card) | FriendAccepted(user=card):
            return card.id
        case FriendRemoved(user_id=user_id) | Presence(user_id=user_id):
            return user_id
        case _:
            return None


def apply(current: Conversation, event: AnyEvent, *, viewer_id: UUID) -> Conversation:
    """Return a conversation after an event; the same object when nothing in it changed."""
    after = current
    subject = subject_of(event)
    match event:
        case _ if subject is not None and subject != current.id:
            pass
        case MessageCreated(message=message):
            after = _with_new(current, message, viewer_id)
        case MessageUpdated(message=message) | MessageDeleted(message=message):
            after = _with_changed(current, message)
        case ConversationRead(user_id=user_id, seq=seq) if user_id != viewer_id:
            after = _with_receipt(current, _receipt(user_id, delivered=seq, read=seq))
        case ConversationDelivered(user_id=user_id, seq=seq):
            after = _with_receipt(current, _receipt(user_id, delivered=seq))
        case ConversationUpdated(conversation=conversation):
            after = with_loaded(current, conversation)
        case DraftUpdated(draft=draft) if draft is not None:
            is_newer = current.draft is None or current.draft.version < draft.version
            after = replace(current, draft=draft) if is_newer else current
        case FriendRequested(user=card) | FriendAccepted(user=card):
            after = _with_card(current, card)
        case Presence():
            after = _with_presence(current, event)
        case _:
            pass
    return after


def must_load(current: Conversation | None, event: AnyEvent, *, viewer_id: UUID) -> bool:
    """Return whether a conversation must be loaded because an event holds too little of it.

    None is one that is not listed. The viewer's own read marks are loaded from the database: two
    that were set at nearly the same moment may be received in either order. So are unread counts
    after a deletion: the list may have been loaded after it, or never have counted the message.
    """
    if current is None:
        return isinstance(event, MessageCreated | ConversationUpdated)
    must = False
    match event:
        case MessageCreated(message=message):
            # An event in between was missed, or the group itself has changed.
            must = message.seq > current.last_seq + 1 or (
                message.kind == "notice" and message.seq > current.last_seq
            )
        case MessageUpdated(message=message):
            # It may mention the viewer now, or no more.
            must = message.seq > current.last_seq or (
                _is_unread(current, message, viewer_id)
                and (current.unread_mentions > 0 or _mentions(message, viewer_id))
            )
        case MessageDeleted(message=message):
            must = message.seq > current.last_seq or _is_unread(current, message, viewer_id)
        case ConversationRead(user_id=reader, seq=seq):
            must = reader == viewer_id and current.last_read_seq < seq
        case ConversationUpdated(conversation=conversation):
            must = current.last_read_seq != conversation.last_read_seq
        case DraftUpdated(draft=draft):
            # No draft has no version: the list may have been loaded after a later one.
            must = draft is None and current.draft is not None
        case FriendRemoved():
            # The end of a friendship may also be a block, by either of them.
            must = True
        case _:
            pass
    return must


def changes_unlisted_count(event: AnyEvent, *, viewer_id: UUID) -> bool:
    """Return whether an event may change the unread count of a conversation that is not listed.

    A read mark of the viewer does, and so does the deletion of another person's message.
    """
    match event:
        case ConversationRead(user_id=reader):
            return reader == viewer_id
        case MessageDeleted(message=message):
            return message.sender_id != viewer_id
        case _:
            return False


# The fields of a conversation that may change without a message.
_BESIDE_MESSAGES = (
    "members",
    "title",
    "description",
    "visibility",
    "history",
    "posting",
    "members_count",
    "me",
    "draft",
)


def with_loaded(current: Conversation | None, conversation: Conversation) -> Conversation:
    """Return a conversation that was just loaded, in place of the one that was listed."""
    if current is not None and current.last_rev > conversation.last_rev:
        # It was loaded before the last message, and arrives after it.
        conversation = replace(
            current, **{name: getattr(conversation, name) for name in _BESIDE_MESSAGES}
        )
    if current is not None and current.receipts:
        receipts = _merged(conversation.receipts, current.receipts)
        conversation = replace(conversation, receipts=receipts)
    return conversation


def brought_back(current: Conversation) -> Membership:
    """Return the viewer's part after a new message: it ends the archiving, unless it is muted."""
    is_kept = not current.me.archived or is_muted(current)
    return current.me if is_kept else replace(current.me, archived=False)


def is_muted(conversation: Conversation) -> bool:
    """Return whether the viewer has muted a conversation at this moment."""
    until = conversation.me.muted_until
    return until is not None and (until == "forever" or datetime.fromisoformat(until) > utc_now())


def _mentions(message: Message, viewer_id: UUID) -> bool:
    return message.mentions_all or viewer_id in message.mentions


def _is_unread(current: Conversation, message: Message, viewer_id: UUID) -> bool:
    return message.sender_id != viewer_id and message.seq > current.last_read_seq


def _with_card(current: Conversation, card: UserCard) -> Conversation:
    if current.kind != "direct" or card in current.members:
        return current
    members = [card if member.id == card.id else member for member in current.members]
    return current if members == current.members else replace(current, members=members)


def _with_presence(current: Conversation, event: Presence) -> Conversation:
    for card in current.members:
        if card.id == event.user_id:
            state = replace(card, online=event.online, last_seen_at=event.last_seen_at)
            return _with_card(current, state)
    return current


def _with_new(current: Conversation, message: Message, viewer_id: UUID) -> Conversation:
    if message.seq != current.last_seq + 1:
        return current
    if message.kind == "notice":
        # It counts for nothing, and nobody has read anything by it.
        return replace(
            current,
            last_message=message,
            last_seq=message.seq,
            last_rev=max(current.last_rev, message.rev),
            updated_at=message.created_at,
        )
    own = message.sender_id == viewer_id
    # A muted group counts mentions by name only.
    mentions = viewer_id in message.mentions or (message.mentions_all and not is_muted(current))
    receipts = current.receipts
    if receipts:
        # A sender has read what came before.
        receipt = _receipt(message.sender_id, delivered=message.seq, read=message.seq)
        receipts = _merged(receipts, [receipt])
    return replace(
        current,
        last_message=message,
        last_seq=message.seq,
        last_rev=max(current.last_rev, message.rev),
        last_read_seq=message.seq if own else current.last_read_seq,
        unread=0 if own else current.unread + 1,
        unread_mentions=0 if own else current.unread_mentions + mentions,
        me=brought_back(current),
        receipts=receipts,
        updated_at=message.created_at,
    )


def _with_changed(current: Conversation, message: Message) -> Conversation:
    last = current.last_message
    # Changes of two messages may be received in either order.
    if last and last.id == message.id and last.rev < message.rev:
        last = message
    elif message.rev <= current.last_rev:
        return current
    return replace(current, last_message=last, last_rev=max(current.last_rev, message.rev))


def _with_receipt(current: Conversation, other: Receipt) -> Conversation:
    receipts = _merged(current.receipts, [other])
    return current if receipts == current.receipts else replace(current, receipts=receipts)


def _receipt(user_id: UUID, *, delivered: int, read: int = 0) -> Receipt:
    return Receipt(user_id=user_id, delivered_seq=delivered, read_seq=read)


def _merged(receipts: list[Receipt], others: list[Receipt]) -> list[Receipt]:
    """Return the receipts raised to others; a receipt never goes back."""
    new = {receipt.user_id: receipt for receipt in others}
    return [
        replace(
            receipt,
            delivered_seq=max(receipt.delivered_seq, new[receipt.user_id].delivered_seq),
            read_seq=max(receipt.read_seq, new[receipt.user_id].read_seq),
        )
        if receipt.user_id in new
        else receipt
        for receipt in receipts
    ]
