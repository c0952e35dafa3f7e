"""Updates of the list of conversations: applying an event equals loading the list again."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.realtime.events import (
    AnyEvent,
    ConversationDelivered,
    ConversationRead,
    ConversationUpdated,
    FriendAccepted,
    FriendRemoved,
    FriendRequested,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
    Presence,
)
from chat_app.realtime.shapes import Message, UserCard

Conversations = tuple[Conversation, ...]


def apply(items: Conversations, event: AnyEvent, *, viewer_id: UUID) -> Conversations:
    """Return the list after the event; the same object when nothing in it changed."""
    changed: Conversation | None = None
    match event:
        case MessageCreated(message=message):
            changed = _with_new(_find(items, message.conversation_id), message, viewer_id)
        case MessageUpdated(message=message) | MessageDeleted(message=message):
            changed = _with_changed(_find(items, message.conversation_id), message)
        case ConversationRead(user_id=user_id, seq=seq) if user_id != viewer_id:
            current = _find(items, event.conversation_id)
            changed = _with_receipt(current, _receipt(user_id, delivered=seq, read=seq))
        case ConversationDelivered(user_id=user_id, seq=seq):
            current = _find(items, event.conversation_id)
            changed = _with_receipt(current, _receipt(user_id, delivered=seq))
        case ConversationUpdated(conversation=conversation):
            return with_loaded(items, conversation)
        case FriendRequested(user=card) | FriendAccepted(user=card):
            return _with_card(items, card)
        case Presence():
            return _with_presence(items, event)
        case _:
            pass
    if changed is None:
        return items
    return _replaced(items, changed, instead_of=_find(items, changed.id))


def conversation_to_load(items: Conversations, event: AnyEvent, *, viewer_id: UUID) -> UUID | None:
    """Return the conversation that must be loaded because the event holds too little of it.

    The viewer's own read marks are loaded from the database: two that were set at nearly the same
    moment may be received in either order. So are unread counts after a deletion: the list may have
    been loaded after it, or never have counted the message.
    """
    match event:
        case MessageCreated(message=message) | MessageUpdated(message=message):
            current = _find(items, message.conversation_id)
            if _is_ahead(current, event):
                return message.conversation_id
        case MessageDeleted(message=message):
            current = _find(items, message.conversation_id)
            if _is_ahead(current, event) or _is_unread(current, message, viewer_id):
                return message.conversation_id
        case ConversationRead(user_id=reader) if reader == viewer_id:
            current = _find(items, event.conversation_id)
            if current and current.last_read_seq < event.seq:
                return event.conversation_id
        case ConversationUpdated(conversation=conversation):
            current = _find(items, conversation.id)
            if current is None or current.last_read_seq != conversation.last_read_seq:
                return conversation.id
        case FriendRemoved(user_id=user_id):
            # The end of a friendship may also be a block, by either of them.
            current = _direct_with(items, user_id)
            return current.id if current else None
        case _:
            pass
    return None


def changes_unlisted_count(items: Conversations, event: AnyEvent, *, viewer_id: UUID) -> bool:
    """Return whether the event may change the unread count of a conversation not loaded yet.

    A read mark of the viewer does, and so does the deletion of another person's message.
    """
    match event:
        case ConversationRead(user_id=reader):
            return reader == viewer_id and _find(items, event.conversation_id) is None
        case MessageDeleted(message=message):
            is_own = message.sender_id == viewer_id
            return not is_own and _find(items, message.conversation_id) is None
        case _:
            return False


def with_loaded(items: Conversations, conversation: Conversation) -> Conversations:
    """Return the list with a conversation that was just loaded, listed before or not."""
    current = _find(items, conversation.id)
    if current is not None and current.last_rev > conversation.last_rev:
        # It was loaded before the last message, and arrives after it.
        conversation = replace(current, members=conversation.members, title=conversation.title)
    if current is not None and current.receipts:
        receipts = _merged(conversation.receipts, current.receipts)
        conversation = replace(conversation, receipts=receipts)
    return _replaced(items, conversation, instead_of=current)


def _find(items: Conversations, conversation_id: UUID) -> Conversation | None:
    return next((one for one in items if one.id == conversation_id), None)


def _is_ahead(
    current: Conversation | None, event: MessageCreated | MessageUpdated | MessageDeleted
) -> bool:
    if isinstance(event, MessageCreated):
        # Not listed so far, or an event in between was missed.
        return current is None or event.message.seq > current.last_seq + 1
    return current is not None and event.message.seq > current.last_seq


def _is_unread(current: Conversation | None, message: Message, viewer_id: UUID) -> bool:
    if current is None or message.sender_id == viewer_id:
        return False
    return message.seq > current.last_read_seq


def _direct_with(items: Conversations, user_id: UUID) -> Conversation | None:
    direct = (one for one in items if one.kind == "direct")
    return next((one for one in direct if user_id in {m.id for m in one.members}), None)


def _with_card(items: Conversations, card: UserCard) -> Conversations:
    current = _direct_with(items, card.id)
    if current is None or card in current.members:
        return items
    members = [card if member.id == card.id else member for member in current.members]
    changed = replace(current, members=members)
    return tuple(changed if one is current else one for one in items)


def _replaced(
    items: Conversations, conversation: Conversation, *, instead_of: Conversation | None
) -> Conversations:
    others = [one for one in items if one is not instead_of]
    # An event is nearly always about what is or becomes the first.
    if not others or _order(conversation) > _order(others[0]):
        return (conversation, *others)
    return tuple(sorted((*others, conversation), key=_order, reverse=True))


def _order(one: Conversation) -> tuple[datetime, UUID]:
    return (one.updated_at, one.id)


def _with_presence(items: Conversations, event: Presence) -> Conversations:
    direct = _direct_with(items, event.user_id)
    for card in direct.members if direct else ():
        if card.id == event.user_id:
            state = replace(card, online=event.online, last_seen_at=event.last_seen_at)
            return _with_card(items, state)
    return items


def _with_new(
    current: Conversation | None, message: Message, viewer_id: UUID
) -> Conversation | None:
    if current is None or message.seq != current.last_seq + 1:
        return None
    own = message.sender_id == viewer_id
    # A sender has read what came before.
    receipt = _receipt(message.sender_id, delivered=message.seq, read=message.seq)
    return replace(
        current,
        last_message=message,
        last_seq=message.seq,
        last_rev=max(current.last_rev, message.rev),
        last_read_seq=message.seq if own else current.last_read_seq,
        unread=0 if own else current.unread + 1,
        receipts=_merged(current.receipts, [receipt]),
        updated_at=message.created_at,
    )


def _with_changed(current: Conversation | None, message: Message) -> Conversation | None:
    if current is None:
        return None
    last = current.last_message
    # Changes of two messages may be received in either order.
    if last and last.id == message.id and last.rev < message.rev:
        last = message
    elif message.rev <= current.last_rev:
        return None
    return replace(current, last_message=last, last_rev=max(current.last_rev, message.rev))


def _with_receipt(current: Conversation | None, other: Receipt) -> Conversation | None:
    if current is None:
        return None
    receipts = _merged(current.receipts, [other])
    return None if receipts == current.receipts else replace(current, receipts=receipts)


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
