"""Rows of the people screen, made from user cards."""

from collections.abc import Iterable
from typing import TypedDict

from chat_app.accounts.schemas import UserCard
from chat_app.friends.schemas import PersonSince, Suggestion
from chat_app.realtime.events import Presence
from chat_app.ui.kit.avatar import initials, tone


class FriendRow(TypedDict):
    """A person, with one line about them."""

    id: str
    name: str
    about: str
    letters: str
    tone: str
    online: bool


def friend_row(card: UserCard, about: str = "") -> FriendRow:
    """Return a person's row; without `about`, it shows their username."""
    return FriendRow(
        id=str(card.id),
        name=card.display_name,
        about=about or f"@{card.username}",
        letters=initials(card.display_name),
        tone=tone(card.id),
        online=card.online is True,
    )


def friend_rows(cards: Iterable[UserCard]) -> list[FriendRow]:
    """Return the rows of friends, with their status texts."""
    return [friend_row(card, card.status_text) for card in cards]


def since_rows(entries: Iterable[PersonSince], about: str = "") -> list[FriendRow]:
    """Return the rows of requests or blocks."""
    return [friend_row(entry.user, about) for entry in entries]


def suggestion_rows(suggestions: Iterable[Suggestion]) -> list[FriendRow]:
    """Return the rows of suggested people, each with the reason as text."""
    return [friend_row(one.user, reason(one)) for one in suggestions]


def reason(suggestion: Suggestion) -> str:
    """Return the reason for a suggestion as text."""
    if suggestion.reason == "written_with":
        return "You have written to each other"
    number = suggestion.mutual_friends
    return f"{number} mutual friend{'' if number == 1 else 's'}"


def with_presence(rows: list[FriendRow], event: Presence) -> list[FriendRow]:
    """Return the rows after a person went online or offline."""
    person, online = str(event.user_id), event.online is True
    return [FriendRow(**{**row, "online": online}) if row["id"] == person else row for row in rows]
