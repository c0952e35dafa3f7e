"""What stands above the timeline, made from a conversation."""

from typing import TypedDict
from uuid import UUID

from chat_app.conversations.schemas import Conversation
from chat_app.ui.conversations.rows import face_of, name_of
from chat_app.ui.kit.avatar import initials, tone


class Head(TypedDict):
    """The open conversation; `id` is empty while nothing is open."""

    id: str
    name: str
    letters: str
    tone: str


NOBODY = Head(id="", name="", letters="", tone="")


def head_of(conversation: Conversation, *, viewer_id: UUID) -> Head:
    """Show a conversation as `viewer_id` sees it."""
    name = name_of(conversation, viewer_id=viewer_id)
    face = tone(face_of(conversation, viewer_id=viewer_id))
    return Head(id=str(conversation.id), name=name, letters=initials(name), tone=face)
