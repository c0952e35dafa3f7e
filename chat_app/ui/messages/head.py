"""The head of the open conversation, made from its peer or title."""

from typing import TypedDict
from uuid import UUID

from chat_app.conversations.schemas import Conversation
from chat_app.realtime.events import (
    ConversationDelivered,
    ConversationRead,
    ConversationUpdated,
    FriendAccepted,
    FriendRequested,
    Presence,
)
from chat_app.ui.conversations.rows import name_of, peer_of, tone_id
from chat_app.ui.kit.avatar import initials, tone

# Events other than messages that change the open conversation.
HEAD_EVENTS = (
    ConversationDelivered,
    ConversationRead,
    ConversationUpdated,
    FriendRequested,
    FriendAccepted,
    Presence,
)


class Head(TypedDict):
    """The head above the timeline; `id` is empty while nothing is open.

    `peer_id` is the other member of a direct conversation, empty when they deleted their account,
    and `friendship` their relation to the reader.
    """

    id: str
    name: str
    letters: str
    tone: str
    peer_id: str
    friendship: str


NO_HEAD = Head(id="", name="", letters="", tone="", peer_id="", friendship="none")


def head_of(conversation: Conversation, *, viewer_id: UUID) -> Head:
    """Return a conversation's row as `viewer_id` sees it."""
    name = name_of(conversation, viewer_id=viewer_id)
    peer = peer_of(conversation, viewer_id=viewer_id)
    # A deleted account has no username.
    is_loaded = peer is not None and peer.username != ""
    return Head(
        id=str(conversation.id),
        name=name,
        letters=initials(name),
        tone=tone(tone_id(conversation, viewer_id=viewer_id)),
        peer_id=str(peer.id) if peer and is_loaded else "",
        friendship=peer.friendship if peer else "none",
    )
