"""Shapes of messages."""

from datetime import datetime
from typing import Annotated, NamedTuple, Self, TypeAlias
from uuid import UUID

import msgspec
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from chat_app.core.clock import utc_now
from chat_app.core.input import Id, Input, Moment, Whole, text_pattern
from chat_app.core.text import has_control, has_lone_surrogate, shows_something
from chat_app.realtime.shapes import Message, Person, Reaction, Scheduled, Shape

MAX_CONTENT_LENGTH = 8_000


def clean_content(text: str) -> str:
    """Return the text trimmed and otherwise as written.

    Raises ValueError for nothing visible, more than 8,000 characters, and control characters
    other than newline and tab.
    """
    content = text.strip()
    if content.isascii() and content.isprintable() and 0 < len(content) <= MAX_CONTENT_LENGTH:
        return content  # most texts; the checks below are for the others
    if not content or not (shows_something(content) or has_control(content, allowed="\n\t")):
        message = "Write something first."
        raise ValueError(message)
    if len(content) > MAX_CONTENT_LENGTH:
        most, length = f"{MAX_CONTENT_LENGTH:,}", f"{len(content):,}"
        message = f"A message has at most {most} characters; this one has {length}."
        raise ValueError(message)
    if has_lone_surrogate(content) or (
        not content.isprintable() and has_control(content, allowed="\n\t")
    ):
        message = "The text holds control characters."
        raise ValueError(message)
    return content


def clean_caption(text: str) -> str:
    """Return a text that may be blank beside files; else as `clean_content`."""
    return clean_content(text) if text.strip() else ""


def clean_ids(ids: list[UUID]) -> list[UUID]:
    """Return ids. Raises ValueError where one is given twice."""
    if len(set(ids)) < len(ids):
        message = "Give each of them once."
        raise ValueError(message)
    return ids


CLIENT_ID = r"^[A-Za-z0-9_-]{1,64}$"
ClientId = Annotated[str, StringConstraints(pattern=CLIENT_ID)]
CONTENT_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_CONTENT_LENGTH,
    "pattern": text_pattern(allowed="\t\n"),
    "description": "Something visible, trimmed before it is measured; newline and tab are the only "
    "control characters.",
}
Content = Annotated[str, AfterValidator(clean_content), WithJsonSchema(CONTENT_SCHEMA)]
ONE_ADDRESS: list[JsonValue] = [
    {"required": [name], "properties": {name: {"type": "string"}}}
    for name in ("receiver_id", "conversation_id")
]
# A text that may be blank beside files.
CAPTION_SCHEMA = {
    "type": "string",
    "maxLength": MAX_CONTENT_LENGTH,
    "pattern": text_pattern(allowed="\t\n", may_be_blank=True),
    "description": "Trimmed before it is measured; something visible unless there are files. "
    "Newline and tab are the only control characters.",
}
MAX_FILES = 10
# A message has a text, or files perhaps with one, or it forwards one.
OF_SEND: list[JsonValue] = [
    {"oneOf": ONE_ADDRESS},
    {
        "oneOf": [
            {
                "required": ["content"],
                "properties": {
                    "content": {"pattern": text_pattern(allowed="\t\n")},
                    "forward_of": {"type": "null"},
                    "file_ids": {"maxItems": 0},
                },
            },
            {
                "required": ["file_ids"],
                "properties": {"forward_of": {"type": "null"}, "file_ids": {"minItems": 1}},
            },
            {
                "required": ["forward_of"],
                "not": {"required": ["content"]},
                "properties": {"forward_of": {"type": "string"}, "file_ids": {"maxItems": 0}},
            },
        ]
    },
]


class SendRequest(Input):
    """A message to send, to a user or into a conversation: one of the two addresses.

    It has a text, or files `file_ids` perhaps with one, or it forwards the message `forward_of`. It
    may reply to a message `reply_to` of the same conversation.
    """

    model_config = ConfigDict(json_schema_extra={"allOf": OF_SEND})

    # Before the text, which may be blank beside files.
    file_ids: Annotated[list[Id], Field(max_length=MAX_FILES), AfterValidator(clean_ids)] = Field(
        default_factory=list, json_schema_extra={"uniqueItems": True}
    )
    # What was not given has a value of no meaning, from a factory, so that no document names it.
    content: Annotated[str, WithJsonSchema(CAPTION_SCHEMA)] = Field(default_factory=str)
    receiver_id: Id | None = None
    conversation_id: Id | None = None
    client_id: ClientId | None = None
    reply_to: Id | None = None
    forward_of: Id | None = None

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if (self.receiver_id is None) == (self.conversation_id is None):
            message = "Give either receiver_id or conversation_id."
            raise ValueError(message)
        return self

    @field_validator("content")
    @classmethod
    def _is_clean(cls, value: str, info: ValidationInfo) -> str:
        return clean_caption(value) if info.data.get("file_ids") else clean_content(value)

    @model_validator(mode="after")
    def _has_one_text(self) -> Self:
        has_own = "content" in self.model_fields_set or bool(self.file_ids)
        if (self.forward_of is None) != has_own:
            message = "Give either content or forward_of."
            raise ValueError(message)
        return self

    def message(self, *, sender_id: UUID, client_id: str, origin: str = "") -> "NewMessage":
        """Return the message for the log."""
        return NewMessage(
            sender_id=sender_id,
            content=self.content,
            client_id=client_id,
            conversation_id=self.conversation_id,
            receiver_id=self.receiver_id,
            origin=origin,
            reply_to=self.reply_to,
            forward_of=self.forward_of,
            file_ids=tuple(self.file_ids),
        )


def clean_draft(text: str) -> str:
    """Return a draft as it was written.

    Raises ValueError for more than 8,000 characters, and control characters other than newline and
    tab.
    """
    if len(text) > MAX_CONTENT_LENGTH:
        message = f"A draft has at most {MAX_CONTENT_LENGTH:,} characters."
        raise ValueError(message)
    if has_lone_surrogate(text) or has_control(text, allowed="\n\t"):
        message = "The text holds control characters."
        raise ValueError(message)
    return text


DRAFT_SCHEMA = {
    "type": "string",
    "maxLength": MAX_CONTENT_LENGTH,
    "pattern": text_pattern(allowed="\t\n", may_be_blank=True),
}


class DraftRequest(Input):
    """A draft as a device has it; an empty one is removed.

    `base` is the version that it began from, 0 without one.
    """

    content: Annotated[str, AfterValidator(clean_draft), WithJsonSchema(DRAFT_SCHEMA)]
    reply_to: Id | None = None
    base: Annotated[int, Field(ge=0, le=2**53 - 1), Whole]


class DraftVersion(Shape, frozen=True):
    """The version of a draft that was written; 0 where there is none and was none."""

    version: int


class ScheduleRequest(Input):
    """A message to send at a time, to a user or into a conversation."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_ADDRESS})

    content: Content
    receiver_id: Id | None = None
    conversation_id: Id | None = None
    reply_to: Id | None = None
    send_at: Moment
    client_id: ClientId

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if (self.receiver_id is None) == (self.conversation_id is None):
            message = "Give either receiver_id or conversation_id."
            raise ValueError(message)
        return self


class ScheduledChange(Input):
    """Changes of a scheduled message: only what is given changes."""

    # What was not given has a value of no meaning, from a factory, so that no document names it.
    content: Content = Field(default_factory=str)
    send_at: Moment = Field(default_factory=utc_now)

    def given(self) -> set[str]:
        """Return the names of the fields that were given."""
        return self.model_fields_set


class ScheduledMessages(Shape, frozen=True):
    """Scheduled messages that were not sent, the next one first."""

    items: list[Scheduled]


class ReminderRequest(Input):
    """The time of a reminder."""

    at: Moment


class Reminder(Shape, frozen=True):
    """A message of which a user is reminded at a time; `due` until a device has had it."""

    message: Message
    at: datetime
    due: bool


class Reminders(Shape, frozen=True):
    """Reminders, the next one first."""

    items: list[Reminder]


class EditRequest(Input):
    """The text that a message shall have instead of its own; it may be blank beside files."""

    content: Annotated[str, AfterValidator(clean_caption), WithJsonSchema(CAPTION_SCHEMA)]


class NewMessage(NamedTuple):
    """A checked message on its way to the log.

    `origin` is the outlet it came in by: that device gets the ack instead of the event. One that
    forwards another has no `content` yet.
    """

    sender_id: UUID
    content: str
    client_id: str
    conversation_id: UUID | None = None
    receiver_id: UUID | None = None
    origin: str = ""
    reply_to: UUID | None = None
    forward_of: UUID | None = None
    file_ids: tuple[UUID, ...] = ()


class Edit(NamedTuple):
    """A new text of an own message, on its way to the log."""

    actor_id: UUID
    message_id: UUID
    content: str


class Deletion(NamedTuple):
    """The deletion of an own message, on its way to the log."""

    actor_id: UUID
    message_id: UUID


class Pinning(NamedTuple):
    """A message to pin, or not any more, on its way to the log."""

    actor_id: UUID
    message_id: UUID
    pinned: bool


class Reacting(NamedTuple):
    """A reaction that is `added` or taken back, on its way to the log."""

    actor_id: UUID
    message_id: UUID
    emoji: str
    added: bool


MessageChange: TypeAlias = Edit | Deletion | Pinning


class Sent(NamedTuple):
    """A stored message; `replayed` when an earlier send had stored it."""

    message: Message
    replayed: bool


class MessagePage(Shape, frozen=True):
    """Messages in rising `seq`; `has_more` tells of more in the direction that was asked.

    A page around a place tells of both directions.
    """

    items: list[Message]
    has_more: bool
    has_older: bool | msgspec.UnsetType = msgspec.UNSET
    has_newer: bool | msgspec.UnsetType = msgspec.UNSET


class Reactions(Shape, frozen=True):
    """The reactions of a message, the first emoji first."""

    reactions: tuple[Reaction, ...]


class Reactor(Shape, frozen=True):
    """A member who has reacted to a message, and when."""

    user: Person
    emoji: str
    at: datetime


class ReactorPage(Shape, frozen=True):
    """Members who have reacted, the first of them first; `next_after` asks for more."""

    items: list[Reactor]
    next_after: str | None


class EarlierText(Shape, frozen=True):
    """A text of a message, and when it was written."""

    content: str
    at: datetime


class Texts(Shape, frozen=True):
    """All texts of a message: the first one first, the present one last."""

    items: list[EarlierText]


class Pins(Shape, frozen=True):
    """The pinned messages of a conversation, the newest pin first."""

    items: list[Message]


class Saved(Shape, frozen=True):
    """A message that a user has saved, and when."""

    message: Message
    at: datetime


class SavedPage(Shape, frozen=True):
    """Saved messages, the latest first; `next_before` asks for more."""

    items: list[Saved]
    next_before: str | None
