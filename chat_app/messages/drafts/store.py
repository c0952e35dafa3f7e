"""Rows of drafts."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.conversations.message_rows import IS_READABLE
from chat_app.models import Draft, Member, Message


async def lock_membership(session: AsyncSession, *, user_id: UUID, conversation_id: UUID) -> bool:
    """Lock the membership under which a user writes a draft; return whether there is one."""
    found = await session.scalar(
        select(col(Member.user_id))
        .where(col(Member.user_id) == user_id, col(Member.conversation_id) == conversation_id)
        .with_for_update()
    )
    return found is not None


async def is_readable(
    session: AsyncSession, *, user_id: UUID, conversation_id: UUID, message_id: UUID
) -> bool:
    """Return whether a message, no notice, is in a conversation and a member may read it."""
    found = await session.scalar(
        select(col(Message.id))
        .join(Member, col(Member.conversation_id) == col(Message.conversation_id))
        .where(
            col(Message.id) == message_id,
            col(Message.conversation_id) == conversation_id,
            col(Message.kind) == "text",
            col(Member.user_id) == user_id,
            IS_READABLE,
        )
    )
    return found is not None


async def draft_of(session: AsyncSession, *, user_id: UUID, conversation_id: UUID) -> Draft | None:
    """Return the row of a draft; its membership is locked."""
    return await session.get(Draft, (user_id, conversation_id))


async def write(session: AsyncSession, draft: Draft) -> None:
    """Write a new or changed draft."""
    session.add(draft)
    await session.flush()
