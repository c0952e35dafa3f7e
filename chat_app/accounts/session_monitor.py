"""Session expiry: close the outlets of ended sessions, and extend the sessions that are in use.

The event of an ended session may be lost, so the database is queried: each second for the sessions
that have ended lately, by an index, and every few seconds for all that have outlets here, which
finds the expired ones, too. The row has the reason, so devices get the same event in either case.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from uuid import UUID

import structlog

from chat_app.accounts.announcements import session_ended
from chat_app.accounts.statements import ended_since, over_or_untouched, touch
from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.realtime.events import EndReason, session_topic
from chat_app.realtime.hub import Hub

INTERVAL_S = 1.0
FULL_INTERVAL_S = 5.0
# The last use of a session is stored to within this.
TOUCH_INTERVAL = timedelta(minutes=1)
# An end may become visible this much after the time that its row carries.
SLACK_S = 5.0
BATCH_SIZE = 1_000

log = structlog.get_logger(__name__)


class SessionMonitor:
    """The sessions of this process; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, hub: Hub, lifetime: timedelta) -> None:
        self._database = database
        self._hub = hub
        self._lifetime = lifetime
        self._used: set[UUID] = set()
        self._checked_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the periodic checks."""
        self._tasks = [
            asyncio.create_task(self._repeat(self.check_ended, INTERVAL_S), name="ended sessions"),
            asyncio.create_task(
                self._repeat(self.check_open, FULL_INTERVAL_S), name="open sessions"
            ),
        ]

    async def close(self) -> None:
        """Store which sessions were used, if that can be done at once, and stop."""
        await tasks.end(self._tasks)
        try:
            await self._touch(self._used)
        except AppError as error:
            log.warning("session.touch_failed", code=error.code)

    def mark_used(self, session_id: UUID) -> None:
        """Record that a session was used; it is stored soon."""
        self._used.add(session_id)

    async def check_ended(self) -> None:
        """Close the outlets of sessions that ended lately.

        Raises Unavailable: the next check reaches back as far as this one.
        """
        now = time.monotonic()
        reach = timedelta(seconds=now - self._checked_at + SLACK_S)
        statement = ended_since(self._database.engine.dialect.name, reach)
        async with self._database.reading() as session:
            ended = list(await session.execute(statement))
        for row in ended:
            self._end(row.id, row.over)
        self._checked_at = now

    async def check_open(self) -> None:
        """Close the outlets of sessions that are over, and touch those in use.

        Raises Unavailable.
        """
        open_here = sorted({outlet.session_id for outlet in self._hub.outlets})
        for start in range(0, len(open_here), BATCH_SIZE):
            await self._check(open_here[start : start + BATCH_SIZE])
        used, self._used = self._used, set()
        try:
            await self._touch(used)
        except AppError:
            self._used |= used
            raise

    async def _repeat(self, check: Callable[[], Awaitable[None]], interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await check()
            except AppError as error:
                # Reading goes on, even while nothing can be written.
                log.warning("session_monitor.postponed", code=error.code)

    def _end(self, session_id: UUID, reason: EndReason) -> None:
        self._hub.deliver(session_topic(session_id), session_ended(reason))

    async def _check(self, session_ids: list[UUID]) -> None:
        now = utc_now()
        values = {"rows": _rows(session_ids), "now": now, "touched": now - TOUCH_INTERVAL}
        statement = over_or_untouched(self._database.engine.dialect.name)
        for row in await self._database.fetch_all(statement, values):
            if row.over is None:
                self._used.add(row.id)
            else:
                self._end(row.id, row.over)

    async def _touch(self, session_ids: Iterable[UUID]) -> None:
        session_ids = list(session_ids)
        if not session_ids:
            return
        now = utc_now()
        values = {
            "rows": _rows(session_ids),
            "now": now,
            "touched": now - TOUCH_INTERVAL,
            "until": now + self._lifetime,
        }
        await self._database.transact(
            lambda connection: connection.execute(touch(connection.dialect.name), values).close()
        )


def _rows(session_ids: Iterable[UUID]) -> str:
    return as_parameter([{"id": identifier} for identifier in session_ids])
