"""Shapes of the search."""

from typing import Literal
from uuid import UUID

from chat_app.realtime.shapes import Message, Shape


class FoundIn(Shape, frozen=True):
    """The conversation of a found message; a direct one has no title."""

    id: UUID
    kind: Literal["direct", "group"]
    title: str


class FoundMessage(Shape, frozen=True):
    """A found message.

    `ranges` are the places of what was found in `content`: where each begins and ends, counted in
    code points, not overlapping, at most a hundred. None cuts through a grapheme.
    """

    message: Message
    conversation: FoundIn
    ranges: list[tuple[int, int]]


class SearchPage(Shape, frozen=True):
    """Found messages, newest first; `next_before` while there may be more, also on a short page."""

    items: list[FoundMessage]
    next_before: str | None
