"""Asyncio tasks: cancel them for certain, and repeat a step while a block lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

CANCEL_AGAIN_S = 0.2


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until each has ended; ignore their results and errors.

    They are cancelled every 0.2 s: a time limit inside a library that runs out at the very moment
    swallows the cancellation (redis-py does, on Python 3.11), and a loop around it would go on.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)


@contextlib.asynccontextmanager
async def repeated(step: Callable[[], Awaitable[None]], *, every_s: float) -> AsyncIterator[None]:
    """Await `step()` every `every_s` seconds while the block lasts, not at its start."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(every_s)
            await step()

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        await end([task])
