"""Rows of the people found by a search."""

from typing import Literal, TypedDict

from chat_app.accounts.schemas import UserCard
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.told import told

Action = Literal["Add friend", "Accept", "Cancel", ""]

# The text beside the name, and the action of the button.
FRIENDSHIPS: dict[str, tuple[str, Action]] = {
    "none": ("", "Add friend"),
    "requested": ("Request sent", "Cancel"),
    "incoming": ("Wants to be friends", "Accept"),
    "friends": ("Friends", ""),
    "blocked": ("", ""),
}


class PersonRow(TypedDict):
    """A person found by a search; `problem` is the error of the last action on them."""

    id: str
    order: int
    name: str
    handle: str
    letters: str
    tone: str
    picture: str
    online: bool
    friendship: str
    action: Action
    problem: str


def number_found(number: int) -> str:
    """Return the number of people found as a sentence for screen readers."""
    return told("{n} person found|{n} people found", n=number)


def person_row(card: UserCard, place: int, problem: str = "") -> PersonRow:
    """Return the row of a person at a place among those found."""
    friendship, action = FRIENDSHIPS[card.friendship]
    return PersonRow(
        id=str(card.id),
        order=place,
        name=card.display_name,
        handle=f"@{card.username}",
        letters=initials(card.display_name),
        tone=tone(card.id),
        picture=card.avatar_url or "",
        online=card.online is True,
        friendship=friendship,
        action=action,
        problem=problem,
    )
