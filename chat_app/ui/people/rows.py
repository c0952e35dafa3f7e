"""What one row of a list of people shows."""

from typing import Literal, TypedDict

from chat_app.accounts.schemas import UserCard
from chat_app.ui.kit.avatar import initials, tone

Action = Literal["Add friend", "Accept", "Cancel", ""]

# What stands beside the name, and the one thing to do about it.
FRIENDSHIPS: dict[str, tuple[str, Action]] = {
    "none": ("", "Add friend"),
    "requested": ("Request sent", "Cancel"),
    "incoming": ("Wants to be friends", "Accept"),
    "friends": ("Friends", ""),
    "blocked": ("", ""),
}


class PersonRow(TypedDict):
    """A person that a search found; `problem` says why the last attempt with them failed."""

    id: str
    name: str
    handle: str
    letters: str
    tone: str
    online: bool
    friendship: str
    action: Action
    problem: str


def number_found(number: int) -> str:
    """Say how many people a search found."""
    return f"{number} {'person' if number == 1 else 'people'} found"


def person_row(card: UserCard, problem: str = "") -> PersonRow:
    """Show a person."""
    friendship, action = FRIENDSHIPS[card.friendship]
    return PersonRow(
        id=str(card.id),
        name=card.display_name,
        handle=f"@{card.username}",
        letters=initials(card.display_name),
        tone=tone(card.id),
        online=card.online is True,
        friendship=friendship,
        action=action,
        problem=problem,
    )
