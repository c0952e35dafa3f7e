"""Rows of the timeline and of the people who wrote them."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NotRequired, TypedDict
from uuid import UUID

import msgspec

from chat_app.accounts.rules import DELETED_NAME
from chat_app.conversations.message_rows import MAX_EXCERPT
from chat_app.core.text import beginning
from chat_app.realtime.events import MessageReacted
from chat_app.realtime.shapes import Message, Quote, Reaction
from chat_app.ui.conversations.rows import DELETED, notice_text, timestamp
from chat_app.ui.files.rows import FileRow, file_row
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.reflex.patches import EncodedPatch, Patch, encoded
from chat_app.ui.told import told

# A message is shown by many tabs at nearly the same time, and hardly ever later.
CACHED_PATCHES = 256
# A notice names so many people, and counts the others.
MAX_NAMED = 3
NO_NAMES: Mapping[UUID, str] = MappingProxyType({})
# As many people of a reaction are in a row: their names are shown.
MAX_REACTED = 20


class QuoteRow(TypedDict):
    """The message that another one replies to; the excerpt of a deleted one is empty."""

    id: str
    seq: int
    sender_id: str
    name: str
    tone: str
    excerpt: str
    deleted: bool


class ReactionRow(TypedDict):
    """An emoji with which `count` people have reacted; `ids` are the first of them.

    `mine` is whether the reader is one of them, where that is known.
    """

    emoji: str
    count: int
    ids: list[str]
    mine: NotRequired[bool]


class MessageRow(TypedDict):
    """A message, the same for everybody; `order` is its `seq`.

    The `client_id` is empty but for its sender: it ends what waits in their outbox. The text of a
    notice is its sentence. `pinned` is the name of the person who has pinned it, `forwarded` that
    of the first author of a forwarded text; both may be empty.
    """

    id: str
    order: int
    rev: int
    client_id: str
    sender_id: str
    text: str
    at: str
    edited: bool
    deleted: bool
    notice: bool
    mentions: list[str]
    mentions_all: bool
    quote: QuoteRow | None
    files: list[FileRow]
    reactions: list[ReactionRow]
    pinned: str
    forwarded: str


class AuthorRow(TypedDict):
    """The author of messages."""

    id: str
    name: str
    letters: str
    tone: str
    picture: str


class ShownQuote(TypedDict):
    """A quote with the name that the reader sees; the `id` is empty where nothing is quoted."""

    id: str
    seq: int
    name: str
    tone: str
    excerpt: str
    deleted: bool


class ShownReaction(TypedDict):
    """A reaction as a toggle button; `title` names the people, `extra` is beyond the first row."""

    emoji: str
    label: str
    count: int
    mine: bool
    title: str
    extra: bool


class ShownMessage(TypedDict):
    """A message with its place among the others, as `assets/browser/messages.js` makes it.

    `key` stays the same while an own message is sent. `first` and `last` are true where it begins
    and ends a group of one author's messages; `before` is the time of the message above. A message
    that mentions the reader is `called`. `state` is empty for a stored message, else Queued, Sent
    or Failed, for this `reason`.
    """

    key: str
    id: str
    order: int
    client_id: str
    author: str
    letters: str
    tone: str
    picture: str
    text: str
    at: str
    before: str
    mine: bool
    first: bool
    last: bool
    edited: bool
    deleted: bool
    notice: bool
    called: bool
    state: str
    reason: str
    quoted: ShownQuote
    files: list[FileRow]
    reacted: list[ShownReaction]
    unshown: int
    pinned: str
    forwarded: str


def messages_list(conversation_id: UUID) -> str:
    """Return the name of the list of a conversation's messages."""
    return f"messages:{conversation_id}"


def named_in(message: Message) -> tuple[UUID, ...]:
    """Return the people whose names the row of a notice shows."""
    if message.notice is None or message.notice.event == "created":
        return ()
    return message.notice.user_ids[:MAX_NAMED]


def message_row(
    message: Message, *, viewer_id: UUID, names: Mapping[UUID, str] = NO_NAMES
) -> MessageRow:
    """Return a message's row as `viewer_id` gets it; `names` are those of the people in notices."""
    return _row(message, message.sender_id == viewer_id, _names_in(message, names))


def message_patch(
    message: Message,
    *,
    is_own: bool,
    is_new: bool = False,
    names: Mapping[UUID, str] = NO_NAMES,
) -> EncodedPatch:
    """Return the patch of a message that was created or changed, encoded once for all tabs.

    That of a changed one also has what replies to it quote from now on.
    """
    return _patch(message, is_own, is_new, _names_in(message, names))


@lru_cache(maxsize=CACHED_PATCHES)
def reaction_patch(event: MessageReacted, is_own: bool) -> EncodedPatch:  # noqa: FBT001  # the cache is quickest without names
    """Return the patch of a reaction, encoded once for all tabs."""
    reacted = {
        "id": str(event.message_id),
        "emoji": event.emoji,
        "user_id": str(event.user_id),
        "added": event.added,
        "count": event.count,
        "own": is_own,
    }
    about = {"changed": event.rev, "reacted": reacted}
    return encoded(Patch(list=messages_list(event.conversation_id), about=about))


def reacted_in(messages: Iterable[Message]) -> set[UUID]:
    """Return the people whose names the reactions of messages show."""
    return {
        user_id
        for message in messages
        for reaction in message.reactions
        for user_id in reaction.user_ids[:MAX_REACTED]
    }


def author_row(user_id: UUID, name: str, picture: str) -> AuthorRow:
    """Return the row of an author; `picture` is the address of their avatar, or ""."""
    return AuthorRow(
        id=str(user_id), name=name, letters=initials(name), tone=tone(user_id), picture=picture
    )


@lru_cache(maxsize=CACHED_PATCHES)
def _patch(  # the cache is quickest without names
    message: Message,
    is_own: bool,  # noqa: FBT001  # the same
    is_new: bool,  # noqa: FBT001  # the same
    names: tuple[str, ...],
) -> EncodedPatch:
    about: dict[str, object] = {"changed": message.rev}
    if not is_new and message.notice is None:
        is_deleted = message.deleted_at is not None
        excerpt = "" if is_deleted else beginning(message.content, MAX_EXCERPT)
        about["quoted"] = {"id": str(message.id), "excerpt": excerpt, "deleted": is_deleted}
    row = _row(message, is_own, names)
    return encoded(Patch(list=messages_list(message.conversation_id), put=[row], about=about))


def _row(message: Message, is_own: bool, names: tuple[str, ...]) -> MessageRow:  # noqa: FBT001  # as its callers have it
    return MessageRow(
        id=str(message.id),
        order=message.seq,
        rev=message.rev,
        client_id=message.client_id if is_own else "",
        sender_id=str(message.sender_id),
        text=_text(message, names),
        at=timestamp(message.created_at),
        edited=message.edited_at is not None and message.deleted_at is None,
        deleted=message.deleted_at is not None,
        notice=message.notice is not None,
        mentions=list(map(str, message.mentions)),
        mentions_all=message.mentions_all,
        quote=_quote(message.reply_to) if message.reply_to and not message.deleted_at else None,
        files=[] if message.deleted_at else list(map(file_row, message.attachments)),
        reactions=[] if message.deleted_at else list(map(_reaction, message.reactions)),
        pinned=message.pinned_by.display_name if message.pinned_by else "",
        forwarded=_forwarded(message),
    )


def _quote(quote: Quote) -> QuoteRow:
    return QuoteRow(
        id=str(quote.id),
        seq=quote.seq,
        sender_id=str(quote.sender.id),
        name=quote.sender.display_name,
        tone=tone(quote.sender.id),
        excerpt=quote.excerpt,
        deleted=quote.deleted,
    )


def _reaction(reaction: Reaction) -> ReactionRow:
    row = ReactionRow(
        emoji=reaction.emoji,
        count=reaction.count,
        ids=[str(user_id) for user_id in reaction.user_ids[:MAX_REACTED]],
    )
    if reaction.mine is not msgspec.UNSET:
        row["mine"] = reaction.mine
    return row


def _forwarded(message: Message) -> str:
    author = message.forwarded_from
    return author.display_name if author and not message.deleted_at else ""


def _names_in(message: Message, names: Mapping[UUID, str]) -> tuple[str, ...]:
    return tuple(names.get(user_id, DELETED_NAME) for user_id in named_in(message))


def _text(message: Message, names: tuple[str, ...]) -> str:
    if message.notice is not None:
        return notice_text(message.notice, message.sender, names=names)
    return told(DELETED) if message.deleted_at else message.content
