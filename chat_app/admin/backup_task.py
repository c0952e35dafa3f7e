"""The task that makes the backups that admins begin, each in a process of its own."""

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from chat_app.admin import store
from chat_app.admin.backup_files import BackupFolder
from chat_app.admin.schemas import Actor, BackupFailure
from chat_app.core import tasks
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.metrics import Metrics
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor

# A backup holds a snapshot of the database open, whose log grows meanwhile.
TIME_LIMIT_S = 2 * 3600.0
MAX_ANSWER = 16 * 1024
# Where the process finds the package, wherever this one was started.
PATHS = os.pathsep.join(
    filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")))
)
# It needs none of them; the address of Redis would ask for the first.
UNUSED = {"secret_key", "metrics_token", "redis_url"}

log = structlog.get_logger(__name__)


class Order(NamedTuple):
    """A backup that an admin has begun."""

    name: str
    actor: Actor
    actor_name: str


class _Answer(msgspec.Struct, frozen=True):
    failure: BackupFailure
    reason: str


class BackupTask:
    """The maker of backups; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, settings: Settings, metrics: Metrics) -> None:
        self.folder = BackupFolder(settings)
        self._database = database
        self._settings = settings
        self._orders: asyncio.Queue[Order] = asyncio.Queue(1)
        self._order: Order | None = None
        # None while it is being made, then what went wrong, or nothing.
        self._outcome: BackupFailure | None = None
        self._task: asyncio.Task[None] | None = None
        self._made = metrics.counters(
            "chat_backups_total", "Backups that admins have begun on this node", "outcome"
        )

    def begin(self, order: Order) -> None:
        """Make a backup whose row is stored. There is no other one."""
        self._orders.put_nowait(order)

    def start(self, supervisor: Supervisor) -> None:
        """Start the task."""
        self._task = supervisor.start("backups", self._run, is_vital=False)

    async def close(self) -> None:
        """End the backup that is being made, and leave nothing of it."""
        if self._task is not None:
            await tasks.end([self._task])
        if self._order is None and not self._orders.empty():
            self._order = self._orders.get_nowait()
        if self._order is not None:
            with contextlib.suppress(AppError):  # another node finds it out by its age
                await self._finish(self._order, _or(self._outcome, "stopped"))

    async def _run(self) -> None:
        while True:
            if self._order is None:
                self._order = await self._orders.get()
                self._outcome = None
                self._outcome = await self._make(self._order)
            # After an error in this task, which runs again: what was begun is not made twice.
            await self._finish(self._order, _or(self._outcome, "failed"))

    async def _make(self, order: Order) -> BackupFailure:
        started = time.monotonic()
        making = asyncio.create_task(self._run_child(self.folder.path / order.name))
        try:
            while not making.done():
                with contextlib.suppress(AppError):  # the database is away; the next one counts
                    await self._database.transact(store.renew_backup)
                await asyncio.wait([making], timeout=store.BACKUP_RENEWED_S)
            answer = making.result()
        finally:
            await tasks.end([making])
        seconds = round(time.monotonic() - started, 1)
        if answer.failure:
            log.warning("backup.failed", name=order.name, reason=answer.reason, seconds=seconds)
            return answer.failure
        log.info("backup.made", name=order.name, seconds=seconds)
        return ""

    async def _run_child(self, path: Path) -> _Answer:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chat_app.archive.child", path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": PATHS},
            limit=MAX_ANSWER,
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  # pipes
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                # Its input stays open: the process ends with this one.
                process.stdin.write(self._told_settings())
                answer = await process.stdout.read(MAX_ANSWER)
                status = await process.wait()
        except TimeoutError:
            return _Answer("too_long", f"not done after {TIME_LIMIT_S:.0f} s")
        except (BrokenPipeError, ConnectionResetError):
            return _Answer("failed", "its process has ended at once")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.stdin.close()
            await process.wait()
        if not status:
            return _Answer("", "")
        try:
            return msgspec.json.decode(answer, type=_Answer)
        except msgspec.DecodeError:
            return _Answer("failed", f"its process has ended with {status}")

    def _told_settings(self) -> bytes:
        settings = self._settings.model_dump(mode="json", exclude=UNUSED)
        return json.dumps({**settings, "redis_url": ""}).encode() + b"\n"

    async def _finish(self, order: Order, failure: BackupFailure) -> None:
        try:
            await asyncio.to_thread(self.folder.remove_unfinished)
            if not failure:
                await asyncio.to_thread(self.folder.remove_old)
        except OSError as error:
            log.warning("backup.not_tidied", reason=error.strerror)
        async with self._database.writing() as session:
            await store.finish_backup(session, order.name, failure)
            store.add_entry(
                session,
                order.actor,
                "backup_failed" if failure else "backup_made",
                actor_name=order.actor_name,
                detail=f"{order.name} {failure}".strip(),
            )
        self._made.of(failure or "made").add()
        self._order = None


def _or(outcome: BackupFailure | None, otherwise: BackupFailure) -> BackupFailure:
    return otherwise if outcome is None else outcome
