"""Opening the index of a database, and building it anew for the operator."""

import contextlib
from collections.abc import AsyncIterator, Callable

from chat_app.core.database import Database
from chat_app.search.embedded.store import EmbeddedIndex, index_file
from chat_app.search.index import Index
from chat_app.search.indexer import Indexer
from chat_app.search.server.store import ServerIndex


@contextlib.asynccontextmanager
async def open_index(database: Database) -> AsyncIterator[Index]:
    """Open the index of a database."""
    index: Index
    if database.file is None:
        index = ServerIndex(database)
    else:
        index = EmbeddedIndex(index_file(database.file))
    try:
        yield index
    finally:
        await index.close()


async def rebuild(database: Database, advance: Callable[[int], None]) -> int:
    """Build the index anew, also while nodes run; return how many messages were read.

    `advance` is called with the number of each step. Raises Unavailable.
    """
    read = 0
    async with open_index(database) as index:
        indexer = Indexer(database=database, index=index)
        await indexer.begin_anew()
        while True:
            step = await indexer.step()
            read += step.documents
            advance(step.documents)
            if step.is_last:
                return read
