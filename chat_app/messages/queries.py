"""Every question about messages, on behalf of a member: permission is in each query."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.conversations.direct import direct_key
from chat_app.conversations.errors import ConversationNotFound
from chat_app.conversations.queries import message_of
from chat_app.core.errors import Invalid
from chat_app.friends.cards import user_card
from chat_app.messages.schemas import MessagePage
from chat_app.messages.statements import MESSAGES
from chat_app.models import Conversation, Member, Message
from chat_app.realtime.online import Online

LIMIT = 50


async def history(
    session: AsyncSession,
    *,
    viewer_id: UUID,
    conversation_id: UUID,
    before: int | None = None,
    after: int | None = None,
    limit: int = LIMIT,
) -> MessagePage:
    """Return a page of a conversation: before or after a `seq`, or the newest.

    Raises ConversationNotFound, or Invalid when both ends are given.
    """
    if before is not None and after is not None:
        raise Invalid({"after": "Give either before or after."})
    key = (
        await session.execute(
            select(col(Conversation.direct_key))
            .join(Member, col(Member.conversation_id) == col(Conversation.id))
            .where(col(Conversation.id) == conversation_id, col(Member.user_id) == viewer_id)
        )
    ).first()
    if key is None:
        raise ConversationNotFound
    rising = after is not None
    # Plain rows: objects of the model cost more than everything else of a page.
    question = select(MESSAGES).where(col(Message.conversation_id) == conversation_id)
    if before is not None:
        question = question.where(col(Message.seq) < before)
    if after is not None:
        question = question.where(col(Message.seq) > after)
    order = col(Message.seq).asc() if rising else col(Message.seq).desc()
    rows = list(await session.execute(question.order_by(order).limit(limit + 1)))
    items = [message_of(row, key[0]) for row in rows[:limit]]
    if not rising:
        items.reverse()
    return MessagePage(items=items, has_more=len(rows) > limit)


async def direct_history(
    session: AsyncSession,
    *,
    viewer_id: UUID,
    user_id: UUID,
    online: Online,
    before: int | None = None,
    after: int | None = None,
    limit: int = LIMIT,
) -> MessagePage:
    """Return a page of the direct conversation with a user; empty when nothing was written.

    Raises NotFound for somebody who never was there.
    """
    found = (
        await session.execute(
            select(col(Conversation.id)).where(
                col(Conversation.direct_key) == direct_key(viewer_id, user_id)
            )
        )
    ).scalar_one_or_none()
    if found is None:
        await user_card(session, viewer_id=viewer_id, user_id=user_id, online=online)
        return MessagePage(items=[], has_more=False)
    return await history(
        session,
        viewer_id=viewer_id,
        conversation_id=found,
        before=before,
        after=after,
        limit=limit,
    )
