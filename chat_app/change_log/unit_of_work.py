"""Unit of work: one transaction, with the log entry of what it publishes."""

import contextlib
from collections.abc import AsyncIterator, Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.change_log.store import NewEntry, Publication, append, published
from chat_app.core.database import Database
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import Envelope


class UnitOfWork:
    """A session to write with, and what every node delivers once its work is committed."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._publications: list[Publication] = []
        self._entries: list[NewEntry] = []

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Publish an envelope to `topics` with the commit; a rollback drops it."""
        if receivers := list(topics):
            self._publications.append(Publication(receivers, envelope))

    def add(self, entry: NewEntry) -> None:
        """Append an entry of another kind."""
        self._entries.append(entry)

    async def append(self) -> bool:
        """Append all that was published, as the last work of the transaction; return if any was."""
        entries = [*self._entries]
        if self._publications:
            entries.append(published(self._publications))
        if entries:
            connection = await self.session.connection()
            await connection.run_sync(append, entries)
        return bool(entries)


@contextlib.asynccontextmanager
async def unit_of_work(database: Database, broker: Broker) -> AsyncIterator[UnitOfWork]:
    """Commit on success, and wake the readers of the log; on any error roll back.

    Raises Unavailable when the database cannot be used.
    """
    async with database.writing() as session:
        uow = UnitOfWork(session)
        yield uow
        is_published = await uow.append()
    if is_published:
        broker.wake_readers()
