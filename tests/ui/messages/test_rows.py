"""Rows of the timeline and the memory that they keep."""

from datetime import UTC, datetime
from uuid import UUID

from chat_app.core.ids import new_id
from chat_app.realtime.shapes import Message
from chat_app.ui.messages import rows
from chat_app.ui.messages.rows import MAX_CACHED_LENGTH, message_rows

ME = new_id()


def message(seq: int, content: str, sender_id: UUID = ME) -> Message:
    return Message(
        id=new_id(),
        conversation_id=ME,
        seq=seq,
        rev=seq,
        client_id=str(seq),
        sender_id=sender_id,
        receiver_id=None,
        content=content,
        created_at=datetime(2030, 1, 1, 12, 0, seq % 60, tzinfo=UTC),
    )


def test_long_texts_are_not_kept() -> None:
    rows._cached_row.cache_clear()
    short, long = "x" * MAX_CACHED_LENGTH, "x" * (MAX_CACHED_LENGTH + 1)
    made = message_rows([message(1, short), message(2, long)], viewer_id=ME, names={ME: "Mira"})

    assert [row["text"] for row in made] == [short, long]
    assert rows._cached_row.cache_info().currsize == 1


def test_messages_of_one_author_within_minutes_are_a_group() -> None:
    other = new_id()
    made = message_rows(
        [message(1, "a"), message(2, "b"), message(3, "c", other)], viewer_id=ME, names={}
    )

    assert [(row["first"], row["last"]) for row in made] == [
        (True, False),
        (False, True),
        (True, True),
    ]
