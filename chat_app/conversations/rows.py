"""Making the rows of a new conversation; the callers own the transaction."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models import Conversation, Member


async def add_conversation(
    connection: AsyncConnection,
    *,
    kind: str,
    created_by: UUID,
    member_ids: Iterable[UUID],
    opened_by: Iterable[UUID],
    title: str = "",
    key: str | None = None,
) -> UUID:
    """Insert a conversation with its members and return its id.

    Raises sqlalchemy's IntegrityError when the direct conversation `key` exists already.
    """
    now = utc_now()
    conversation: dict[str, Any] = {
        "id": new_id(),
        "kind": kind,
        "title": title,
        "direct_key": key,
        "created_by": created_by,
        "last_seq": 0,
        "last_rev": 0,
        "created_at": now,
        "updated_at": now,
    }
    await connection.execute(insert(Conversation), conversation)
    opened = set(opened_by)
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
        for user_id in member_ids
    ]
    await connection.execute(insert(Member), members)
    identifier: UUID = conversation["id"]
    return identifier
