"""Rows of saved messages."""

from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.conversations.message_rows import IS_READABLE
from chat_app.models import Member, Message, SavedMessage


async def lock_readable(session: AsyncSession, *, user_id: UUID, message_id: UUID) -> bool:
    """Return whether a user may read a message that is no notice and not deleted.

    It stays so meanwhile.
    """
    found = await session.scalar(
        select(col(Message.id))
        .join(Member, col(Member.conversation_id) == col(Message.conversation_id))
        .where(
            col(Message.id) == message_id,
            col(Message.deleted_at).is_(None),
            col(Message.kind) == "text",
            col(Member.user_id) == user_id,
            IS_READABLE,
        )
        .with_for_update(read=True, of=Message)
    )
    return found is not None


async def add(session: AsyncSession, *, user_id: UUID, message_id: UUID) -> bool:
    """Save a message for a user; return whether it was not saved before."""
    is_there = exists().where(
        col(SavedMessage.user_id) == user_id, col(SavedMessage.message_id) == message_id
    )
    if await session.scalar(select(is_there)):
        return False
    session.add(SavedMessage(user_id=user_id, message_id=message_id))
    await session.flush()
    return True


async def remove(session: AsyncSession, *, user_id: UUID, message_id: UUID) -> bool:
    """Forget a saved message; return whether it was saved."""
    removed = await session.execute(
        delete(SavedMessage)
        .where(col(SavedMessage.user_id) == user_id, col(SavedMessage.message_id) == message_id)
        .returning(col(SavedMessage.message_id))
    )
    return removed.first() is not None
