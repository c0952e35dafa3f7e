"""Session expiry: close the outlets of expired sessions, and extend the sessions that are in use.

That a session was ended is in the change log. Every few seconds the database is queried for all
sessions that have outlets here: this finds the expired ones, and those that a node of an older
version has ended.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import structlog

from chat_app.accounts.announcements import session_ended
from chat_app.accounts.statements import over_or_untouched, touch
from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.json_rows import as_parameter
from chat_app.core.supervisor import Supervisor
from chat_app.realtime.events import EndReason, session_topic
from chat_app.realtime.hub import Hub

INTERVAL_S = 5.0
# The last use of a session is stored to within this.
TOUCH_INTERVAL = timedelta(minutes=1)
BATCH_SIZE = 1_000

log = structlog.get_logger(__name__)


class SessionMonitor:
    """The sessions of this process; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, hub: Hub, lifetime: timedelta) -> None:
        self._database = database
        self._hub = hub
        self._lifetime = lifetime
        self._used: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Start the periodic checks."""
        self._task = supervisor.start("sessions", self._check_periodically)

    async def close(self) -> None:
        """Store which sessions were used, if that can be done at once, and stop."""
        if self._task is not None:
            await tasks.end([self._task])
        try:
            await self._touch(self._used)
        except AppError as error:
            log.warning("session.touch_failed", code=error.code)

    def mark_used(self, session_id: UUID) -> None:
        """Record that a session was used; it is stored soon."""
        self._used.add(session_id)

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
        except BaseException:
            self._used |= used
            raise

    async def _check_periodically(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.check_open()

    def _end(self, session_id: UUID, reason: EndReason) -> None:
        self._hub.deliver(session_topic(session_id), session_ended(reason))

    async def _check(self, session_ids: list[UUID]) -> None:
        now = utc_now()
        values = {"rows": _rows(session_ids), "now": now, "touched": now - TOUCH_INTERVAL}
        statement = over_or_untouched(self._database.dialect)
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
