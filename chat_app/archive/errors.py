"""Errors of archives and databases, each one line for the operator."""

import contextlib
import sqlite3
from collections.abc import Iterator

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from chat_app.core.bucket import BucketAway
from chat_app.core.errors import Unavailable

MAX_LENGTH = 300


class ArchiveError(Exception):
    """A failed backup, restore or move: its reason and its place. Nothing was changed.

    Neither contains a password.
    """

    def __init__(self, text: str, *, place: str = "") -> None:
        self.text = text
        self.place = place
        super().__init__(f"{place}: {text}" if place else text)


@contextlib.contextmanager
def failures_at(place: str) -> Iterator[None]:
    """Raise failures of the block as ArchiveError with this place, unless they name their own."""
    try:
        yield
    except ArchiveError as error:
        if error.place:
            raise
        raise ArchiveError(error.text, place=place) from error
    except BucketAway as error:
        raise ArchiveError(f"S3: {error.reason}", place="CHAT_FILES_URL") from error
    except (
        Unavailable,
        SQLAlchemyError,
        sqlite3.Error,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
    ) as error:
        raise ArchiveError(reason(error), place=place) from error


def reason(error: BaseException) -> str:
    """Return the first line of the database's own message, without our SQL and its values."""
    if isinstance(error, Unavailable) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    lines = str(error).strip().splitlines()
    return lines[0][:MAX_LENGTH] if lines else type(error).__name__
