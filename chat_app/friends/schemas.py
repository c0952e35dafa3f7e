"""Shapes of friends, requests, suggestions and blocks."""

from datetime import datetime
from typing import Literal

from chat_app.core.input import Id, Input
from chat_app.realtime.shapes import Shape, UserCard

Reason = Literal["mutual_friends", "written_with"]


class UserReference(Input):
    """The user who gets a friend request, or whose request is accepted."""

    user_id: Id


class PersonSince(Shape, frozen=True):
    """A person, and since when a request waits or a block holds."""

    user: UserCard
    created_at: datetime


class Requests(Shape, frozen=True):
    """The requests that wait, newest first: those to answer, and those one has sent."""

    incoming: list[PersonSince]
    outgoing: list[PersonSince]


class Blocks(Shape, frozen=True):
    """The users one has blocked, the latest first."""

    items: list[PersonSince]


class Suggestion(Shape, frozen=True):
    """Somebody one may know, with the number of friends in common and why they are named."""

    user: UserCard
    mutual_friends: int
    reason: Reason


class Suggestions(Shape, frozen=True):
    """People one may know, those with most friends in common first."""

    items: list[Suggestion]
