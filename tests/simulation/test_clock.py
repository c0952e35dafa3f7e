"""The virtual clock: time jumps to the next timer, and processes stop, continue and die."""

import asyncio
import time
from collections.abc import Iterator
from contextvars import Context
from datetime import timedelta

import pytest

from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from simulation.clock import EPOCH, NothingLeft, Process, VirtualLoop, virtual_time


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    loop = VirtualLoop()
    with virtual_time(loop, "a test"):
        yield loop
    loop.close()


async def _repeat(found: list[float], times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(1)
        found.append(time.monotonic())


def test_a_long_sleep_takes_no_time(loop: VirtualLoop) -> None:
    loop.run_until_complete(asyncio.sleep(86_400))

    assert time.monotonic() == 86_400
    assert utc_now() == EPOCH + timedelta(days=1)


def test_timers_run_in_order_of_time_and_then_of_their_making(loop: VirtualLoop) -> None:
    found: list[str] = []
    loop.call_later(2, found.append, "late")
    loop.call_later(1, found.append, "first")
    loop.call_later(1, found.append, "second")
    loop.call_later(1, found.append, "cancelled").cancel()

    loop.run_until_complete(asyncio.sleep(3))

    assert found == ["first", "second", "late"]


def test_a_timeout_ends_a_wait(loop: VirtualLoop) -> None:
    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return time.monotonic()

    assert loop.run_until_complete(wait()) == 5


def test_an_endless_wait_is_an_error(loop: VirtualLoop) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    waiting = loop.create_task(wait())
    with pytest.raises(NothingLeft):
        loop.run_until_complete(waiting)
    waiting.cancel()
    loop.run_until_complete(asyncio.sleep(0))


def test_all_timers_of_a_stopped_process_stand_still(loop: VirtualLoop) -> None:
    process, other = Process("stopped"), Process("other")
    found: list[float] = []
    others: list[float] = []
    task = loop.create_task(_repeat(found, 4), context=process.context())
    beside = loop.create_task(_repeat(others, 4), context=other.context())
    loop.call_later(2.5, process.stop, context=Context())
    loop.call_later(60, process.proceed, loop, context=Context())

    loop.run_until_complete(asyncio.wait([task, beside]))

    assert found == [1, 2, 60, 61]
    assert others == [1, 2, 3, 4]


def test_nothing_of_a_killed_process_runs_again(loop: VirtualLoop) -> None:
    process = Process("killed")
    found: list[float] = []
    task = loop.create_task(_repeat(found, 4), context=process.context())
    loop.call_later(2.5, process.kill, context=Context())

    loop.run_until_complete(asyncio.sleep(10))

    assert found == [1, 2]
    assert not task.done()
    process.bury(loop)
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))


def test_a_task_with_a_context_of_its_own_stays_in_its_process(loop: VirtualLoop) -> None:
    process = Process("parent")
    found: list[float] = []
    tasks = []

    async def start() -> None:
        tasks.append(asyncio.create_task(_repeat(found, 2), context=Context()))

    loop.run_until_complete(loop.create_task(start(), context=process.context()))
    loop.call_later(1.5, process.stop, context=Context())
    loop.call_later(9, process.proceed, loop, context=Context())
    loop.run_until_complete(asyncio.wait(tasks))

    assert found == [1, 9]


def test_a_wrong_clock_is_wrong_in_its_process_only(loop: VirtualLoop) -> None:
    process = Process("wrong")
    process.shift(-600)

    assert process.context().run(utc_now) == EPOCH - timedelta(minutes=10)
    assert process.context().run(time.monotonic) == loop.time()
    assert utc_now() == EPOCH


def test_ids_are_repeated_with_the_seed() -> None:
    ids = []
    for seed in (1, 1, 2):
        loop = VirtualLoop()
        with virtual_time(loop, seed):
            ids.append((new_id(), Process("one", seed).context().run(new_id)))
        loop.close()

    assert ids[0] == ids[1]
    assert ids[0] != ids[2]
    assert ids[0][0] != ids[0][1]


def test_the_clocks_of_the_machine_return(loop: VirtualLoop) -> None:
    before = time.monotonic()
    other = VirtualLoop()
    with virtual_time(other, 0):
        other.run_until_complete(asyncio.sleep(5_000))
        assert time.monotonic() == 5_000
    other.close()

    assert time.monotonic() == before == loop.time()
