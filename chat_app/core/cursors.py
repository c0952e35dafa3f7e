"""Cursors of lists by time: a moment in microseconds, and an id for those of the same moment."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

CURSOR = re.compile(r"([0-9]{1,17})-([0-9a-f]{32})")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_at(moment: datetime, identifier: UUID) -> str:
    """Return the place of a row in a list."""
    return f"{(moment - EPOCH) // timedelta(microseconds=1)}-{identifier.hex}"


def place_of(cursor: str) -> tuple[datetime, UUID] | None:
    """Return the moment and the id of a cursor, None for any other text."""
    match = CURSOR.fullmatch(cursor)
    if match is None:
        return None
    return EPOCH + timedelta(microseconds=int(match[1])), UUID(match[2])
