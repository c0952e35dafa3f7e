"""Shapes of conversations."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, RootModel, Tag

from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.core.input import Id, Input, Whole
from chat_app.realtime.shapes import Conversation, Receipt, Shape

__all__ = [
    "Conversation",
    "ConversationPage",
    "NewConversation",
    "OpenRequest",
    "Opened",
    "ReadRequest",
    "Receipt",
    "UnreadRequest",
]

# Counters are 64 bits wide in the database; a larger number is no place in any conversation.
Seq = Annotated[int, Field(ge=0, le=2**63 - 1), Whole]


class OpenRequest(Input):
    """Whom to talk to."""

    user_id: Id


# The kinds of conversations that may be made; errors of a body do not name them.
KINDS = ("direct", "group")


def _kind_of(body: Any) -> str:  # noqa: ANN401  # whatever was sent
    return "group" if isinstance(body, dict) and "kind" in body else "direct"


class NewConversation(
    RootModel[
        Annotated[
            Annotated[OpenRequest, Tag("direct")] | Annotated[GroupRequest, Tag("group")],
            Discriminator(_kind_of),
        ]
    ]
):
    """A user to talk to, or a group to make."""


class ReadRequest(Input):
    """How far the reader has read; past the end means the end."""

    seq: Seq


class UnreadRequest(Input):
    """The first message that shall count as unread again."""

    seq: Annotated[int, Field(ge=1, le=2**63 - 1), Whole]


class ConversationPage(Shape, frozen=True):
    """Conversations, newest activity first; `next_before` asks for the following page."""

    items: list[Conversation]
    next_before: str | None


class Opened(Shape, frozen=True):
    """A direct conversation, and whether it is new."""

    conversation: Conversation
    created: bool
