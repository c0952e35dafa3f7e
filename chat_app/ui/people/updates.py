"""Updates of the people found: applying an event equals searching again."""

from uuid import UUID

from msgspec.structs import replace

from chat_app.accounts.schemas import UserCard
from chat_app.realtime.events import (
    AnyEvent,
    FriendAccepted,
    FriendRemoved,
    FriendRequested,
    Presence,
)

Cards = tuple[UserCard, ...]


def apply(cards: Cards, event: AnyEvent) -> Cards:
    """Return the cards after the event; the same object when it is about none of them."""
    match event:
        case FriendRequested(user=user) | FriendAccepted(user=user):
            return with_card(cards, user)
        case Presence(user_id=user_id):
            current = find(cards, user_id)
            if current is None:
                return cards
            return with_card(
                cards, replace(current, online=event.online, last_seen_at=event.last_seen_at)
            )
        case _:
            return cards


def must_search_again(cards: Cards, event: AnyEvent) -> bool:
    """Return whether the row must be loaded: the end of a friendship may also be a block."""
    return isinstance(event, FriendRemoved) and find(cards, event.user_id) is not None


def with_card(cards: Cards, card: UserCard) -> Cards:
    """Return the cards with one replaced; a card of a person not found is ignored."""
    if find(cards, card.id) is None:
        return cards
    return tuple(card if one.id == card.id else one for one in cards)


def find(cards: Cards, user_id: UUID) -> UserCard | None:
    """Return the card of a person, if they were found."""
    return next((card for card in cards if card.id == user_id), None)
