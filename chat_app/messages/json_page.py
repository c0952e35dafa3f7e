"""Messages that are read many at once: as one JSON text, in no order."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ScalarSelect, Subquery, select

from chat_app.core.json_rows import as_json


class MessageRow(msgspec.Struct):
    """A row of the table; `direct_key` where the statement has it."""

    id: UUID
    conversation_id: UUID
    seq: int
    rev: int
    client_id: str
    sender_id: UUID
    content: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    direct_key: str | None = None


_decode = msgspec.json.Decoder(list[MessageRow]).decode


def as_text(dialect: str, rows: Subquery) -> ScalarSelect[str | None]:
    """Select all of `rows` as the text that `read` takes."""
    return select(as_json(dialect, rows)).scalar_subquery()


def read(text: str | None) -> list[MessageRow]:
    """Return the rows of a text, in no order."""
    return _decode(text or "[]")
