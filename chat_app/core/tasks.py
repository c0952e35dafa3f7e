"""Tasks that a service owns."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

ASK_AGAIN_S = 0.2


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until each has ended, whatever it ends with.

    They are asked again and again: a time limit inside a library that runs out at the very moment
    swallows the cancellation (redis-py does, on Python 3.11), and a loop around it would go on.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASK_AGAIN_S)


@contextlib.asynccontextmanager
async def repeated(step: Callable[[], Awaitable[None]], *, every_s: float) -> AsyncIterator[None]:
    """Take a step again and again, after this long for the first time, while the block lasts."""

    async def go_on() -> None:
        while True:
            await asyncio.sleep(every_s)
            await step()

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        await end([task])
