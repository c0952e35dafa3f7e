"""Sessions in use: those that are live on, and what is open of those that have ended is closed.

News that a session has ended is a hint like all news, and may be lost. The database makes it sure:
each second it is asked which sessions have ended lately, by an index, and every few seconds after
all that are open here, which finds those that have run out, too. The row has the reason, so devices
are told the same whichever way they hear of it.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Select, Update, Uuid, bindparam, case, func, or_, select, update

from chat_app.accounts.announcements import last_words
from chat_app.accounts.sessions import TOUCH_EVERY
from chat_app.core import tasks
from chat_app.core.clock import ago, utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.models.tables import SESSIONS, USERS
from chat_app.realtime.events import EndReason, session_topic
from chat_app.realtime.hub import Hub

INTERVAL_S = 1.0
FULL_INTERVAL_S = 5.0
# An end may become visible this much after the time that its row carries.
SLACK_S = 5.0
BATCH_SIZE = 1_000
TIME = SESSIONS.c.expires_at.type
# Rows of older versions have none.
REASON = func.coalesce(SESSIONS.c.ended_reason, "signed_out")

log = structlog.get_logger(__name__)


class SessionMonitor:
    """Looks after the sessions of this process; start it inside the loop, then close it."""

    def __init__(self, *, database: Database, hub: Hub, lifetime: timedelta) -> None:
        self._database = database
        self._hub = hub
        self._lifetime = lifetime
        self._used: set[UUID] = set()
        self._looked_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start looking."""
        self._tasks = [
            asyncio.create_task(self._repeat(self.look, INTERVAL_S), name="ended sessions"),
            asyncio.create_task(
                self._repeat(self.look_at_all, FULL_INTERVAL_S), name="open sessions"
            ),
        ]

    async def close(self) -> None:
        """Keep what was used, if that can be done at once, and end."""
        await tasks.end(self._tasks)
        try:
            await self._keep(self._used)
        except AppError as error:
            log.warning("session.touch_failed", code=error.code)

    def used(self, session_id: UUID) -> None:
        """Note that a session was used; it is stored soon."""
        self._used.add(session_id)

    async def look(self) -> None:
        """End what has ended lately. Raises Unavailable: the next look reaches back as far."""
        now = time.monotonic()
        reach = timedelta(seconds=now - self._looked_at + SLACK_S)
        statement = select(SESSIONS.c.id, REASON.label("over")).where(
            SESSIONS.c.ended_at > ago(self._database.engine.dialect.name, reach)
        )
        async with self._database.reading() as session:
            ended = list(await session.execute(statement))
        for row in ended:
            self._end(row.id, row.over)
        self._looked_at = now

    async def look_at_all(self) -> None:
        """End what is over of all that is open, and keep what is in use. Raises Unavailable."""
        open_here = sorted({outlet.session_id for outlet in self._hub.outlets})
        for start in range(0, len(open_here), BATCH_SIZE):
            await self._look_at(open_here[start : start + BATCH_SIZE])
        used, self._used = self._used, set()
        try:
            await self._keep(used)
        except AppError:
            self._used |= used
            raise

    async def _repeat(self, look: Callable[[], Awaitable[None]], every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await look()
            except AppError as error:
                # Who can be recognised may read, even while nothing can be written.
                log.warning("session_monitor.postponed", code=error.code)

    def _end(self, session_id: UUID, reason: EndReason) -> None:
        self._hub.deliver(session_topic(session_id), last_words(reason))

    async def _look_at(self, session_ids: list[UUID]) -> None:
        now = utc_now()
        values = {"rows": _rows(session_ids), "now": now, "touched": now - TOUCH_EVERY}
        statement = _notable(self._database.engine.dialect.name)
        for row in await self._database.fetch_all(statement, values):
            if row.over is None:
                self._used.add(row.id)
            else:
                self._end(row.id, row.over)

    async def _keep(self, session_ids: Iterable[UUID]) -> None:
        session_ids = list(session_ids)
        if not session_ids:
            return
        now = utc_now()
        values = {
            "rows": _rows(session_ids),
            "now": now,
            "touched": now - TOUCH_EVERY,
            "until": now + self._lifetime,
        }
        await self._database.transact(
            lambda connection: connection.execute(_touch(connection.dialect.name), values).close()
        )


def _rows(session_ids: Iterable[UUID]) -> str:
    return as_parameter([{"id": identifier} for identifier in session_ids])


@functools.cache
def _notable(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select of the given sessions those that are over, with the reason, or are to be kept."""
    given = JsonRows(dialect, id=Uuid)
    over = case(
        (SESSIONS.c.ended_at.is_not(None), REASON),
        (USERS.c.deleted_at.is_not(None), "account_deleted"),
        (SESSIONS.c.expires_at <= bindparam("now", type_=TIME), "expired"),
    )
    return (
        select(SESSIONS.c.id, over.label("over"))
        .select_from(given.table)
        .join(SESSIONS, SESSIONS.c.id == given.columns["id"])
        .join(USERS, USERS.c.id == SESSIONS.c.user_id)
        .where(
            or_(
                over.is_not(None),
                SESSIONS.c.last_used_at <= bindparam("touched", type_=TIME),
            )
        )
    )


@functools.cache
def _touch(dialect: str) -> Update:
    given = JsonRows(dialect, id=Uuid)
    return (
        update(SESSIONS)
        .where(
            SESSIONS.c.id == given.columns["id"],
            SESSIONS.c.last_used_at <= bindparam("touched", type_=TIME),
        )
        .values(
            last_used_at=bindparam("now", type_=TIME), expires_at=bindparam("until", type_=TIME)
        )
    )
