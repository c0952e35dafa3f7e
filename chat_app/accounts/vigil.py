"""Sessions in use: those that are live on, and what is open of those that have ended is closed.

News that a session has ended is a hint like all news, and may be lost. A look at the database every
few seconds makes it sure, for all tabs and sockets of this process in one statement.
"""

import asyncio
import functools
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Select, Update, Uuid, bindparam, or_, select, update

from chat_app.accounts.sessions import TOUCH_EVERY
from chat_app.core import tasks
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.models import AuthSession, User
from chat_app.realtime.events import SessionEnded, seal, session_topic
from chat_app.realtime.hub import Hub

LOOK_EVERY_S = 5.0
IN_ONE_GO = 1_000
SESSIONS = AuthSession.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
USERS = User.__table__  # type: ignore[attr-defined]  # the same
TIME = SESSIONS.c.expires_at.type

log = structlog.get_logger(__name__)


class Vigil:
    """Looks after the sessions of this process; start it inside the loop, then close it."""

    def __init__(self, *, database: Database, hub: Hub, lifetime: timedelta) -> None:
        self._database = database
        self._hub = hub
        self._lifetime = lifetime
        self._used: set[UUID] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start looking."""
        self._tasks = [asyncio.create_task(self._look_for_ever(), name="session vigil")]

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
        """End what is over and keep what is in use. Raises Unavailable."""
        open_here = sorted({outlet.session_id for outlet in self._hub.outlets})
        for start in range(0, len(open_here), IN_ONE_GO):
            await self._look_at(open_here[start : start + IN_ONE_GO])
        used, self._used = self._used, set()
        try:
            await self._keep(used)
        except AppError:
            self._used |= used
            raise

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except AppError as error:
                # Who can be recognised may read, even while nothing can be written.
                log.warning("session.vigil_postponed", code=error.code)

    async def _look_at(self, session_ids: list[UUID]) -> None:
        now = utc_now()
        values = {"rows": _rows(session_ids), "now": now, "touched": now - TOUCH_EVERY}
        question = _notable(self._database.engine.dialect.name)
        for row in await self._database.ask(question, values):
            if row.is_over:
                ending = seal(SessionEnded(reason="session_over"), ends=True)
                self._hub.deliver(session_topic(row.id), ending)
            else:
                self._used.add(row.id)

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
    """Select the given sessions that are over, or have to be kept from running out."""
    given = JsonRows(dialect, id=Uuid)
    over = or_(
        SESSIONS.c.ended_at.is_not(None),
        SESSIONS.c.expires_at <= bindparam("now", type_=TIME),
        USERS.c.deleted_at.is_not(None),
    )
    return (
        select(SESSIONS.c.id, over.label("is_over"))
        .select_from(given.table)
        .join(SESSIONS, SESSIONS.c.id == given.columns["id"])
        .join(USERS, USERS.c.id == SESSIONS.c.user_id)
        .where(or_(over, SESSIONS.c.last_used_at <= bindparam("touched", type_=TIME)))
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
