"""The removal of bytes that no message has any more, and of bytes without a row."""

import asyncio
import contextlib
import random
import time
from functools import partial
from itertools import cycle, islice

import structlog

from chat_app.core import tasks
from chat_app.core.database import Database
from chat_app.core.supervisor import Supervisor
from chat_app.files import store
from chat_app.files.disk import UPLOADS, folders
from chat_app.files.metrics import FileMetrics
from chat_app.files.storage import FileStorage

INTERVAL_S = 10.0
BATCH_SIZE = 100
# A folder at a time: all of them in a day.
SWEEP_S = 300.0
# Bytes lose their row only where a node ended at a bad moment, or a backup was restored.
ORPHAN_AGE_S = 7 * 86_400.0

log = structlog.get_logger(__name__)


class FileRemoval:
    """The task that removes bytes; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, storage: FileStorage, metrics: FileMetrics) -> None:
        self._database = database
        self._storage = storage
        self._metrics = metrics
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        names = list(folders())
        # Nodes that start together begin elsewhere.
        self._folders = islice(cycle(names), random.randrange(len(names)), None)  # noqa: S311  # no secret
        self._swept_at = time.monotonic()

    def start(self, supervisor: Supervisor) -> None:
        """Start the task."""
        self._task = supervisor.start("file_removal", self._run, is_vital=False)

    async def close(self) -> None:
        """End the task; what is left is removed by another node, or later."""
        if self._task is not None:
            await tasks.end([self._task])

    def wake(self) -> None:
        """Look at once for what is to be removed."""
        self._woken.set()

    async def remove_all(self) -> None:
        """Remove the bytes of all files that no message has. Raises Unavailable."""
        discard = partial(store.discard_released, count=BATCH_SIZE)
        while await self._database.transact(discard) == BATCH_SIZE:
            pass
        while ids := await self._database.transact(partial(store.gone_files, count=BATCH_SIZE)):
            await self._storage.remove(ids)
            await self._database.transact(partial(store.delete_gone, file_ids=ids))
            self._metrics.removed.add(len(ids))

    async def sweep(self, folder: str, age_s: float = ORPHAN_AGE_S) -> int:
        """Remove the old bytes in a folder that have no row; return of how many files.

        An upload goes, too, whose file is stored: its removal after the check may have failed.
        """
        is_uploads = folder == UPLOADS
        find_known = store.unfinished_ids if is_uploads else store.known_ids
        old = await self._storage.old_ids(folder, age_s)
        orphans = []
        for start in range(0, len(old), BATCH_SIZE):
            some = old[start : start + BATCH_SIZE]
            known = await self._database.transact(partial(find_known, file_ids=some))
            orphans += [one for one in some if one not in known]
        if orphans:
            log.warning("files.orphans_removed", folder=folder, files=len(orphans))
            if is_uploads:
                for one in orphans:
                    await self._storage.remove_upload(one)
            else:
                await self._storage.remove(orphans)
        return len(orphans)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._woken.wait()
            self._woken.clear()
            await self.remove_all()
            if time.monotonic() - self._swept_at > SWEEP_S:
                self._swept_at = time.monotonic()
                await self.sweep(next(self._folders))
