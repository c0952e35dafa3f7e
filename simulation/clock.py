"""Virtual clock: an event loop whose time jumps to the next timer when nothing is ready.

Callbacks belong to simulated processes. Those of a stopped process wait until it continues, as
after SIGSTOP; those of a killed one never run.
"""

import asyncio
import contextlib
import heapq
import itertools
import random
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

from chat_app.core import clock, ids
from chat_app.realtime.outlet import Outlet

# The wall clock at the start of every run.
EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
# So many callbacks at one moment are an endless loop.
MAX_AT_ONCE = 100_000

Result = TypeVar("Result")


class Process:
    """A simulated process of the operating system."""

    def __init__(self, name: str, seed: object = 0) -> None:
        self.name = name
        self.random = random.Random(f"{seed}/{name}")
        # The difference of its wall clock; its timers are right all the same.
        self.clock_offset = timedelta(0)
        self.is_killed = False
        self._is_stopped = False
        self._held: list[asyncio.Handle] = []

    @property
    def is_running(self) -> bool:
        """Whether its callbacks run."""
        return not (self._is_stopped or self.is_killed)

    def hold(self, handle: asyncio.Handle) -> None:
        """Keep a callback until the process continues."""
        self._held.append(handle)

    def stop(self) -> None:
        """Let nothing of it run until it continues (SIGSTOP)."""
        self._is_stopped = True

    def proceed(self, loop: "VirtualLoop") -> None:
        """Run what has become due meanwhile, and whatever follows (SIGCONT)."""
        self._is_stopped = False
        self._release(loop)

    def shift(self, offset_s: float) -> None:
        """Set its wall clock wrong."""
        self.clock_offset = timedelta(seconds=offset_s)

    def kill(self) -> None:
        """Let nothing of it ever run again (SIGKILL)."""
        self.is_killed = True

    def bury(self, loop: "VirtualLoop") -> None:
        """Let its tasks be cancelled, at the end of the simulation."""
        self._is_stopped = self.is_killed = False
        self._release(loop)

    def context(self) -> Context:
        """Return a new context: callbacks and tasks in it belong to this process."""
        context = Context()
        context.run(_PROCESS.set, self)
        return context

    def _release(self, loop: "VirtualLoop") -> None:
        held, self._held = self._held, []
        for handle in held:
            loop.add_due(handle)


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class NothingLeft(Exception):
    """No callback is due and no timer is set, but the simulation has not ended."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop that never waits."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._due: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()
        self._at_once = 0
        # Errors that no task has handled.
        self.errors: list[str] = []
        self.set_exception_handler(self._record_error)

    def time(self) -> float:
        """Return the virtual time, in seconds since the start."""
        return self._now

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """Call `callback` at the present virtual time."""
        handle = asyncio.Handle(callback, args, self, context)
        self._due.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` at a virtual time."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` after a virtual delay."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_task(
        self,
        coro: Generator[Any, None, Result] | Coroutine[Any, Any, Result],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[Result]:
        """Start a task in the process of its creator, even with a context of its own."""
        process = _PROCESS.get()
        if context is not None and process is not None and context.get(_PROCESS) is None:
            context.run(_PROCESS.set, process)
        return asyncio.Task(
            coro, loop=self, name=None if name is None else str(name), context=context
        )

    def add_due(self, handle: asyncio.Handle) -> None:
        """Run a callback that was held."""
        self._due.append(handle)

    def _run_once(self) -> None:
        if not self._due:
            self._jump()
        for _ in range(len(self._due)):
            handle = self._due.popleft()
            if handle.cancelled():
                continue
            process = handle._context.get(_PROCESS)  # type: ignore[attr-defined]  # noqa: SLF001  # as BaseEventLoop
            if process is None or process.is_running:
                handle._run()  # noqa: SLF001  # as BaseEventLoop
            else:
                process.hold(handle)
        self._at_once += 1
        if self._at_once > MAX_AT_ONCE:
            raise NothingLeft(f"{MAX_AT_ONCE} rounds at {self._now}")

    def _jump(self) -> None:
        """Set the time to that of the next timer, and let all of this moment be due."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise NothingLeft
        if timers[0][0] > self._now:
            self._now = timers[0][0]
            self._at_once = 0
        while timers and timers[0][0] <= self._now:
            self._due.append(heapq.heappop(timers)[2])

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing: the timer is skipped when its time comes."""

    def _record_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        trace = "".join(traceback.format_exception(error)) if error else ""
        self.errors.append(f"{context.get('message')}: {error!r} {trace}")


def _hash_of(outlet: Outlet) -> int:
    return int(outlet.id, 16)


@contextlib.contextmanager
def virtual_time(loop: VirtualLoop, seed: object) -> Iterator[None]:
    """Let all clocks and random bytes of this process be those of the simulation."""
    common = random.Random(f"{seed}/ids")

    def wall_clock() -> datetime:
        process = _PROCESS.get()
        offset = timedelta(0) if process is None else process.clock_offset
        return EPOCH + timedelta(seconds=loop.time()) + offset

    def seconds() -> float:
        return wall_clock().timestamp()

    def nanoseconds() -> int:
        return int(seconds() * 1e9)

    def random_bytes(count: int) -> bytes:
        process = _PROCESS.get()
        return (common if process is None else process.random).randbytes(count)

    with (
        mock.patch.object(time, "monotonic", loop.time),
        mock.patch.object(time, "perf_counter", loop.time),
        mock.patch.object(time, "time", seconds),
        mock.patch.object(time, "time_ns", nanoseconds),
        # Of the chat's ids only: libraries take random bytes when they first do something.
        mock.patch.object(ids, "os", SimpleNamespace(urandom=random_bytes)),
        mock.patch.object(clock, "machine_now", wall_clock),
        # Sets of outlets are in the order of this, not of their addresses.
        mock.patch.object(Outlet, "__hash__", _hash_of),
    ):
        yield
