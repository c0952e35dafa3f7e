"""Updates of the people found: applying an event equals searching again."""

from uuid import UUID

from msgspec.structs import replace

from chat_app.accounts.schemas import UserCard
from chat_app.realtime.events import (
    AnyEvent,
    ConversationUpdated,
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
        case ConversationUpdated(conversation=conversation):
            for member in conversation.members:
                current = find(cards, member.id)
                if current is not None and current != (shown := with_profile(current, member)):
                    cards = with_card(cards, shown)
            return cards
        case _:
            return cards


def with_profile(card: UserCard, member: UserCard) -> UserCard:
    """Return a card with the profile that the person has as a member of a conversation.

    What stands between the viewer and them is the card's own: a group tells its members the same.
    """
    return replace(
        card,
        username=member.username,
        display_name=member.display_name,
        avatar_url=member.avatar_url,
        status_text=member.status_text,
    )


def must_search_again(cards: Cards, event: AnyEvent) -> bool:
    """Return whether a row must be loaded, or has gone.

    The end of a friendship may also be a block; who has deleted their account has no username.
    """
    match event:
        case FriendRemoved(user_id=user_id):
            return find(cards, user_id) is not None
        case ConversationUpdated(conversation=conversation):
            gone = (one for one in conversation.members if not one.username)
            return any(find(cards, one.id) is not None for one in gone)
        case _:
            return False


def with_card(cards: Cards, card: UserCard) -> Cards:
    """Return the cards with one replaced; a card of a person not found is ignored."""
    if find(cards, card.id) is None:
        return cards
    return tuple(card if one.id == card.id else one for one in cards)


def find(cards: Cards, user_id: UUID) -> UserCard | None:
    """Return the card of a person, if they were found."""
    return next((card for card in cards if card.id == user_id), None)
