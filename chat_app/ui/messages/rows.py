"""Rows of the timeline and of the people who wrote them."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TypedDict
from uuid import UUID

from chat_app.accounts.rules import DELETED_NAME
from chat_app.realtime.shapes import Message
from chat_app.ui.conversations.rows import DELETED, notice_text, timestamp
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.reflex.patches import EncodedPatch, Patch, encoded

# A message is shown by many tabs at nearly the same time, and hardly ever later.
CACHED_PATCHES = 256
# A notice names so many people, and counts the others.
MAX_NAMED = 3
NO_NAMES: Mapping[UUID, str] = MappingProxyType({})


class MessageRow(TypedDict):
    """A message, the same for everybody; `order` is its `seq`.

    The `client_id` is empty but for its sender: it ends what waits in their outbox. The text of a
    notice is its sentence.
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


class AuthorRow(TypedDict):
    """The author of messages."""

    id: str
    name: str
    letters: str
    tone: str


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
    message: Message, *, is_own: bool, names: Mapping[UUID, str] = NO_NAMES
) -> EncodedPatch:
    """Return the patch of a message that was created or changed, encoded once for all tabs."""
    return _patch(message, is_own, _names_in(message, names))


def author_row(user_id: UUID, name: str) -> AuthorRow:
    """Return the row of an author."""
    return AuthorRow(id=str(user_id), name=name, letters=initials(name), tone=tone(user_id))


@lru_cache(maxsize=CACHED_PATCHES)
def _patch(message: Message, is_own: bool, names: tuple[str, ...]) -> EncodedPatch:  # noqa: FBT001  # the cache is quickest without names
    row = _row(message, is_own, names)
    patch = Patch(
        list=messages_list(message.conversation_id), put=[row], about={"changed": message.rev}
    )
    return encoded(patch)


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
    )


def _names_in(message: Message, names: Mapping[UUID, str]) -> tuple[str, ...]:
    return tuple(names.get(user_id, DELETED_NAME) for user_id in named_in(message))


def _text(message: Message, names: tuple[str, ...]) -> str:
    if message.notice is not None:
        return notice_text(message.notice, message.sender, names=names)
    return DELETED if message.deleted_at else message.content
