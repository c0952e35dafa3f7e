"""Rows of the list of conversations, and the presence of their peers."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Literal, TypedDict
from uuid import UUID

from chat_app.accounts.schemas import UserCard
from chat_app.conversations.schemas import Conversation
from chat_app.realtime.shapes import Draft, Message, Notice, NoticeEvent, Person
from chat_app.ui.conversations.updates import is_muted
from chat_app.ui.files.rows import files_text
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.told import told

EXCERPT_LENGTH = 120
DELETED = "Message deleted"
# The sentence of a notice about another's act, and about the reader's own.
NOTICES: dict[NoticeEvent, tuple[str, str]] = {
    "created": ("{who} created the group", "You created the group"),
    "renamed": ("{who} named the group “{title}”", "You named the group “{title}”"),
    "described": ("{who} changed the description", "You changed the description"),
    "added": ("{who} added {whom}", "You added {whom}"),
    "joined": ("{who} joined", "You joined"),
    "left": ("{who} left", "You left"),
    "removed": ("{who} removed {whom}", "You removed {whom}"),
    "role": ("{who} changed the role of {whom}", "You changed the role of {whom}"),
    "history": (
        "{who} changed what new members can read",
        "You changed what new members can read",
    ),
    "posting": ("{who} changed who can write", "You changed who can write"),
    "visibility": ("{who} changed who can find the group", "You changed who can find the group"),
}
# All tabs of a group show its last message at nearly the same time.
CACHED_ROWS = 256


class DraftRow(TypedDict):
    """The reader's draft as the server has it; the `version` is 0 where there is none."""

    text: str
    reply_to: str
    version: int


NO_DRAFT = DraftRow(text="", reply_to="", version=0)


class ConversationRow(TypedDict):
    """A conversation in the side list, ordered by its latest activity.

    `at` is empty before the first message; `seq` is that of the last one. `mentions` is the number
    of unread messages that mention the reader. The last message `rings` unless it is the reader's
    own, a notice, or in a muted conversation without a mention of the reader by name.
    The `excerpt` is the beginning of the last message as it was written, and `preview` what stands
    before it: the browser shows both in one line, without the marks of Markdown. `drafted` is the
    beginning of the draft.
    """

    id: str
    kind: Literal["direct", "group"]
    order: str
    seq: int
    href: str
    name: str
    letters: str
    tone: str
    picture: str
    preview: str
    excerpt: str
    at: str
    unread: int
    mentions: int
    rings: bool
    online: bool
    muted: bool
    favourite: bool
    archived: bool
    draft: DraftRow
    drafted: str


def conversation_row(conversation: Conversation, *, viewer_id: UUID) -> ConversationRow:
    """Return a conversation's row as `viewer_id` sees it."""
    peer = peer_of(conversation, viewer_id=viewer_id)
    last = conversation.last_message
    row = _row(
        conversation.id,
        conversation.kind,
        peer.id if peer else conversation.id,
        _name(conversation, peer),
        _picture(conversation, peer),
        last,
        conversation.last_seq,
        conversation.updated_at,
        last is not None and last.sender_id == viewer_id,
    ).copy()
    row["unread"] = conversation.unread
    row["online"] = peer is not None and peer.online is True
    row["mentions"] = conversation.unread_mentions
    row["rings"] = rings(conversation, viewer_id=viewer_id)
    row["muted"] = is_muted(conversation)
    row["favourite"] = conversation.me.favourite
    row["archived"] = conversation.me.archived
    if conversation.draft is not None:
        row["draft"] = _draft(conversation.draft)
        row["drafted"] = _beginning(conversation.draft.content)
    return row


@lru_cache(maxsize=CACHED_ROWS)
def _row(  # noqa: PLR0917  # the cache is quickest without names
    conversation_id: UUID,
    kind: Literal["direct", "group"],
    tone_id: UUID,
    name: str,
    picture: str,
    last: Message | None,
    last_seq: int,
    updated_at: datetime,
    is_own: bool,  # noqa: FBT001  # the same
) -> ConversationRow:
    """Return the row without what differs between the members of a group."""
    return ConversationRow(
        id=str(conversation_id),
        kind=kind,
        order=updated_at.isoformat(timespec="microseconds"),
        seq=last_seq,
        href=f"/chat/{conversation_id}",
        name=name,
        letters=initials(name),
        tone=tone(tone_id),
        picture=picture,
        preview=_preview(last, kind, is_own=is_own),
        excerpt=_excerpt(last) if last else "",
        at=timestamp(last.created_at) if last else "",
        unread=0,
        mentions=0,
        rings=False,
        online=False,
        muted=False,
        favourite=False,
        archived=False,
        draft=NO_DRAFT,
        drafted="",
    )


def _draft(draft: Draft) -> DraftRow:
    reply_to = str(draft.reply_to or "")
    return DraftRow(text=draft.content, reply_to=reply_to, version=draft.version)


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
    return peer.display_name if peer else conversation.title or told("Conversation")


def tone_id(conversation: Conversation, *, viewer_id: UUID) -> UUID:
    """Return the id that a conversation's colour is derived from."""
    peer = peer_of(conversation, viewer_id=viewer_id)
    return peer.id if peer else conversation.id


def picture_of(conversation: Conversation, *, viewer_id: UUID) -> str:
    """Return the address of the avatar of the peer or the group, "" without one."""
    return _picture(conversation, peer_of(conversation, viewer_id=viewer_id))


def _picture(conversation: Conversation, peer: UserCard | None) -> str:
    return (peer or conversation).avatar_url or ""


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


def _preview(last: Message | None, kind: Literal["direct", "group"], *, is_own: bool) -> str:
    """Return what stands before the last message's excerpt, or all where there is none."""
    if last is None:
        return told("No messages yet")
    if last.notice is not None:
        return notice_text(last.notice, last.sender, is_own=is_own)
    gone = told(DELETED) if last.deleted_at else ""
    shown = gone or ("" if last.content else files_text(last.attachments))
    if is_own:
        return told("You: {text}", text=shown)
    if kind == "direct":
        return shown
    return told("{name}: {text}", name=last.sender.display_name, text=shown)


def rings(conversation: Conversation, *, viewer_id: UUID) -> bool:
    """Return whether the last message is news for the viewer."""
    message = conversation.last_message
    if message is None or message.kind == "notice" or message.sender_id == viewer_id:
        return False
    return not is_muted(conversation) or viewer_id in message.mentions


def notice_text(
    notice: Notice, actor: Person, *, names: Sequence[str] = (), is_own: bool = False
) -> str:
    """Return the sentence of a notice, with the `names` of the first people it is about.

    It begins with the actor, who is "You" where it `is_own`. People whose names are not given are
    counted.
    """
    by_other, by_own = NOTICES[notice.event]
    return told(
        by_own if is_own else by_other,
        who=actor.display_name,
        whom=_listed(names, len(notice.user_ids)),
        title=notice.title or "",
    )


def _listed(names: Sequence[str], count: int) -> list[str]:
    """Return some names and the number of the others."""
    unnamed = count - len(names)
    if unnamed <= 0:
        return list(names)
    others = (
        told("{n} more|{n} more", n=unnamed) if names else told("{n} person|{n} people", n=unnamed)
    )
    return [*names, others]


def _excerpt(message: Message) -> str:
    """Return the beginning of a message's text; its lines, where Markdown has its blocks, stay."""
    if message.notice is not None or message.deleted_at:
        return ""
    return _beginning(message.content)


def _beginning(content: str) -> str:
    beginning = content[: 4 * EXCERPT_LENGTH]
    lines = [" ".join(line.split()) for line in beginning.splitlines()]
    text = "\n".join(filter(None, lines))
    return text if len(text) <= EXCERPT_LENGTH else text[:EXCERPT_LENGTH].rstrip() + "…"


def timestamp(moment: datetime) -> str:
    """Format a time for the browser, which shows it in its own time zone and language."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
