"""What one row of the people screen shows."""

from collections.abc import Iterable
from typing import TypedDict

from chat_app.accounts.schemas import UserCard
from chat_app.friends.schemas import PersonSince, Suggestion
from chat_app.realtime.events import Presence
from chat_app.ui.kit.avatar import initials, tone


class FriendRow(TypedDict):
    """A person, with the one line that is said about them."""

    id: str
    name: str
    about: str
    letters: str
    tone: str
    online: bool


def friend_row(card: UserCard, about: str = "") -> FriendRow:
    """Show a person; without anything about them, by their username."""
    return FriendRow(
        id=str(card.id),
        name=card.display_name,
        about=about or f"@{card.username}",
        letters=initials(card.display_name),
        tone=tone(card.id),
        online=card.online is True,
    )


def friend_rows(cards: Iterable[UserCard]) -> list[FriendRow]:
    """Show friends with what they say of themselves."""
    return [friend_row(card, card.status_text) for card in cards]


def since_rows(entries: Iterable[PersonSince], about: str = "") -> list[FriendRow]:
    """Show those who have asked, were asked, or are blocked."""
    return [friend_row(entry.user, about) for entry in entries]


def suggestion_rows(suggestions: Iterable[Suggestion]) -> list[FriendRow]:
    """Show people one may know, with the reason in words."""
    return [friend_row(one.user, reason(one)) for one in suggestions]


def reason(suggestion: Suggestion) -> str:
    """Say why somebody is suggested."""
    if suggestion.reason == "written_with":
        return "You have written to each other"
    number = suggestion.mutual_friends
    return f"{number} mutual friend{'' if number == 1 else 's'}"


def with_presence(rows: list[FriendRow], event: Presence) -> list[FriendRow]:
    """Return the rows after somebody came or went."""
    person, online = str(event.user_id), event.online is True
    return [FriendRow(**{**row, "online": online}) if row["id"] == person else row for row in rows]
