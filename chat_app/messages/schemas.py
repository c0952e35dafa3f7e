"""Shapes of messages."""

from typing import Annotated, NamedTuple, Self
from uuid import UUID

from pydantic import AfterValidator, StringConstraints, model_validator

from chat_app.core.input import Id, Input
from chat_app.messages.rules import clean_content
from chat_app.realtime.shapes import Message, Shape

__all__ = [
    "EditRequest",
    "Message",
    "MessageChange",
    "MessagePage",
    "NewMessage",
    "SendRequest",
    "Sent",
]

CLIENT_ID = r"^[A-Za-z0-9_-]{1,64}$"
ClientId = Annotated[str, StringConstraints(pattern=CLIENT_ID)]
Content = Annotated[str, AfterValidator(clean_content)]


class SendRequest(Input):
    """A message to send, to a user or into a conversation: one of the two addresses."""

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
