"""Ended sessions, told from the database: the news that one is over may be lost on its way.

Once a second each process asks which sessions have ended lately, and ends what it holds of them.
Those that have run out, or whose person is gone, are found by `vigil.py`, more slowly.
"""

import asyncio
import time
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlmodel import col

from chat_app.core import tasks
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.moments import ago
from chat_app.models import AuthSession
from chat_app.realtime.events import SessionEnded, seal, session_topic
from chat_app.realtime.hub import Hub

EVERY_S = 1.0
# An end may become visible this much after the time that its row carries.
SLACK_S = 5.0
# News on its way is not lost yet, and says why.
IN_FLIGHT_S = 0.5

log = structlog.get_logger(__name__)


class Endings:
    """Looks for sessions that are over; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub
        self._looked_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start looking."""
        self._tasks = [asyncio.create_task(self._look_for_ever(), name="ended sessions")]

    async def close(self) -> None:
        """Stop looking."""
        await tasks.end(self._tasks)

    async def look(self) -> None:
        """End what is held here of sessions that are over. Harmless where it has ended already.

        Raises Unavailable: the next look reaches back as far as this one would have.
        """
        now = time.monotonic()
        dialect, ended_at = self._database.engine.dialect.name, col(AuthSession.ended_at)
        reach_s = now - self._looked_at + IN_FLIGHT_S + SLACK_S
        question = select(col(AuthSession.id)).where(
            ended_at > ago(dialect, timedelta(seconds=reach_s)),
            ended_at < ago(dialect, timedelta(seconds=IN_FLIGHT_S)),
        )
        async with self._database.reading() as session:
            ended = list(await session.scalars(question))
        last_words = seal(SessionEnded(reason="signed_out"), ends=True)
        for session_id in ended:
            self._hub.deliver(session_topic(session_id), last_words)
        self._looked_at = now

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except AppError as error:
                log.warning("endings.postponed", code=error.code)
