"""Backups that admins make and download; the shell has its own command for them."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from chat_app.accounts.store import lock_admins
from chat_app.admin import queries, store
from chat_app.admin.backup_files import StoredBackup
from chat_app.admin.backup_task import BackupTask, Order
from chat_app.admin.errors import BackupRunning, NoSpaceForBackup, NoSuchBackup
from chat_app.admin.schemas import Actor, Backup, Backups
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.models import BackupRun

# Beside the size of the database and the files, which a backup does not exceed: the chat needs some
# while it is written, above all the log of an embedded database.
SPARE_BYTES = 64 * 1024 * 1024
FAILURES = {
    "disk_full": "The disk was full.",
    "too_long": "It took too long.",
    "stopped": "The chat was stopped meanwhile.",
    "failed": "It could not be written. The log of the chat has the reason.",
}

Result = TypeVar("Result")


class BackupService:
    """The use cases of backups. All raise NotFound where the actor is no admin."""

    def __init__(self, *, database: Database, task: BackupTask) -> None:
        self._database = database
        self._task = task

    async def begin(self, actor: Actor) -> Backup:
        """Begin a backup. Raises BackupRunning, NoSpaceForBackup and Unavailable.

        Only one is made at a time, by all nodes together.
        """
        needed = await queries.bytes_to_back_up(self._database) + SPARE_BYTES
        async with self._database.writing() as session:
            await lock_admins(session)
            assert actor.user_id is not None  # noqa: S101  # doors have authenticated them
            me = await store.require_admin(session, actor.user_id)
            if store.is_running(await store.latest_backup(session)):
                raise BackupRunning
            # Only now: what another node was writing would be taken for half written.
            free, name = await _in_folder(partial(self._task.folder.prepare, utc_now()))
            if free < needed:
                raise NoSpaceForBackup
            run = await store.begin_backup(session, name)
            order, begun = Order(name, actor, me.username), _begun(run)
        self._task.begin(order)
        return begun

    async def list(self, viewer_id: UUID) -> Backups:
        """Return the backups that are here, the newest first. Raises Unavailable."""
        async with self._database.reading() as session:
            await store.require_admin(session, viewer_id)
            run = await store.latest_backup(session)
        stored = await _in_folder(self._task.folder.listed)
        if run is not None and store.is_running(run):
            whole = [_ready(one) for one in stored if one.name != run.name]
            return Backups(items=[_begun(run), *whole])
        items = [_ready(one) for one in stored]
        if run is not None and run.state != "ready" and run.name not in _names(stored):
            items.insert(0, _failed(run))
        return Backups(items=items)

    async def open(self, actor: Actor, name: str) -> Path:
        """Return where a whole backup is; its download is written into the audit log.

        A download comes in parts, each a request of its own: within an hour they are one.
        Raises NoSuchBackup and Unavailable.
        """
        stored = await _in_folder(self._task.folder.listed)
        async with self._database.writing() as session:
            assert actor.user_id is not None  # noqa: S101  # doors have authenticated them
            me = await store.require_admin(session, actor.user_id)
            if name not in _names(stored):
                raise NoSuchBackup
            if not await store.has_entry(session, actor, "backup_downloaded", detail=name):
                store.add_entry(
                    session, actor, "backup_downloaded", actor_name=me.username, detail=name
                )
        return self._task.folder.path / name


async def _in_folder(work: Callable[[], Result]) -> Result:
    """Return what a function that uses the disk returns. Raises Unavailable."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise Unavailable from error


def _names(stored: Sequence[StoredBackup]) -> set[str]:
    return {one.name for one in stored}


def _begun(run: BackupRun) -> Backup:
    return Backup(name=run.name, state="running", made_at=run.started_at, size=0, failure=None)


def _ready(stored: StoredBackup) -> Backup:
    return Backup(
        name=stored.name, state="ready", made_at=stored.made_at, size=stored.size, failure=None
    )


def _failed(run: BackupRun) -> Backup:
    # One that still runs by its row was left by a node that is gone.
    failure = FAILURES[run.failure or "stopped"]
    return Backup(name=run.name, state="failed", made_at=run.started_at, size=0, failure=failure)
