"""Checkpoints: keep SQLite's write-ahead log (`-wal`) short, beside the reads and the writer.

The writer copies the log into the database file itself, every so many pages. A snapshot that a
program holds open, or many that overlap, keep it from beginning the log anew: the file grows, and
by itself it would never shrink.
"""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

import structlog

from chat_app.core import tasks
from chat_app.core.supervisor import Supervisor

INTERVAL_S = 1.0
# After so many looks at which nothing was written, the database file alone holds everything.
IDLE_LOOKS = 3
MAX_BYTES = 64 * 1024 * 1024
# The writer waits no longer than this for the snapshots that are open.
WAIT_S = 0.1

log = structlog.get_logger(__name__)


class _Look(NamedTuple):
    """The size of the log and the time of the last write to it."""

    size: int = 0
    written_at: int = 0


class Checkpoints:
    """The periodic checkpoints of one SQLite file; start them inside the running loop."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._wal = Path(f"{database}-wal")
        self._last = _Look()
        self._idle_looks = 0
        self._is_held = False
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Start the task."""
        self._task = supervisor.start("checkpoints", self._run, is_vital=False)

    async def close(self) -> None:
        """Stop, and write everything into the database file."""
        if self._task is not None:
            await tasks.end([self._task])
        if self._look().size:
            await asyncio.to_thread(self._checkpoint)

    async def look(self) -> None:
        """Empty the log if nothing was written lately, or if it has grown too long."""
        look, before = self._look(), self._last
        self._last = look
        self._idle_looks = self._idle_looks + 1 if look == before else 0
        if look.size > MAX_BYTES or (look.size and self._idle_looks >= IDLE_LOOKS):
            is_empty = await asyncio.to_thread(self._checkpoint)
            self._report(look.size, is_held=look.size > MAX_BYTES and not is_empty)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.look()

    def _look(self) -> _Look:
        try:
            found = self._wal.stat()
        except OSError:
            return _Look()
        return _Look(found.st_size, found.st_mtime_ns)

    def _checkpoint(self) -> bool:
        """Copy the log into the file and empty it; return False if a snapshot forbids that."""
        try:
            with contextlib.closing(
                sqlite3.connect(self._database, timeout=WAIT_S, isolation_level=None)
            ) as connection:
                # It waits for nobody. If it could not copy all, the next one, which keeps the
                # writer out, would wait in vain.
                _, frames, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if copied < frames:
                    return False
                [is_busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:  # locked, or the disk is full
            return False
        return not is_busy

    def _report(self, size: int, *, is_held: bool) -> None:
        if is_held and not self._is_held:
            log.warning(
                "database.log_grows",
                megabytes=size // 2**20,
                what_to_do="end the program that holds a snapshot of chat.db open",
            )
        self._is_held = is_held
