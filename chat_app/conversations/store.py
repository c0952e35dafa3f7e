"""Rows of conversations and members: add, read and move marks. The callers own the transaction."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, insert, literal, or_, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col

from chat_app.conversations.errors import ConversationNotFound
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.friends.relations import blocked_between
from chat_app.models import Conversation, Member


class NewConversation(NamedTuple):
    """A conversation to make; `opened_by` are the members who see it listed from the start."""

    kind: str
    created_by: UUID
    member_ids: Sequence[UUID]
    opened_by: Sequence[UUID]
    title: str = ""
    direct_key: str | None = None


class Mark(NamedTuple):
    """A member's read mark before a change, with the end of the conversation.

    `is_blocked`: a block stands between the two of a direct conversation.
    """

    direct_key: str | None
    last_seq: int
    last_read_seq: int
    is_blocked: bool


def add_conversation(connection: Connection, new: NewConversation) -> UUID:
    """Insert a conversation with its members and return its id.

    Raises sqlalchemy's IntegrityError when the direct conversation exists already.
    """
    now = utc_now()
    conversation: dict[str, Any] = {
        "id": new_id(),
        "kind": new.kind,
        "title": new.title,
        "direct_key": new.direct_key,
        "created_by": new.created_by,
        "last_seq": 0,
        "last_rev": 0,
        "created_at": now,
        "updated_at": now,
        "changed_at": now,
    }
    connection.execute(insert(Conversation), conversation)
    opened = set(new.opened_by)
    members = [
        {
            "conversation_id": conversation["id"],
            "user_id": user_id,
            "opened": user_id in opened,
            "last_read_seq": 0,
            "read_seq": 0,
            "delivered_seq": 0,
            "joined_at": now,
        }
        for user_id in new.member_ids
    ]
    connection.execute(insert(Member), members)
    identifier: UUID = conversation["id"]
    return identifier


_peer = aliased(Member)
# Reads by keys alone; only a direct conversation can be blocked.
_IS_BLOCKED = and_(
    col(Conversation.direct_key).is_not(None),
    exists(
        select(1)
        .select_from(_peer)
        .where(
            col(_peer.conversation_id) == col(Conversation.id),
            col(_peer.user_id) != col(Member.user_id),
            blocked_between(col(Member.user_id), col(_peer.user_id)),
        )
        .correlate(Conversation, Member)
    ),
)


async def read_mark(session: AsyncSession, user_id: UUID, conversation_id: UUID) -> Mark:
    """Return a member's read mark. Raises ConversationNotFound for no member."""
    row = (
        await session.execute(
            select(
                col(Conversation.direct_key),
                col(Conversation.last_seq),
                col(Member.last_read_seq),
                _IS_BLOCKED.label("is_blocked"),
            )
            .join(Member, col(Member.conversation_id) == col(Conversation.id))
            .where(col(Conversation.id) == conversation_id, col(Member.user_id) == user_id)
        )
    ).first()
    if row is None:
        raise ConversationNotFound
    return Mark(row[0], row[1], row[2], bool(row[3]))


async def move_mark(
    session: AsyncSession, user_id: UUID, conversation_id: UUID, mark: Mark, seq: int
) -> bool:
    """Move a read mark forward to `seq`; return False when it is there or further by now."""
    if seq <= mark.last_read_seq:
        return False
    # Across a block the other must not see it later either: `read_seq` is what the others see.
    shown = {} if mark.is_blocked else {"read_seq": _at_least(col(Member.read_seq), seq)}
    moved = await session.execute(
        update(Member)
        .where(
            col(Member.conversation_id) == conversation_id,
            col(Member.user_id) == user_id,
            col(Member.last_read_seq) < seq,
        )
        .values(last_read_seq=seq, **shown)
        .returning(col(Member.user_id))
    )
    return moved.first() is not None


def _at_least(column: Mapped[int], seq: int) -> ColumnElement[int]:
    return case((column < seq, literal(seq)), else_=column)


async def find_direct(session: AsyncSession, key: str, actor_id: UUID) -> tuple[UUID, bool] | None:
    """Return the id of a direct conversation, and whether it is listed for the actor."""
    row = (
        await session.execute(
            select(
                col(Conversation.id),
                or_(col(Member.opened), col(Conversation.last_seq) > 0),
            )
            .join(Member, col(Member.conversation_id) == col(Conversation.id))
            .where(col(Conversation.direct_key) == key, col(Member.user_id) == actor_id)
        )
    ).first()
    return None if row is None else (row[0], bool(row[1]))


async def set_mark(session: AsyncSession, user_id: UUID, conversation_id: UUID, seq: int) -> None:
    """Set a member's own read mark, in either direction; the others do not see it."""
    await session.execute(
        update(Member)
        .where(
            col(Member.conversation_id) == conversation_id,
            col(Member.user_id) == user_id,
        )
        .values(last_read_seq=seq)
    )


async def set_opened(session: AsyncSession, conversation_id: UUID, user_id: UUID) -> None:
    """List a conversation for a member."""
    await session.execute(
        update(Member)
        .where(col(Member.conversation_id) == conversation_id, col(Member.user_id) == user_id)
        .values(opened=True)
    )
