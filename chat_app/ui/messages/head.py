"""The open conversation as its own row: its head, its receipts and who types in it."""

from collections.abc import Hashable, Iterable
from functools import lru_cache
from typing import Literal, TypedDict, TypeVar
from uuid import UUID

from chat_app.conversations.schemas import Conversation, Receipt
from chat_app.realtime.events import (
    ConversationUpdated,
    FriendAccepted,
    FriendRequested,
    Presence,
)
from chat_app.realtime.shapes import Role
from chat_app.ui.conversations.rows import (
    name_of,
    peer_of,
    peer_status,
    picture_of,
    tone_id,
)
from chat_app.ui.conversations.updates import is_muted
from chat_app.ui.kit.avatar import initials, tone

# The list of the conversations that were opened in a browser, a row each.
LIST = "chats"

# The values of about a hundred groups that are open here: a megabyte.
SHARED = 10_000

Shared = TypeVar("Shared", bound=Hashable)

# Events that change the conversation itself, or its peer.
HEAD_EVENTS = (ConversationUpdated, FriendRequested, FriendAccepted, Presence)


class Head(TypedDict):
    """A conversation that was opened.

    `peer_id` is the other member of a direct conversation, empty when they deleted their account,
    and `friendship` their relation to the reader. `delivered_seq` and `read_seq` are those of all
    others. A conversation that does not exist, or not for the reader, is `missing`; one that the
    reader was in until now is `removed`, too.
    """

    id: str
    kind: Literal["direct", "group"]
    missing: bool
    removed: bool
    name: str
    letters: str
    tone: str
    picture: str
    peer_id: str
    friendship: str
    online: bool
    last_seen: str
    delivered_seq: int
    read_seq: int
    members_count: int
    description: str
    role: Role
    may_write: bool
    muted: bool
    favourite: bool
    archived: bool


NO_HEAD = Head(
    id="",
    kind="direct",
    missing=False,
    removed=False,
    name="",
    letters="",
    tone="",
    picture="",
    peer_id="",
    friendship="none",
    online=False,
    last_seen="",
    delivered_seq=0,
    read_seq=0,
    members_count=0,
    description="",
    role="member",
    may_write=True,
    muted=False,
    favourite=False,
    archived=False,
)


@lru_cache(maxsize=SHARED)
def shared(value: Shared) -> Shared:
    """Return the one object for all equal values.

    Every tab of a large group holds the ids of its members, which were read for each tab anew.
    """
    return value


class Receipts:
    """How far the other members of a conversation have received and read it."""

    def __init__(self, receipts: Iterable[Receipt] = ()) -> None:
        # How far each has received and read.
        self._seqs = {
            shared(one.user_id): shared((one.delivered_seq, one.read_seq)) for one in receipts
        }
        self.delivered_seq, self.read_seq = self._lowest()

    def raise_to(self, user_id: UUID, *, delivered: int, read: int = 0) -> bool:
        """Raise a member's receipt; return whether that changes how far all others are."""
        before = self._seqs.get(user_id)
        if before is None:
            return False
        was_delivered, was_read = before
        if delivered <= was_delivered and read <= was_read:
            return False
        self._seqs[user_id] = shared((max(delivered, was_delivered), max(read, was_read)))
        # A large group is looked through only for its last member.
        was_last = (delivered > was_delivered == self.delivered_seq) or (
            read > was_read == self.read_seq
        )
        if not was_last:
            return False
        lowest = (self.delivered_seq, self.read_seq)
        self.delivered_seq, self.read_seq = self._lowest()
        return lowest != (self.delivered_seq, self.read_seq)

    def with_loaded(self, receipts: Iterable[Receipt]) -> "Receipts":
        """Return receipts that were just loaded; none goes back."""
        loaded = Receipts(receipts)
        for user_id, (delivered, read) in self._seqs.items():
            loaded.raise_to(user_id, delivered=delivered, read=read)
        return loaded

    def _lowest(self) -> tuple[int, int]:
        seqs = self._seqs.values()
        return (
            min((delivered for delivered, _ in seqs), default=0),
            min((read for _, read in seqs), default=0),
        )


def head_of(conversation: Conversation, receipts: Receipts, *, viewer_id: UUID) -> Head:
    """Return a conversation's row as `viewer_id` sees it."""
    name = name_of(conversation, viewer_id=viewer_id)
    peer = peer_of(conversation, viewer_id=viewer_id)
    status = peer_status(conversation, viewer_id=viewer_id)
    # A deleted account has no username.
    is_loaded = peer is not None and peer.username != ""
    return Head(
        id=str(conversation.id),
        kind=conversation.kind,
        missing=False,
        removed=False,
        name=name,
        letters=initials(name),
        tone=tone(tone_id(conversation, viewer_id=viewer_id)),
        picture=picture_of(conversation, viewer_id=viewer_id),
        peer_id=str(peer.id) if peer and is_loaded else "",
        friendship=peer.friendship if peer else "none",
        online=status["online"],
        last_seen=status["last_seen"],
        delivered_seq=receipts.delivered_seq,
        read_seq=receipts.read_seq,
        members_count=conversation.members_count,
        description=conversation.description,
        role=conversation.me.role,
        may_write=conversation.posting == "everyone" or conversation.me.role != "member",
        muted=is_muted(conversation),
        favourite=conversation.me.favourite,
        archived=conversation.me.archived,
    )
