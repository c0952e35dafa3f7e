"""Ending tasks that a service owns."""

import asyncio
from collections.abc import Iterable
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
