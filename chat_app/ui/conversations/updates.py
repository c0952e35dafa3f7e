"""How the list of conversations follows the news: applying an event equals loading afresh."""

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
            known = _find(items, event.conversation_id)
            changed = _with_receipt(known, _receipt(user_id, delivered=seq, read=seq))
        case ConversationDelivered(user_id=user_id, seq=seq):
            known = _find(items, event.conversation_id)
            changed = _with_receipt(known, _receipt(user_id, delivered=seq))
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
    """Return the conversation that must be loaded because the event does not say enough.

    Of one's own marks only the database knows: two that were set at nearly the same moment may be
    heard in either order.
    """
    match event:
        case MessageCreated(message=message):
            known = _find(items, message.conversation_id)
            # Unlisted so far, or something in between was not heard.
            if known is None or message.seq > known.last_seq + 1:
                return message.conversation_id
        case MessageUpdated(message=message) | MessageDeleted(message=message):
            known = _find(items, message.conversation_id)
            if known and message.seq > known.last_seq:
                return message.conversation_id
        case ConversationRead(user_id=reader) if reader == viewer_id:
            known = _find(items, event.conversation_id)
            if known and known.last_read_seq < event.seq:
                return event.conversation_id
        case ConversationUpdated(conversation=conversation):
            known = _find(items, conversation.id)
            if known is None or known.last_read_seq != conversation.last_read_seq:
                return conversation.id
        case FriendRemoved(user_id=user_id):
            # Who parted may also have blocked the other, or the reader them.
            known = _direct_with(items, user_id)
            return known.id if known else None
        case _:
            pass
    return None


def is_unlisted_read(items: Conversations, event: AnyEvent, *, viewer_id: UUID) -> bool:
    """Whether the viewer has read in a conversation further down than the list was loaded."""
    match event:
        case ConversationRead(user_id=reader):
            return reader == viewer_id and _find(items, event.conversation_id) is None
        case _:
            return False


def with_loaded(items: Conversations, conversation: Conversation) -> Conversations:
    """Return the list with a conversation as it was just loaded, new or not."""
    known = _find(items, conversation.id)
    if known is not None and known.last_rev > conversation.last_rev:
        # It was loaded before the last message, and is told after it.
        conversation = replace(known, members=conversation.members, title=conversation.title)
    if known is not None and known.receipts:
        receipts = _merged(conversation.receipts, known.receipts)
        conversation = replace(conversation, receipts=receipts)
    return _replaced(items, conversation, instead_of=known)


def _find(items: Conversations, conversation_id: UUID) -> Conversation | None:
    return next((one for one in items if one.id == conversation_id), None)


def _direct_with(items: Conversations, user_id: UUID) -> Conversation | None:
    direct = (one for one in items if one.kind == "direct")
    return next((one for one in direct if user_id in {m.id for m in one.members}), None)


def _with_card(items: Conversations, card: UserCard) -> Conversations:
    known = _direct_with(items, card.id)
    if known is None or card in known.members:
        return items
    members = [card if member.id == card.id else member for member in known.members]
    changed = replace(known, members=members)
    return tuple(changed if one is known else one for one in items)


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


def _with_new(known: Conversation | None, message: Message, viewer_id: UUID) -> Conversation | None:
    if known is None or message.seq != known.last_seq + 1:
        return None
    own = message.sender_id == viewer_id
    # Who writes has read what came before.
    receipt = _receipt(message.sender_id, delivered=message.seq, read=message.seq)
    return replace(
        known,
        last_message=message,
        last_seq=message.seq,
        last_rev=max(known.last_rev, message.rev),
        last_read_seq=message.seq if own else known.last_read_seq,
        unread=0 if own else known.unread + 1,
        receipts=_merged(known.receipts, [receipt]),
        updated_at=message.created_at,
    )


def _with_changed(known: Conversation | None, message: Message) -> Conversation | None:
    if known is None:
        return None
    last = known.last_message
    # Changes of two messages may be heard in either order.
    if last and last.id == message.id and last.rev < message.rev:
        last = message
    elif message.rev <= known.last_rev:
        return None
    return replace(known, last_message=last, last_rev=max(known.last_rev, message.rev))


def _with_receipt(known: Conversation | None, news: Receipt) -> Conversation | None:
    if known is None:
        return None
    receipts = _merged(known.receipts, [news])
    return None if receipts == known.receipts else replace(known, receipts=receipts)


def _receipt(user_id: UUID, *, delivered: int, read: int = 0) -> Receipt:
    return Receipt(user_id=user_id, delivered_seq=delivered, read_seq=read)


def _merged(receipts: list[Receipt], news: list[Receipt]) -> list[Receipt]:
    """Return the receipts with what is new in others; neither goes back."""
    new = {receipt.user_id: receipt for receipt in news}
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
