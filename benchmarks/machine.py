"""The machine that is measured on: its disk, which cores do what, CPU time and memory."""

import contextlib
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

SYNCS = 300
# The cores of this process before it restricts itself.
ALL_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORES = set(ALL_CORES[-1:])
CLIENT_CORES = set(ALL_CORES[:-1]) or SERVER_CORES


@contextlib.contextmanager
def on(chosen: Collection[int]) -> Iterator[None]:
    """Run the processes that are started here on these cores (all, when empty)."""
    before = os.sched_getaffinity(0) if chosen else ()
    if chosen:
        os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


def fsync_ms() -> float:
    """Return the median time of making 4 KiB durable in the folder of temporary files."""
    took = []
    with tempfile.TemporaryFile(buffering=0) as file:
        sync = getattr(os, "fdatasync", os.fsync)
        for _ in range(SYNCS):
            file.write(os.urandom(4096))
            started = time.perf_counter()
            sync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def describe() -> dict[str, str]:
    """Return the description of the machine that every record carries."""
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        about = Path("/proc/cpuinfo").read_text()
        processor = about.partition("model name")[2].partition("\n")[0].strip("\t: ") or processor
    return {
        "processor": f"{processor}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "fdatasync of 4 KiB": f"{fsync_ms():.2f} ms (median of {SYNCS})",
        "load average at the start": f"{psutil.getloadavg()[0]:.1f}",
    }


def started(name: str) -> list[int]:
    """Return the servers of this name that we have started ourselves."""
    return [process.pid for process in psutil.Process().children() if process.name() == name]


def family(*pids: int) -> list[psutil.Process]:
    """Return servers and the processes that they have started."""
    parents = [psutil.Process(pid) for pid in pids]
    return [one for parent in parents for one in (parent, *parent.children(recursive=True))]


def memory(*pids: int) -> int:
    """Return the resident bytes of servers and of the processes that they have started."""
    return sum(process.memory_info().rss for process in family(*pids))


class Usage:
    """CPU time of some servers, and of ourselves, since this was made."""

    def __init__(self, *pids: int) -> None:
        self._servers = family(*pids)
        self._before, self._own_before = self._server_cpu(), time.process_time()
        self._started = time.perf_counter()

    def server_seconds(self) -> float:
        """Return the servers' CPU seconds."""
        return self._server_cpu() - self._before

    def server_us(self, count: int) -> float:
        """Return the servers' CPU µs for each of `count` pieces of work."""
        return self.server_seconds() / max(count, 1) * 1e6

    def server_share(self) -> float:
        """Return how much of one core the servers have used."""
        return self.server_seconds() / (time.perf_counter() - self._started)

    def client_share(self) -> float:
        """Return how much of one core the load client has used."""
        return (time.process_time() - self._own_before) / (time.perf_counter() - self._started)

    def _server_cpu(self) -> float:
        times = [process.cpu_times() for process in self._servers]
        return float(sum(time.user + time.system for time in times))
