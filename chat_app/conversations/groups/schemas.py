"""Shapes of groups."""

import unicodedata
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from chat_app.accounts.rules import MAX_MARKS
from chat_app.core.input import Id, Input, moment_of, text_pattern
from chat_app.core.text import (
    has_control,
    has_lone_surrogate,
    has_stacked_marks,
    shows_something,
    turns_text,
)
from chat_app.realtime.shapes import History, Person, Posting, Role, Shape, UserCard, Visibility

MAX_TITLE_LENGTH = 100
MAX_DESCRIPTION_LENGTH = 500
# Of one call.
MAX_ADDED = 500
MAX_MEMBERS = 5_000


def clean_title(text: str) -> str:
    """Return the title without outer spaces, composed. Raises ValueError."""
    title = unicodedata.normalize("NFC", text.strip()) if len(text) <= 1_000 else text  # noqa: PLR2004  # far beyond any title: do not normalise a flood
    if not 1 <= len(title) <= MAX_TITLE_LENGTH or not shows_something(title):
        message = f"Choose a name of 1 to {MAX_TITLE_LENGTH} characters."
        raise ValueError(message)
    if has_control(title) or has_lone_surrogate(title) or turns_text(title):
        message = "The name holds characters that cannot be seen."
        raise ValueError(message)
    if has_stacked_marks(title, most=MAX_MARKS):
        message = "The name holds too many marks on one letter."
        raise ValueError(message)
    return title


def clean_description(text: str) -> str:
    """Return the description without outer spaces. Raises ValueError."""
    description = text.strip()
    if len(description) > MAX_DESCRIPTION_LENGTH:
        message = f"Write at most {MAX_DESCRIPTION_LENGTH} characters."
        raise ValueError(message)
    if has_control(description, allowed="\n") or has_lone_surrogate(description):
        message = "The text holds control characters."
        raise ValueError(message)
    if turns_text(description):
        message = "The text holds characters that turn its direction."
        raise ValueError(message)
    return description


Title = Annotated[
    str,
    AfterValidator(clean_title),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TITLE_LENGTH,
            "pattern": text_pattern(),
            "description": "Something visible, trimmed before it is measured.",
        }
    ),
]
Description = Annotated[
    str,
    AfterValidator(clean_description),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": MAX_DESCRIPTION_LENGTH,
            "pattern": text_pattern(allowed="\n", may_be_blank=True),
        }
    ),
]


class GroupRequest(Input):
    """A group to make; the user who makes it is its owner."""

    kind: Literal["group"]
    title: Title
    member_ids: Annotated[list[Id], Field(max_length=MAX_ADDED)]
    description: Description = ""
    visibility: Visibility = "private"
    history: History = "all"
    posting: Posting = "everyone"


class GroupChange(Input):
    """Changes of a group: only what is given changes, and null is no value."""

    # What was not given has a value of no meaning, from a factory, so that no document names it.
    title: Title = Field(default_factory=str)
    description: Description = Field(default_factory=str)
    visibility: Visibility = Field(default_factory=lambda: "private")
    history: History = Field(default_factory=lambda: "all")
    posting: Posting = Field(default_factory=lambda: "everyone")

    def given(self) -> dict[str, str]:
        """Return the fields that were given, by name."""
        return self.model_dump(exclude_unset=True)


class MembersRequest(Input):
    """People to add."""

    user_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_ADDED)]


class RoleRequest(Input):
    """The role that a member shall have."""

    role: Role


def _moment_or_forever(value: object) -> object:
    return value if value == "forever" else moment_of(value)


class MembershipRequest(Input):
    """Changes of the user's own part in a conversation: only what is given changes."""

    muted_until: Annotated[
        datetime | Literal["forever"] | None, BeforeValidator(_moment_or_forever)
    ] = None
    favourite: bool = Field(default_factory=bool)
    archived: bool = Field(default_factory=bool)


class Added(Shape, frozen=True):
    """The people who were added, and those who were in the group before."""

    added: list[UUID]
    already: list[UUID]


class GroupMember(Shape, frozen=True):
    """A member in the list of members."""

    user: UserCard
    role: Role
    joined_at: datetime


class MemberPage(Shape, frozen=True):
    """Members: owners, then admins, then the others by name; `total` is of the whole group."""

    items: list[GroupMember]
    total: int
    next_after: str | None


class Channel(Shape, frozen=True):
    """An open group, as anybody of this chat may find it."""

    id: UUID
    title: str
    avatar_url: str | None
    description: str
    members_count: int
    joined: bool


class ChannelPage(Shape, frozen=True):
    """Open groups by their titles; `next_after` asks for the following page."""

    items: list[Channel]
    next_after: str | None


class Reader(Shape, frozen=True):
    """A member who has read a message."""

    user: Person


class ReceiptPage(Shape, frozen=True):
    """Readers of a message, by name, and how many members have it."""

    read: list[Reader]
    read_count: int
    delivered_count: int
    next_after: str | None
