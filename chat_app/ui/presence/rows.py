"""What the head of a chat shows of its person's presence."""

from typing import TypedDict
from uuid import UUID

from chat_app.conversations.schemas import Conversation
from chat_app.ui.conversations.rows import peer_of, stamp


class PeerStatus(TypedDict):
    """Whether somebody is there, or since when not; neither where they do not show it."""

    online: bool
    last_seen: str


HIDDEN = PeerStatus(online=False, last_seen="")


def peer_status(conversation: Conversation, *, viewer_id: UUID) -> PeerStatus:
    """Show the other person of a direct conversation; a group shows nobody."""
    peer = peer_of(conversation, viewer_id=viewer_id)
    if peer is None or peer.online is None:
        return HIDDEN
    last_seen = stamp(peer.last_seen_at) if peer.last_seen_at and not peer.online else ""
    return PeerStatus(online=peer.online, last_seen=last_seen)
