"""Rows of due items: what a user has scheduled, and what the nodes take to carry out."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.models import DueItem


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


async def next_due(session: AsyncSession) -> datetime | None:
    """Return when the next waiting item is due, None without any."""
    found: datetime | None = await session.scalar(
        select(func.min(col(DueItem.due_at))).where(col(DueItem.state) == "waiting")
    )
    return found


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
