"""What one row of a list of people shows."""

from typing import TypedDict

from chat_app.accounts.schemas import UserCard
from chat_app.ui.kit.avatar import initials, tone


class PersonRow(TypedDict):
    """A person that a search found."""

    id: str
    name: str
    handle: str
    letters: str
    tone: str


def person_row(card: UserCard) -> PersonRow:
    """Show a person."""
    return PersonRow(
        id=str(card.id),
        name=card.display_name,
        handle=f"@{card.username}",
        letters=initials(card.display_name),
        tone=tone(card.id),
    )
