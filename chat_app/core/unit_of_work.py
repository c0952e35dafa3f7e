"""One transaction, then its announcements: nobody hears of what was not committed."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.core.database import Database

Announcement = Callable[[], Awaitable[None]]


class UnitOfWork:
    """A session to write with, and what to say once its work is durable."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.announcements: list[Announcement] = []

    def announce(self, announcement: Announcement) -> None:
        """Have `announcement` awaited after the commit; a rollback forgets it."""
        self.announcements.append(announcement)


@contextlib.asynccontextmanager
async def unit_of_work(database: Database) -> AsyncIterator[UnitOfWork]:
    """Commit on success and then announce; roll back and stay silent on any error.

    Raises Unavailable when the database cannot be used.
    """
    async with database.writing() as session:
        uow = UnitOfWork(session)
        yield uow
    for announcement in uow.announcements:
        await announcement()
