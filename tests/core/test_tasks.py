"""Asyncio tasks: cancelling for certain."""

import asyncio

from chat_app.core import tasks


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    cancellations = 0

    async def stubborn() -> None:
        nonlocal cancellations
        while cancellations < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await tasks.end([task])

    assert task.done()
    assert cancellations == 3


async def test_the_outcome_of_a_cancelled_task_is_ignored() -> None:
    async def fails() -> None:
        raise RuntimeError

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await tasks.end([task])

    assert isinstance(task.exception(), RuntimeError)


async def test_cancelling_no_task_is_harmless() -> None:
    await tasks.end([])
