"""Supervisor: runs the lasting tasks of a node, and runs one that fails again.

A failure is logged and counted, and the task starts anew after a pause that grows. Until it has run
steadily again, the node is not ready.
"""

import asyncio
import contextlib
import contextvars
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from chat_app.core import tasks
from chat_app.core.errors import AppError
from chat_app.core.metrics import Metrics

FIRST_PAUSE_S, MAX_PAUSE_S = 0.1, 2.0
# A task that has run for so long after a failure is whole again; its next pause is short.
STEADY_S = 5.0

log = structlog.get_logger(__name__)


class Supervisor:
    """The runner of the lasting tasks of one node. Each part cancels its own at the end."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        metrics = metrics or Metrics()
        self._steady_from: dict[str, float] = {}
        self._vital: set[str] = set()
        self._failures = metrics.counters(
            "chat_task_failures_total", "Failures of lasting tasks, each of which ran again", "task"
        )
        metrics.gauge(
            "chat_tasks_failing",
            "Lasting tasks that failed and do not run steadily yet",
            lambda: len(self.failing()),
        )

    def start(
        self, name: str, run: Callable[[], Awaitable[None]], *, is_vital: bool = True
    ) -> asyncio.Task[None]:
        """Start `run()` as a task, and again whenever it raises; it ends when that returns.

        An AppError postpones its work, and nothing is wrong with it: the database is away, say.
        Any other error makes it count as failing if it is vital. Its context is empty: it works
        for no single request.
        """
        if is_vital:
            self._vital.add(name)
        context = contextvars.Context()
        return asyncio.create_task(self._supervise(name, run), name=name, context=context)

    @contextlib.asynccontextmanager
    async def repeating(
        self, name: str, step: Callable[[], Awaitable[None]], *, every_s: float
    ) -> AsyncIterator[None]:
        """Await `step()` every `every_s` seconds while the block lasts, not at its start."""

        async def repeat() -> None:
            while True:
                await asyncio.sleep(every_s)
                await step()

        task = self.start(name, repeat)
        try:
            yield
        finally:
            await tasks.end([task])

    def failing(self) -> list[str]:
        """Return the names of the vital tasks that failed and do not run steadily yet."""
        now = time.monotonic()
        return sorted(name for name in self._vital if self._steady_from.get(name, now) > now)

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            try:
                await run()
            except AppError as error:
                pause_s = _pause_after(pause_s, started)
                log.warning("task.postponed", task=name, code=error.code, again_in_s=pause_s)
            except Exception:  # whatever it was, the task is needed
                pause_s = _pause_after(pause_s, started)
                self._steady_from[name] = time.monotonic() + pause_s + STEADY_S
                log.exception("task.failed", task=name, again_in_s=pause_s)
            else:
                return
            self._failures.of(name).add()
            await asyncio.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, pause_s * 2)


def _pause_after(pause_s: float, started: float) -> float:
    return FIRST_PAUSE_S if time.monotonic() - started > STEADY_S else pause_s
