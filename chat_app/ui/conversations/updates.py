"""How the list of conversations follows the news: applying an event equals loading afresh."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.realtime.events import (
    AnyEvent,
    ConversationRead,
    ConversationUpdated,
    MessageCreated,
    MessageDeleted,
    MessageUpdated,
)
from chat_app.realtime.shapes import Message

Conversations = tuple[Conversation, ...]


def apply(items: Conversations, event: AnyEvent, *, viewer_id: UUID) -> Conversations:
    """Return the list after the event; the same object when nothing in it changed."""
    changed: Conversation | None = None
    match event:
        case MessageCreated(message=message):
            changed = _with_new(_find(items, message.conversation_id), message, viewer_id)
        case MessageUpdated(message=message) | MessageDeleted(message=message):
            changed = _with_changed(_find(items, message.conversation_id), message)
        case ConversationRead(conversation_id=conversation_id):
            changed = _with_read(_find(items, conversation_id), event, viewer_id)
        case ConversationUpdated(conversation=conversation):
            return with_fresh(items, conversation)
        case _:
            pass
    if changed is None:
        return items
    return _with(items, changed, instead_of=_find(items, changed.id))


def unknown(items: Conversations, event: AnyEvent, *, viewer_id: UUID) -> UUID | None:
    """Return the conversation that must be loaded because the event does not say enough."""
    match event:
        case MessageCreated(message=message):
            known = _find(items, message.conversation_id)
            # Unlisted so far, or something in between was not heard.
            if known is None or message.seq > known.last_seq + 1:
                return message.conversation_id
        case ConversationRead(user_id=reader) if reader == viewer_id:
            known = _find(items, event.conversation_id)
            # How many of the rest are one's own only the database knows.
            if known and known.last_read_seq < event.seq < known.last_seq:
                return event.conversation_id
        case _:
            pass
    return None


def with_fresh(items: Conversations, conversation: Conversation) -> Conversations:
    """Return the list with a conversation as it was just loaded, new or not."""
    known = _find(items, conversation.id)
    if known is not None and known.last_rev > conversation.last_rev:
        return items
    return _with(items, conversation, instead_of=known)


def _find(items: Conversations, conversation_id: UUID) -> Conversation | None:
    return next((one for one in items if one.id == conversation_id), None)


def _with(
    items: Conversations, conversation: Conversation, *, instead_of: Conversation | None
) -> Conversations:
    others = [one for one in items if one is not instead_of]
    # News is nearly always about what is or becomes the first.
    if not others or _order(conversation) > _order(others[0]):
        return (conversation, *others)
    return tuple(sorted((*others, conversation), key=_order, reverse=True))


def _order(one: Conversation) -> tuple[datetime, UUID]:
    return (one.updated_at, one.id)


def _with_new(known: Conversation | None, message: Message, viewer_id: UUID) -> Conversation | None:
    if known is None or message.seq != known.last_seq + 1:
        return None
    own = message.sender_id == viewer_id
    return replace(
        known,
        last_message=message,
        last_seq=message.seq,
        last_rev=max(known.last_rev, message.rev),
        # Who writes has read what came before.
        last_read_seq=message.seq if own else known.last_read_seq,
        unread=0 if own else known.unread + 1,
        receipts=_reached(known.receipts, message.sender_id, message.seq),
        updated_at=message.created_at,
    )


def _with_changed(known: Conversation | None, message: Message) -> Conversation | None:
    if known is None or message.rev <= known.last_rev:
        return None
    last = known.last_message
    return replace(
        known,
        last_message=message if last and last.id == message.id else last,
        last_rev=message.rev,
    )


def _with_read(
    known: Conversation | None, event: ConversationRead, viewer_id: UUID
) -> Conversation | None:
    if known is None:
        return None
    if event.user_id != viewer_id:
        receipts = _reached(known.receipts, event.user_id, event.seq)
        return None if receipts == known.receipts else replace(known, receipts=receipts)
    if event.seq <= known.last_read_seq or event.seq < known.last_seq:
        return None
    return replace(known, last_read_seq=event.seq, unread=0)


def _reached(receipts: list[Receipt], user_id: UUID, seq: int) -> list[Receipt]:
    return [
        replace(
            receipt,
            delivered_seq=max(receipt.delivered_seq, seq),
            read_seq=max(receipt.read_seq, seq),
        )
        if receipt.user_id == user_id
        else receipt
        for receipt in receipts
    ]
