"""How the people found follow the news: applying an event equals searching again."""

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
            known = find(cards, user_id)
            if known is None:
                return cards
            return with_card(
                cards, replace(known, online=event.online, last_seen_at=event.last_seen_at)
            )
        case _:
            return cards


def must_search_again(cards: Cards, event: AnyEvent) -> bool:
    """Whether the event does not say enough: who parted may also have blocked or been blocked."""
    return isinstance(event, FriendRemoved) and find(cards, event.user_id) is not None


def with_card(cards: Cards, card: UserCard) -> Cards:
    """Return the cards with a fresh one in its place; a person who was not found stays out."""
    if find(cards, card.id) is None:
        return cards
    return tuple(card if one.id == card.id else one for one in cards)


def find(cards: Cards, user_id: UUID) -> UserCard | None:
    """Return the card of a person, if they were found."""
    return next((card for card in cards if card.id == user_id), None)
