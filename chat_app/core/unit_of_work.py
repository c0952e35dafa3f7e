"""Unit of work: one transaction, then its announcements, so that only stored changes go out."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.core.database import Database

Announcement = Callable[[], Awaitable[None]]


class UnitOfWork:
    """A session to write with, and the announcements to await once its work is committed."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.announcements: list[Announcement] = []

    def announce(self, announcement: Announcement) -> None:
        """Await `announcement` after the commit; a rollback drops it."""
        self.announcements.append(announcement)


@contextlib.asynccontextmanager
async def unit_of_work(database: Database) -> AsyncIterator[UnitOfWork]:
    """Commit on success and then announce; on any error roll back and announce nothing.

    Raises Unavailable when the database cannot be used.
    """
    async with database.writing() as session:
        uow = UnitOfWork(session)
        yield uow
    for announcement in uow.announcements:
        await announcement()
