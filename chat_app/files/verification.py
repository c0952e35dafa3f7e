"""The verification of the stored files: whether each is there, and has the bytes that it had."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from uuid import UUID

from chat_app.core.database import Database
from chat_app.files import store
from chat_app.files.disk import folders
from chat_app.files.storage import FileStorage

BATCH_SIZE = 100
FIRST = UUID(int=0)


class Verified(NamedTuple):
    """How many files are whole, and the ids of the others; orphans are bytes without a row."""

    whole: int
    missing: list[UUID]
    damaged: list[UUID]
    orphans: int


async def count_files(database: Database) -> int:
    """Return how many files are stored. Raises Unavailable."""
    return await database.transact(store.count_stored)


async def verify(
    database: Database, storage: FileStorage, advance: Callable[[int], None]
) -> Verified:
    """Read every stored file and compare it; `advance` gets numbers of files that are done.

    Files that are deleted meanwhile do not count. Raises Unavailable.
    """
    whole, after = 0, FIRST
    missing: list[UUID] = []
    damaged: list[UUID] = []
    while rows := await database.transact(
        partial(store.stored_files, after=after, count=BATCH_SIZE)
    ):
        for row in rows:
            digest = await storage.digest(row.id, with_thumbnail=row.has_thumbnail)
            if digest == row.sha256:
                whole += 1
            else:
                (missing if digest is None else damaged).append(row.id)
            advance(1)
        after = rows[-1].id
    there = await database.transact(partial(store.known_ids, file_ids=missing))
    missing = [one for one in missing if one in there]
    return Verified(whole, missing, damaged, await _count_orphans(database, storage))


async def _count_orphans(database: Database, storage: FileStorage) -> int:
    orphans = 0
    for folder in folders():
        ids = await storage.old_ids(folder, 0)
        for start in range(0, len(ids), BATCH_SIZE):
            some = ids[start : start + BATCH_SIZE]
            known = await database.transact(partial(store.known_ids, file_ids=some))
            orphans += len(some) - len(known)
    return orphans
