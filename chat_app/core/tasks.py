"""Asyncio tasks: cancel them for certain."""

import asyncio
from collections.abc import Iterable
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
