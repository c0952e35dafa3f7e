"""Maintenance: remove what has expired, on one node of the cluster at a time."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy import BigInteger, bindparam, func, select
from sqlalchemy.engine import Connection

from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor

FIRST_S, INTERVAL_S = 60.0, 600.0
# Rows of one transaction, short enough to hold up nobody.
BATCH_SIZE = 1_000
PAUSE_S = 0.05
# PostgreSQL's number for the lock of the node that does it; any number of ours will do.
LOCK = 7_346_209_116

log = structlog.get_logger(__name__)


class Job(NamedTuple):
    """A kind of rows that expire.

    `remove(connection, before, count)` deletes at most `count` rows that expired before a time, and
    returns how many.
    """

    name: str
    kept_for: timedelta
    remove: Callable[[Connection, datetime, int], int]


class Maintenance:
    """The periodic removal; start it inside the running loop, then close it."""

    def __init__(
        self, database: Database, jobs: Sequence[Job], metrics: Metrics | None = None
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._task: asyncio.Task[None] | None = None
        self._removed = (metrics or Metrics()).counters(
            "chat_maintenance_removed_total", "Expired rows removed by this node, by job", "job"
        )

    def start(self, supervisor: Supervisor) -> None:
        """Start the task."""
        self._task = supervisor.start("maintenance", self._run, is_vital=False)

    async def close(self) -> None:
        """Stop; what is left is removed another time."""
        if self._task is not None:
            await tasks.end([self._task])

    async def remove_expired(self) -> dict[str, int]:
        """Run every job to its end; return how many rows each has removed. Raises Unavailable."""
        removed = {}
        for job in self._jobs:
            removed[job.name] = 0
            while (some := await self._database.transact(partial(_remove, job))) > 0:
                removed[job.name] += some
                self._removed.of(job.name).add(some)
                await asyncio.sleep(PAUSE_S)
        return removed

    async def _run(self) -> None:
        pause_s = FIRST_S
        while True:
            await asyncio.sleep(pause_s)
            pause_s = INTERVAL_S
            removed = await self.remove_expired()
            if any(removed.values()):
                log.info("maintenance.removed", **removed)


def _remove(job: Job, connection: Connection) -> int:
    if connection.dialect.name != "sqlite":
        lock = func.pg_try_advisory_xact_lock(bindparam("lock", LOCK, type_=BigInteger))
        if not connection.execute(select(lock)).scalar_one():
            return 0
    return job.remove(connection, utc_now() - job.kept_for, BATCH_SIZE)
