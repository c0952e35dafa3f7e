"""Event loop lag: how late the loop runs due callbacks, which delays every request."""

import asyncio

from chat_app.core import tasks
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor

INTERVAL_S = 0.5


class LoopLag:
    """The measurement of the lag; start it inside the running loop, then close it."""

    def __init__(self, metrics: Metrics) -> None:
        self._lag = metrics.histogram(
            "chat_event_loop_lag_seconds", "How late the event loop woke what was due"
        )
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Start measuring."""
        self._task = supervisor.start("loop_lag", self._measure, is_vital=False)

    async def close(self) -> None:
        """Stop measuring."""
        if self._task is not None:
            await tasks.end([self._task])

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL_S
            await asyncio.sleep(INTERVAL_S)
            self._lag.add(max(0.0, loop.time() - due))
