"""Rows of the list of conversations, and the presence of their peers."""

from datetime import datetime
from functools import lru_cache
from typing import TypedDict
from uuid import UUID

from chat_app.accounts.schemas import UserCard
from chat_app.conversations.schemas import Conversation
from chat_app.realtime.shapes import Message
from chat_app.ui.kit.avatar import initials, tone

PREVIEW_LENGTH = 90
DELETED = "Message deleted"
# All tabs of a group show its last message at nearly the same time.
CACHED_ROWS = 256


class ConversationRow(TypedDict):
    """A conversation in the side list, ordered by its latest activity.

    `at` is empty before the first message; `seq` is that of the last one.
    """

    id: str
    order: str
    seq: int
    href: str
    name: str
    letters: str
    tone: str
    preview: str
    at: str
    unread: int
    online: bool


def conversation_row(conversation: Conversation, *, viewer_id: UUID) -> ConversationRow:
    """Return a conversation's row as `viewer_id` sees it."""
    peer = peer_of(conversation, viewer_id=viewer_id)
    last = conversation.last_message
    row = _row(
        conversation.id,
        peer.id if peer else conversation.id,
        _name(conversation, peer),
        last,
        conversation.last_seq,
        conversation.updated_at,
        last is not None and last.sender_id == viewer_id,
    ).copy()
    row["unread"] = conversation.unread
    row["online"] = peer is not None and peer.online is True
    return row


@lru_cache(maxsize=CACHED_ROWS)
def _row(  # noqa: PLR0917  # the cache is quickest without names
    conversation_id: UUID,
    tone_id: UUID,
    name: str,
    last: Message | None,
    last_seq: int,
    updated_at: datetime,
    is_own: bool,  # noqa: FBT001  # the same
) -> ConversationRow:
    """Return the row without what differs between the members of a group."""
    return ConversationRow(
        id=str(conversation_id),
        order=updated_at.isoformat(timespec="microseconds"),
        seq=last_seq,
        href=f"/chat/{conversation_id}",
        name=name,
        letters=initials(name),
        tone=tone(tone_id),
        preview=_preview(last, is_own=is_own),
        at=timestamp(last.created_at) if last else "",
        unread=0,
        online=False,
    )


def peer_of(conversation: Conversation, *, viewer_id: UUID) -> UserCard | None:
    """Return the other person of a direct conversation."""
    if conversation.kind != "direct":
        return None
    others = (member for member in conversation.members if member.id != viewer_id)
    return next(others, None)


def name_of(conversation: Conversation, *, viewer_id: UUID) -> str:
    """Return the peer's name of a direct conversation, or the title of a group."""
    return _name(conversation, peer_of(conversation, viewer_id=viewer_id))


def _name(conversation: Conversation, peer: UserCard | None) -> str:
    return peer.display_name if peer else conversation.title or "Conversation"


def tone_id(conversation: Conversation, *, viewer_id: UUID) -> UUID:
    """Return the id that a conversation's colour is derived from."""
    peer = peer_of(conversation, viewer_id=viewer_id)
    return peer.id if peer else conversation.id


class PeerStatus(TypedDict):
    """A peer's presence: online, or last seen at; neither where they do not share it."""

    online: bool
    last_seen: str


HIDDEN = PeerStatus(online=False, last_seen="")


def peer_status(conversation: Conversation, *, viewer_id: UUID) -> PeerStatus:
    """Return the presence of a direct conversation's peer; a group has none."""
    peer = peer_of(conversation, viewer_id=viewer_id)
    if peer is None or peer.online is None:
        return HIDDEN
    last_seen = timestamp(peer.last_seen_at) if peer.last_seen_at and not peer.online else ""
    return PeerStatus(online=peer.online, last_seen=last_seen)


def _preview(last: Message | None, *, is_own: bool) -> str:
    """Return the last message, cut to one line."""
    if last is None:
        return "No messages yet"
    shown = DELETED if last.deleted_at else _excerpt(last.content)
    return f"You: {shown}" if is_own else shown


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= PREVIEW_LENGTH else line[:PREVIEW_LENGTH].rstrip() + "…"


def timestamp(moment: datetime) -> str:
    """Format a time for the browser, which shows it in its own time zone and language."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
