"""A scheduled message of the first person of the demo, and a reminder."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from chat_app.core.ids import pair_key
from chat_app.demo.people import FIRST, SECOND
from chat_app.models import Conversation, DueItem, Message

TEXT = "Rehearsal is at eight tonight. Bring the **guitar**, and the good strings. 🎸"
MORNING = 9


async def write_due_items(connection: AsyncConnection, ids: dict[str, UUID], now: datetime) -> None:
    """Schedule a message to the second person for tomorrow, with a reminder of their last one.

    The hours are those of the time zone of `now`.
    """
    mine, theirs = ids[FIRST], ids[SECOND]
    direct_key = pair_key(mine, theirs)
    last = (
        await connection.execute(
            select(col(Message.id), col(Message.conversation_id))
            .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
            .where(
                col(Conversation.direct_key) == direct_key,
                col(Message.sender_id) == theirs,
                col(Message.deleted_at).is_(None),
            )
            .order_by(col(Message.seq).desc())
            .limit(1)
        )
    ).one()
    tomorrow = now.replace(hour=MORNING, minute=0, second=0, microsecond=0) + timedelta(days=1)
    items: list[dict[str, Any]] = [
        DueItem(
            kind="scheduled",
            user_id=mine,
            due_at=tomorrow,
            conversation_id=last.conversation_id,
            client_id=uuid4().hex,
            content=TEXT,
        ).model_dump(),
        DueItem(kind="reminder", user_id=mine, due_at=tomorrow, message_id=last.id).model_dump(),
    ]
    await connection.execute(insert(DueItem), items)
