"""Supervisor: a lasting task that fails runs again."""

import asyncio
import time
from collections.abc import Iterator
from itertools import count

import pytest

from chat_app.core import supervisor as module
from chat_app.core import tasks
from chat_app.core.errors import Unavailable
from chat_app.core.metrics import Metrics
from chat_app.core.supervisor import Supervisor


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the pauses by steps of a clock, and return them."""
    now = [0.0]
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(asyncio, "sleep", sleep)
    return pauses


async def fail(times: Iterator[int], until: int, error: Exception) -> None:
    if next(times) < until:
        raise error
    await asyncio.Event().wait()


async def settle() -> None:
    for _ in range(50):
        await asyncio.tasks.sleep(0)


async def test_a_task_that_fails_runs_again_after_growing_pauses(clock: list[float]) -> None:
    metrics, times = Metrics(), count()
    supervisor = Supervisor(metrics)
    task = supervisor.start("work", lambda: fail(times, 7, RuntimeError("broken")))
    await settle()
    await tasks.end([task])

    assert clock == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert metrics.counters("chat_task_failures_total", "", "task").of("work").value == 7


async def test_a_vital_task_counts_as_failing_until_it_runs_steadily(clock: list[float]) -> None:
    supervisor, times = Supervisor(), count()
    assert supervisor.failing() == []
    running = [
        supervisor.start("vital", lambda: fail(times, 1, RuntimeError())),
        supervisor.start("other", lambda: fail(count(), 1, RuntimeError()), is_vital=False),
        supervisor.start("whole", lambda: fail(count(), 0, RuntimeError())),
    ]
    await asyncio.tasks.sleep(0)
    assert supervisor.failing() == ["vital"]
    # The other one moves the clock with each of its pauses.
    while supervisor.failing():
        await asyncio.tasks.sleep(0)
    assert sum(clock) > module.STEADY_S
    await tasks.end(running)


async def test_work_that_is_postponed_is_no_failing(clock: list[float]) -> None:
    supervisor, times = Supervisor(), count()
    task = supervisor.start("work", lambda: fail(times, 3, Unavailable()))
    await settle()

    assert len(clock) == 3
    assert supervisor.failing() == []
    await tasks.end([task])


async def test_a_task_ends_when_its_work_is_done() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    await asyncio.wait_for(Supervisor().start("work", work), 30)


async def test_a_step_is_repeated_while_the_block_lasts() -> None:
    taken = asyncio.Semaphore(0)

    async def step() -> None:
        taken.release()

    async with Supervisor().repeating("step", step, every_s=0.001):
        for _ in range(3):
            await taken.acquire()
        assert len(asyncio.all_tasks()) == 2

    assert len(asyncio.all_tasks()) == 1
