"""Time slices: long work on the event loop in steps, with other tasks between them."""

import asyncio
import time

# A step is far shorter, so the loop is held for little more than this.
SLICE_S = 0.0005


class TimeSlice:
    """A slice of the event loop's time for work that calls `pause` after each of its steps."""

    __slots__ = ("_ends_at",)

    def __init__(self) -> None:
        self._ends_at = time.perf_counter() + SLICE_S

    async def pause(self) -> None:
        """Let other tasks run if the slice is over, and begin the next one."""
        if time.perf_counter() >= self._ends_at:
            await asyncio.sleep(0)
            self._ends_at = time.perf_counter() + SLICE_S
