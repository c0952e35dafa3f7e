"""Rows of friendships, requests and blocks, and the lock of a pair under which they change.

The callers own the transaction and lock first.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.core.clock import utc_now
from chat_app.core.ids import pair_key
from chat_app.friends.errors import PersonNotFound
from chat_app.models import Block, FriendRequest, Friendship, User


async def lock_pair(session: AsyncSession, actor_id: UUID, user_id: UUID) -> None:
    """Lock both users' rows until the transaction ends.

    Raises PersonNotFound when one of them is unknown or deleted.
    """
    rows = await session.execute(
        select(col(User.id))
        .where(col(User.id).in_((actor_id, user_id)), col(User.deleted_at).is_(None))
        # In one order, or two transactions could wait for each other.
        .order_by(col(User.id))
        # Not against transactions that only refer to the two, as every new message does.
        .with_for_update(key_share=True)
    )
    if set(rows.scalars()) != {actor_id, user_id}:
        raise PersonNotFound


async def add_friendship(session: AsyncSession, one: UUID, other: UUID) -> None:
    """Make the two friends."""
    now = utc_now()
    sides = [
        {"user_id": mine, "friend_id": theirs, "created_at": now}
        for mine, theirs in ((one, other), (other, one))
    ]
    await session.execute(insert(Friendship), sides)


async def delete_friendship(session: AsyncSession, one: UUID, other: UUID) -> bool:
    """End the friendship of the two; return whether there was one."""
    mine, theirs = col(Friendship.user_id), col(Friendship.friend_id)
    sides = or_(and_(mine == one, theirs == other), and_(mine == other, theirs == one))
    return await _has_deleted(session, delete(Friendship).where(sides).returning(mine))


async def add_request(session: AsyncSession, *, sender_id: UUID, receiver_id: UUID) -> None:
    """Add a request that waits for its answer."""
    request = {
        "sender_id": sender_id,
        "receiver_id": receiver_id,
        "pair_key": pair_key(sender_id, receiver_id),
        "created_at": utc_now(),
    }
    await session.execute(insert(FriendRequest), request)


async def delete_request(session: AsyncSession, *, sender_id: UUID, receiver_id: UUID) -> bool:
    """Delete a request; return whether there was one."""
    request = and_(
        col(FriendRequest.sender_id) == sender_id, col(FriendRequest.receiver_id) == receiver_id
    )
    statement = delete(FriendRequest).where(request).returning(col(FriendRequest.sender_id))
    return await _has_deleted(session, statement)


async def delete_requests(session: AsyncSession, one: UUID, other: UUID) -> bool:
    """Delete the request of either; return whether there was one."""
    request = col(FriendRequest.pair_key) == pair_key(one, other)
    statement = delete(FriendRequest).where(request).returning(col(FriendRequest.sender_id))
    return await _has_deleted(session, statement)


async def add_block(session: AsyncSession, *, blocker_id: UUID, blocked_id: UUID) -> bool:
    """Add a block; return False when it was there before."""
    if await session.get(Block, (blocker_id, blocked_id)) is not None:
        return False
    block = {"blocker_id": blocker_id, "blocked_id": blocked_id, "created_at": utc_now()}
    await session.execute(insert(Block), block)
    return True


async def delete_block(session: AsyncSession, *, blocker_id: UUID, blocked_id: UUID) -> bool:
    """Delete a block; return whether there was one."""
    block = and_(col(Block.blocker_id) == blocker_id, col(Block.blocked_id) == blocked_id)
    statement = delete(Block).where(block).returning(col(Block.blocker_id))
    return await _has_deleted(session, statement)


async def _has_deleted(session: AsyncSession, statement: Any) -> bool:  # noqa: ANN401  # a DELETE … RETURNING of any table
    return bool((await session.execute(statement)).all())
