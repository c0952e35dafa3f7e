"""Rows of due items: what a user has scheduled, and what the nodes take to carry out."""

import functools
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.conversations.message_rows import IS_READABLE
from chat_app.core.database import Database
from chat_app.core.ids import pair_key
from chat_app.models import Conversation, DueItem, Member, Message, User


async def claim(
    session: AsyncSession, *, now: datetime, until: datetime, count: int
) -> Sequence[DueItem]:
    """Claim at most `count` items that are due, the oldest first; no two nodes get the same."""
    found = await session.scalars(
        select(DueItem)
        .where(
            col(DueItem.state) == "waiting",
            col(DueItem.due_at) <= now,
            or_(col(DueItem.claimed_until).is_(None), col(DueItem.claimed_until) <= now),
        )
        .order_by(col(DueItem.due_at), col(DueItem.id))
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    items = list(found)
    for item in items:
        item.claimed_until = until
    await session.flush()
    return items


async def next_due(database: Database) -> datetime | None:
    """Return when the next waiting item is due, None without any. Raises Unavailable."""
    [row] = await database.fetch_all(_next_due(), {})
    due_at: datetime | None = row.due_at
    return due_at


@functools.cache
def _next_due() -> Select[datetime]:
    due_at = func.min(col(DueItem.due_at)).label("due_at")
    return select(due_at).where(col(DueItem.state) == "waiting")


async def lock_scheduled(session: AsyncSession, *, user_id: UUID, item_id: UUID) -> DueItem | None:
    """Return a scheduled message of a user, locked."""
    found: DueItem | None = await session.scalar(
        select(DueItem)
        .where(
            col(DueItem.id) == item_id,
            col(DueItem.user_id) == user_id,
            col(DueItem.kind) == "scheduled",
        )
        .with_for_update()
    )
    return found


async def scheduled_by(session: AsyncSession, *, user_id: UUID, client_id: str) -> DueItem | None:
    """Return the scheduled message with a `client_id` of a user."""
    found: DueItem | None = await session.scalar(
        select(DueItem).where(col(DueItem.user_id) == user_id, col(DueItem.client_id) == client_id)
    )
    return found


async def has_sent(session: AsyncSession, *, user_id: UUID, client_id: str) -> bool:
    """Return whether a message of a user is stored with a `client_id`."""
    is_sent = exists().where(col(Message.sender_id) == user_id, col(Message.client_id) == client_id)
    return bool(await session.scalar(select(is_sent)))


async def has_user(session: AsyncSession, user_id: UUID) -> bool:
    """Return whether there is or was such a user."""
    return bool(await session.scalar(select(exists().where(col(User.id) == user_id))))


async def is_member(session: AsyncSession, *, user_id: UUID, conversation_id: UUID) -> bool:
    """Return whether a user is a member of a conversation."""
    membership = exists().where(
        col(Member.conversation_id) == conversation_id, col(Member.user_id) == user_id
    )
    return bool(await session.scalar(select(membership)))


async def may_reply(session: AsyncSession, item: DueItem) -> bool:
    """Return whether the original of a scheduled reply is there for its user, where it goes."""
    place = (
        col(Conversation.id) == item.conversation_id
        if item.receiver_id is None
        else col(Conversation.direct_key) == pair_key(item.user_id, item.receiver_id)
    )
    found = await session.scalar(
        select(col(Message.id))
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .join(Member, col(Member.conversation_id) == col(Message.conversation_id))
        .where(
            col(Message.id) == item.reply_to,
            col(Message.kind) == "text",
            col(Member.user_id) == item.user_id,
            IS_READABLE,
            place,
        )
    )
    return found is not None


async def count_scheduled(session: AsyncSession, *, user_id: UUID) -> int:
    """Count the scheduled messages of a user that wait or were refused."""
    found = await session.scalar(
        select(func.count())
        .select_from(DueItem)
        .where(
            col(DueItem.user_id) == user_id,
            col(DueItem.kind) == "scheduled",
            col(DueItem.state) != "sent",
        )
    )
    return found or 0


async def lock_reminder(
    session: AsyncSession, *, user_id: UUID, message_id: UUID
) -> DueItem | None:
    """Return a user's reminder of a message, locked."""
    found: DueItem | None = await session.scalar(
        select(DueItem)
        .where(col(DueItem.user_id) == user_id, col(DueItem.message_id) == message_id)
        .with_for_update()
    )
    return found


async def write(session: AsyncSession, item: DueItem) -> None:
    """Write a new or changed item."""
    session.add(item)
    await session.flush()


async def remove(session: AsyncSession, item: DueItem) -> None:
    """Delete an item."""
    await session.delete(item)
    await session.flush()


async def finish(
    session: AsyncSession, item_id: UUID, *, state: str, code: str | None = None
) -> bool:
    """End a claimed item; return whether it was still waiting."""
    changed = await session.execute(
        update(DueItem)
        .where(col(DueItem.id) == item_id, col(DueItem.state) == "waiting")
        .values(state=state, code=code, claimed_until=None)
        .returning(col(DueItem.id))
    )
    return changed.first() is not None


async def postpone(session: AsyncSession, item_id: UUID, *, until: datetime) -> None:
    """Let an item be claimed again at a time."""
    await session.execute(
        update(DueItem).where(col(DueItem.id) == item_id).values(claimed_until=until)
    )


async def remove_had(session: AsyncSession, item_ids: Sequence[UUID]) -> None:
    """Delete due reminders that a device has."""
    await session.execute(
        delete(DueItem).where(col(DueItem.id).in_(item_ids), col(DueItem.state) == "due")
    )
