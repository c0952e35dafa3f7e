"""Rows of messages outside of their conversation: saved ones and pinned ones."""

from typing import TypedDict
from uuid import UUID

from chat_app.realtime.shapes import Message
from chat_app.ui.conversations.rows import DELETED, timestamp
from chat_app.ui.files.rows import files_text
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.told import told


class FoundRow(TypedDict):
    """A message with the place where it was written: `href` opens it there.

    `about` is the name of its conversation, or says who has pinned it.
    """

    id: str
    order: int
    seq: int
    href: str
    author: str
    letters: str
    tone: str
    picture: str
    text: str
    at: str
    about: str


def found_row(message: Message, order: int, *, viewer_id: UUID, about: str) -> FoundRow:
    """Return the row of a message as `viewer_id` sees it."""
    name = message.sender.display_name
    return FoundRow(
        id=str(message.id),
        order=order,
        seq=message.seq,
        href=f"/chat/{message.conversation_id}?at={message.seq}",
        author=told("You") if message.sender_id == viewer_id else name,
        letters=initials(name),
        tone=tone(message.sender_id),
        picture=message.sender.avatar_url or "",
        text=_text(message),
        at=timestamp(message.created_at),
        about=about,
    )


def _text(message: Message) -> str:
    if message.deleted_at:
        return told(DELETED)
    return message.content or files_text(message.attachments)
