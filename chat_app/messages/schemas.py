"""Shapes of messages."""

from typing import Annotated, NamedTuple, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from chat_app.core.input import Id, Input, text_pattern
from chat_app.core.text import has_control, has_lone_surrogate, shows_something
from chat_app.realtime.shapes import Message, Shape

__all__ = [
    "MAX_CONTENT_LENGTH",
    "EditRequest",
    "Message",
    "MessageChange",
    "MessagePage",
    "NewMessage",
    "SendRequest",
    "Sent",
    "clean_content",
]

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


class SendRequest(Input):
    """A message to send, to a user or into a conversation: one of the two addresses."""

    model_config = ConfigDict(json_schema_extra={"oneOf": ONE_ADDRESS})

    content: Content
    receiver_id: Id | None = None
    conversation_id: Id | None = None
    client_id: ClientId | None = None

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if (self.receiver_id is None) == (self.conversation_id is None):
            message = "Give either receiver_id or conversation_id."
            raise ValueError(message)
        return self


class EditRequest(Input):
    """The text that a message shall have instead of its own."""

    content: Content


class NewMessage(NamedTuple):
    """A checked message on its way to the log.

    `origin` is the outlet it came in by: that device gets the ack instead of the event.
    """

    sender_id: UUID
    content: str
    client_id: str
    conversation_id: UUID | None = None
    receiver_id: UUID | None = None
    origin: str = ""


class MessageChange(NamedTuple):
    """A change of a message on its way to the log: its new text, or None to delete it."""

    actor_id: UUID
    message_id: UUID
    content: str | None


class Sent(NamedTuple):
    """A stored message; `replayed` when an earlier send had stored it."""

    message: Message
    replayed: bool


class MessagePage(Shape, frozen=True):
    """Messages in rising `seq`; `has_more` tells of more in the direction that was asked."""

    items: list[Message]
    has_more: bool
