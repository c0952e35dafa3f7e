"""Clock synchronisation: follow the clock of the database, which all nodes share.

With a clock five minutes off, a node would issue tokens that the others take for expired, or for
not yet valid, and store messages with wrong times.
"""

import contextlib
from collections.abc import AsyncIterator

import structlog
from sqlalchemy import func, select

from chat_app.core import clock
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.supervisor import Supervisor

INTERVAL_S = 30.0

log = structlog.get_logger(__name__)


class ClockSync:
    """The comparison of both clocks, at the start and then every half minute."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.asynccontextmanager
    async def comparing(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Compare now, and every half minute while the block lasts.

        An embedded database has no clock of its own.
        """
        if self._database.is_sqlite:
            yield
            return
        await self.compare()
        async with supervisor.repeating("clock", self.compare, every_s=INTERVAL_S):
            yield

    async def compare(self) -> None:
        """Compare once; keep the last offset while the database is away."""
        try:
            async with self._database.reading() as session:
                before = clock.machine_now()
                theirs = (await session.execute(select(func.clock_timestamp()))).scalar_one()
                after = clock.machine_now()
        except AppError as error:
            log.warning("node.clock_unknown", code=error.code)
            return
        offset = clock.set_offset(theirs - before - (after - before) / 2)
        if offset:
            log.warning(
                "node.clock_off",
                seconds=round(-offset.total_seconds(), 1),
                what_to_do="synchronise this machine's clock; until then the database's counts",
            )
