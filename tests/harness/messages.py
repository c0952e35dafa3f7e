"""Messages as the domain passes them on, for tests of what is made of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from chat_app.realtime.shapes import Message, Person

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def person(name: str, user_id: UUID) -> Person:
    """Return somebody whose username is the name in small letters."""
    return Person(id=user_id, username=name.lower(), display_name=name)


def message(sender: Person, **changes: Any) -> Message:  # noqa: ANN401  # fields of any type
    """Return the second message of a conversation, "Hello"; `changes` are other fields."""
    plain = Message(
        id=uuid4(),
        conversation_id=uuid4(),
        seq=2,
        rev=3,
        client_id="c",
        sender_id=sender.id,
        receiver_id=None,
        content="Hello",
        created_at=NOW,
        sender=sender,
    )
    return replace(plain, **changes)
