"""Rows of conversations and members: add, read and move marks. The callers own the transaction."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert, or_, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.conversations.errors import REFUSALS, ConversationNotFound
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.friends.errors import PersonNotFound
from chat_app.friends.relations import has_blocked, unreachable
from chat_app.models import Conversation, Member, User


class NewConversation(NamedTuple):
    """A conversation to make; `opened_by` are the members who see it listed from the start."""

    kind: str
    created_by: UUID
    member_ids: Sequence[UUID]
    opened_by: Sequence[UUID]
    title: str = ""
    direct_key: str | None = None


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
        "members_count": len(new.member_ids),
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


async def ends_of(session: AsyncSession, user_id: UUID, conversation_id: UUID) -> tuple[int, int]:
    """Return the first and the last `seq` that a member may read.

    Raises ConversationNotFound for no member.
    """
    found = await session.execute(
        select(col(Member.since_seq), col(Conversation.last_seq))
        .join(Member, col(Member.conversation_id) == col(Conversation.id))
        .where(col(Conversation.id) == conversation_id, col(Member.user_id) == user_id)
    )
    ends = found.first()
    if ends is None:
        raise ConversationNotFound
    return max(1, ends[0]), ends[1]


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


async def check_reachable(session: AsyncSession, *, actor_id: UUID, user_id: UUID) -> None:
    """Check that the actor may write to a user.

    Raises PersonNotFound for an unknown or deleted user and one who has blocked the actor, and
    CannotMessage or FriendsOnly.
    """
    statement = select(has_blocked(user_id, actor_id), unreachable(actor_id, User))
    row = (await session.execute(statement.where(col(User.id) == user_id))).first()
    # A user who has blocked the actor looks deleted to them.
    if row is None or row[0] or row[1] == "gone":
        raise PersonNotFound
    if row[1] is not None:
        raise REFUSALS[row[1]]
