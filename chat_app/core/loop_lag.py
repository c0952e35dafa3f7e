"""How late the event loop is: what everybody who is served by it waits for in addition."""

import asyncio

from chat_app.core import tasks
from chat_app.core.metrics import Metrics

INTERVAL_S = 0.5


class LoopLag:
    """Sleeps and sees how much longer it took; start it inside the running loop, then close it."""

    def __init__(self, metrics: Metrics) -> None:
        self._lag = metrics.histogram(
            "chat_event_loop_lag_seconds", "How late the event loop woke what was due"
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start looking."""
        self._task = asyncio.create_task(self._look_for_ever(), name="loop lag")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            await tasks.end([self._task])

    async def _look_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL_S
            await asyncio.sleep(INTERVAL_S)
            self._lag.add(max(0.0, loop.time() - due))
