"""Making the rows of a new conversation; the callers own the transaction."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.engine import Connection

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.models import Conversation, Member


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
