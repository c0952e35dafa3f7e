"""What is left of somebody who deletes their account: an empty row that their messages point at."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts.names import index_names
from chat_app.accounts.schemas import Ended
from chat_app.accounts.sessions import forget_sessions
from chat_app.core.clock import utc_now
from chat_app.models import Block, FriendRequest, Friendship, User


class Left(NamedTuple):
    """Whom a departure concerns: sessions that ended, and those who were friends or had asked."""

    ended: Ended
    acquaintance_ids: set[UUID]


async def empty_account(session: AsyncSession, account: User) -> Left:
    """Take everything personal out of an account that the caller has locked."""
    account.deleted_at = utc_now()
    account.username = ""
    # Unique, and nobody can register it. The old name is free again.
    account.username_key = f"!{account.id.hex}"
    account.display_name = ""
    account.bio = ""
    account.status_text = ""
    account.password_hash = ""
    account.last_seen_at = None
    await index_names(session, account)
    await session.flush()
    acquaintances = await _forget_relations(session, account.id)
    return Left(await forget_sessions(session, user_id=account.id), acquaintances)


async def _forget_relations(session: AsyncSession, user_id: UUID) -> set[UUID]:
    mine = await session.execute(
        delete(Friendship)
        .where(col(Friendship.user_id) == user_id)
        .returning(col(Friendship.friend_id))
    )
    friends = set(mine.scalars())
    # The other side of each friendship, by its primary key.
    await session.execute(
        delete(Friendship).where(
            col(Friendship.user_id).in_(friends), col(Friendship.friend_id) == user_id
        )
    )
    asked = await session.execute(
        delete(FriendRequest)
        .where(
            or_(
                col(FriendRequest.sender_id) == user_id,
                col(FriendRequest.receiver_id) == user_id,
            )
        )
        .returning(col(FriendRequest.sender_id), col(FriendRequest.receiver_id))
    )
    pairs = {person for pair in asked for person in pair}
    await session.execute(
        delete(Block).where(or_(col(Block.blocker_id) == user_id, col(Block.blocked_id) == user_id))
    )
    return (friends | pairs) - {user_id}
