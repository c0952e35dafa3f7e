"""Rows of the people screen, made from user cards."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, TypedDict

from chat_app.accounts.schemas import UserCard
from chat_app.core.text import fold
from chat_app.friends.schemas import PersonSince, Suggestion
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.told import told

# A person is in one of them.
Group = Literal["friends", "incoming", "outgoing", "suggestions", "blocked"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# Above every time in microseconds: what is taken from it sorts the newest first.
LATEST = 10**17


class FriendRow(TypedDict):
    """A person, with one line about them; rows of one group are sorted by `order`."""

    id: str
    group: Group
    order: str
    name: str
    about: str
    letters: str
    tone: str
    picture: str
    online: bool


def friend_row(card: UserCard, group: Group, order: str, about: str = "") -> FriendRow:
    """Return a person's row; without `about`, it shows their username."""
    return FriendRow(
        id=str(card.id),
        group=group,
        order=order,
        name=card.display_name,
        about=about or f"@{card.username}",
        letters=initials(card.display_name),
        tone=tone(card.id),
        picture=card.avatar_url or "",
        online=card.online is True,
    )


def friend_rows(cards: Iterable[UserCard]) -> Iterator[FriendRow]:
    """Yield the rows of friends, with their status texts."""
    for card in cards:
        order = f"{fold(card.display_name)}\0{card.username}"
        yield friend_row(card, "friends", order, card.status_text)


def with_profile(row: FriendRow, card: UserCard) -> FriendRow:
    """Return a row with the profile that the person has as a member of a conversation."""
    if row["group"] == "friends":
        [shown] = friend_rows([card])
        return FriendRow(**{**shown, "online": row["online"]})
    # Others have a text about both, or their username.
    about = f"@{card.username}" if row["about"].startswith("@") else row["about"]
    shown = friend_row(card, row["group"], row["order"], about)
    return FriendRow(**{**shown, "online": row["online"]})


def since_rows(
    entries: Iterable[PersonSince], group: Group, about: str = ""
) -> Iterator[FriendRow]:
    """Yield the rows of requests or blocks."""
    for entry in entries:
        order = f"{LATEST - (entry.created_at - EPOCH) // MICROSECOND:018d}"
        yield friend_row(entry.user, group, order, about)


def suggestion_rows(suggestions: Iterable[Suggestion]) -> Iterator[FriendRow]:
    """Yield the rows of suggested people, each with the reason as text."""
    for place, one in enumerate(suggestions):
        yield friend_row(one.user, "suggestions", f"{place:03d}", reason(one))


def reason(suggestion: Suggestion) -> str:
    """Return the reason for a suggestion as text."""
    if suggestion.reason == "written_with":
        return told("You have written to each other")
    return told("{n} mutual friend|{n} mutual friends", n=suggestion.mutual_friends)
