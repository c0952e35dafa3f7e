"""Clocks for bounds on an idle machine: without the waits for a core, and for a slower core.

A promise in seconds is about the chat. On a machine that other programs use, its processes wait for
a core, and a core whose caches are shared does less in a second.
"""

import asyncio
import contextlib
import inspect
import statistics
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import psutil

SAMPLE = inspect.getsource(contextlib)
# What it takes to compile the sample on the machine of docs/performance.md when nothing else runs.
SAMPLE_S = 0.0025
SAMPLES = 5
EVERY_S = 0.2


class Stopwatch:
    """Measures seconds, less those in which one of our processes waited for a core.

    The thread that waited longest counts, of all processes: those that wait at the same time would
    otherwise be counted several times, and nothing would be left to measure.
    """

    def __init__(self) -> None:
        own = psutil.Process()
        self._pids = [own.pid, *(child.pid for child in own.children(recursive=True))]
        self._waited = {pid: _waits(pid) for pid in self._pids}
        self._started = time.monotonic()

    def passed(self) -> float:
        """Return the seconds since this was made, waits and all."""
        return time.monotonic() - self._started

    def seconds(self) -> float:
        """Return the seconds since this was made."""
        passed = self.passed()
        waits = (_longest(_waits(pid), self._waited[pid]) for pid in self._pids)
        return passed - max(waits, default=0)


def waited_s(pid: int) -> float:
    """Return how long a process has waited for a core (0 where Linux is not)."""
    return _longest(_waits(pid), {})


def _longest(waits: Mapping[str, float], before: Mapping[str, float]) -> float:
    return max((wait - before.get(thread, 0) for thread, wait in waits.items()), default=0)


def _waits(pid: int) -> dict[str, float]:
    """Return the seconds that each thread has waited for a core."""
    waits = {}
    for statistic in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has ended
            waits[statistic.parent.name] = int(statistic.read_text().split()[1]) / 1e9
    return waits


def slowness() -> float:
    """Return how many times longer a core takes now than where the figures were measured (≥ 1)."""
    return max(1.0, min(_sample() for _ in range(SAMPLES)) / SAMPLE_S)


@contextlib.asynccontextmanager
async def within(seconds: float, *, patience_s: float) -> AsyncIterator[None]:
    """Fail if the block takes longer than the promised seconds, by the clocks of this module.

    Raises TimeoutError after `patience_s`. A promise that is not shorter is not measured.
    """
    stopwatch = Stopwatch() if seconds < patience_s else None
    async with asyncio.timeout(max(seconds, patience_s)):
        yield
    if stopwatch is not None and stopwatch.passed() > seconds:
        took = stopwatch.seconds() / slowness()
        assert took <= seconds, f"took {took:.2f} s"


def _sample() -> float:
    started = time.thread_time()
    compile(SAMPLE, "sample", "exec")
    return time.thread_time() - started


@contextlib.contextmanager
def watched_core() -> Iterator[Callable[[], float]]:
    """Yield a function that returns how much more processor time work takes than at best."""
    took: list[float] = []
    enough = threading.Event()

    def sample() -> None:
        while not enough.wait(EVERY_S):
            took.append(_sample())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield lambda: statistics.median(took) / min(took)
    finally:
        enough.set()
        thread.join()
