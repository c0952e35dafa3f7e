"""The open conversation as its own row: its head, its receipts and who types in it."""

from collections.abc import Iterable
from typing import TypedDict
from uuid import UUID

from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.realtime.events import (
    ConversationUpdated,
    FriendAccepted,
    FriendRequested,
    Presence,
)
from chat_app.ui.conversations.rows import name_of, peer_of, peer_status, tone_id
from chat_app.ui.kit.avatar import initials, tone

# The list of the conversations that were opened in a browser, a row each.
LIST = "chats"

# Events that change the conversation itself, or its peer.
HEAD_EVENTS = (ConversationUpdated, FriendRequested, FriendAccepted, Presence)


class Head(TypedDict):
    """A conversation that was opened.

    `peer_id` is the other member of a direct conversation, empty when they deleted their account,
    and `friendship` their relation to the reader. `delivered_seq` and `read_seq` are those of all
    others. A conversation that does not exist, or not for the reader, is `missing`.
    """

    id: str
    missing: bool
    name: str
    letters: str
    tone: str
    peer_id: str
    friendship: str
    online: bool
    last_seen: str
    delivered_seq: int
    read_seq: int


NO_HEAD = Head(
    id="",
    missing=False,
    name="",
    letters="",
    tone="",
    peer_id="",
    friendship="none",
    online=False,
    last_seen="",
    delivered_seq=0,
    read_seq=0,
)


class Receipts:
    """How far the other members of a conversation have received and read it."""

    def __init__(self, receipts: Iterable[Receipt] = ()) -> None:
        self._delivered = {one.user_id: one.delivered_seq for one in receipts}
        self._read = {one.user_id: one.read_seq for one in receipts}
        self.delivered_seq = min(self._delivered.values(), default=0)
        self.read_seq = min(self._read.values(), default=0)

    def raise_to(self, user_id: UUID, *, delivered: int, read: int = 0) -> bool:
        """Raise a member's receipt; return whether that changes how far all others are."""
        if user_id not in self._read:
            return False
        before = (self.delivered_seq, self.read_seq)
        # A large group is looked through only for its last member.
        if self._delivered[user_id] < delivered:
            was, self._delivered[user_id] = self._delivered[user_id], delivered
            if was == self.delivered_seq:
                self.delivered_seq = min(self._delivered.values())
        if self._read[user_id] < read:
            was, self._read[user_id] = self._read[user_id], read
            if was == self.read_seq:
                self.read_seq = min(self._read.values())
        return before != (self.delivered_seq, self.read_seq)

    def with_loaded(self, receipts: Iterable[Receipt]) -> "Receipts":
        """Return receipts that were just loaded; none goes back."""
        loaded = Receipts(receipts)
        for user_id, read in self._read.items():
            loaded.raise_to(user_id, delivered=self._delivered[user_id], read=read)
        return loaded


def head_of(conversation: Conversation, receipts: Receipts, *, viewer_id: UUID) -> Head:
    """Return a conversation's row as `viewer_id` sees it."""
    name = name_of(conversation, viewer_id=viewer_id)
    peer = peer_of(conversation, viewer_id=viewer_id)
    status = peer_status(conversation, viewer_id=viewer_id)
    # A deleted account has no username.
    is_loaded = peer is not None and peer.username != ""
    return Head(
        id=str(conversation.id),
        missing=False,
        name=name,
        letters=initials(name),
        tone=tone(tone_id(conversation, viewer_id=viewer_id)),
        peer_id=str(peer.id) if peer and is_loaded else "",
        friendship=peer.friendship if peer else "none",
        online=status["online"],
        last_seen=status["last_seen"],
        delivered_seq=receipts.delivered_seq,
        read_seq=receipts.read_seq,
    )
