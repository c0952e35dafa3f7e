"""Name parts: the index by which the search finds people.

A text that a name contains is what the name begins with from some letter on. So each person has
a row for every letter of their names, and the search reads a range of an index.
"""

from enum import IntEnum
from typing import Any
from uuid import UUID

from chat_app.core.text import fold

MAX_PART_LENGTH = 64
# A hundred letters fold to more where some of them are ligatures of whole phrases.
MAX_NAME_LENGTH = 300


class Place(IntEnum):
    """Where in the names a part begins; the lower, the better a match."""

    USERNAME = 0
    DISPLAY_NAME = 1
    WORD = 2
    INSIDE = 3


def name_parts(username: str, display_name: str) -> set[tuple[Place, str]]:
    """Return every part of somebody's names with its place."""
    return {
        (place, part)
        for name, beginning in ((username, Place.USERNAME), (display_name, Place.DISPLAY_NAME))
        for place, part in _parts(fold(name)[:MAX_NAME_LENGTH], beginning)
    }


def part_rows(user_id: UUID, username: str, display_name: str) -> list[dict[str, Any]]:
    """Return the rows of somebody's names, as a bulk insert takes them."""
    return [
        {"place": place, "part": part, "user_id": user_id}
        for place, part in sorted(name_parts(username, display_name))
    ]


def _parts(name: str, beginning: Place) -> list[tuple[Place, str]]:
    return [
        (_place(name, at) if at else beginning, name[at : at + MAX_PART_LENGTH])
        for at, letter in enumerate(name)
        if letter != " "  # nobody looks for a text that begins with a space
    ]


def _place(name: str, at: int) -> Place:
    return Place.WORD if name[at].isalnum() and not name[at - 1].isalnum() else Place.INSIDE
