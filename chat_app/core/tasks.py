"""Asyncio tasks: cancel them for certain."""

import asyncio
import io
from collections.abc import Iterable
from typing import Any

import structlog

CANCEL_AGAIN_S = 0.2
# No cleanup of ours takes as long; a node that cannot stop is worse than a task that is left.
GIVE_UP_S = 30.0

log = structlog.get_logger(__name__)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until each has ended; ignore their results and errors.

    They are cancelled every 0.2 s: a time limit inside a library that runs out at the very moment
    swallows the cancellation (redis-py does, on Python 3.11), and a loop around it would go on. One
    that lasts for 30 s all the same is left alone, and the log tells where it is.
    """
    left = set(tasks)
    give_up_at = asyncio.get_running_loop().time() + GIVE_UP_S
    while left and asyncio.get_running_loop().time() < give_up_at:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    for task in left:
        log.error("task.does_not_end", task=task.get_name(), stack=_stack_of(task))


def _stack_of(task: asyncio.Task[Any]) -> str:
    stack = io.StringIO()
    task.print_stack(file=stack)
    return stack.getvalue()
