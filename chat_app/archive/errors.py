"""What can go wrong with archives and databases, in one line for whoever runs the chat."""

import contextlib
import sqlite3
from collections.abc import Iterator

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from chat_app.core.errors import Unavailable

LONGEST = 300


class ArchiveError(Exception):
    """Why nothing was written or changed, and where; never with a password in it."""

    def __init__(self, text: str, *, place: str = "") -> None:
        self.text = text
        self.place = place
        super().__init__(f"{place}: {text}" if place else text)


@contextlib.contextmanager
def failures_at(place: str) -> Iterator[None]:
    """Have whatever goes wrong name this place, unless it names a closer one."""
    try:
        yield
    except ArchiveError as error:
        if error.place:
            raise
        raise ArchiveError(error.text, place=place) from error
    except (
        Unavailable,
        SQLAlchemyError,
        sqlite3.Error,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ) as error:
        raise ArchiveError(reason(error), place=place) from error


def reason(error: BaseException) -> str:
    """Return the first line of what the database itself said, without our SQL and its values."""
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    lines = str(error).strip().splitlines()
    return lines[0][:LONGEST] if lines else type(error).__name__
