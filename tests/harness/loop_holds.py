"""A chat served by a thread of the test's process, and how long its pieces hold the event loop."""

import asyncio
import contextlib
import gc
import math
import socket
import threading
import time
import warnings
from asyncio.events import Handle
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Self, TypeAlias, TypeVar, cast

import uvicorn

from chat_app.api.app import create_api
from chat_app.core.metrics import Metrics
from chat_app.core.settings import Settings
from chat_app.core.traces import Traces
from chat_app.node.node import Node
from chat_app.server.edge import AsgiApp, edge
from chat_app.server.uvicorn import GC_THRESHOLDS
from chat_app.server.websocket import WebSocketPeer
from tests.harness.processor import slowness

Value = TypeVar("Value")
Work: TypeAlias = Callable[[], Awaitable[object]]
STARTED_WITHIN_S = 180
# The promise.
LONGEST_S = 0.005
ROUNDS = 12


class LoopHolds:
    """The longest piece of one thread's event loop, in its own processor time.

    Other programs add nothing to that. What the garbage collector takes is counted apart, for it
    depends on every object of the process, those of the test included.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.longest_collection_s = 0.0
        self.longest = ""
        self.total_s = 0.0
        self._collecting_s = 0.0
        self._collection_began = 0.0

    @contextlib.contextmanager
    def measured(self, thread_id: int) -> Iterator["LoopHolds"]:
        """Measure while the block lasts."""
        run = Handle._run

        def measured_run(handle: Handle) -> None:
            if threading.get_ident() != thread_id:
                run(handle)
                return
            self._collecting_s = 0.0
            began = time.thread_time()
            run(handle)
            took = time.thread_time() - began - self._collecting_s
            self.total_s += took
            if took > self.longest_s:
                self.longest_s, self.longest = took, repr(handle)

        def collected(phase: str, _info: dict[str, int]) -> None:
            if threading.get_ident() == thread_id:
                if phase == "start":
                    self._collection_began = time.thread_time()
                    return
                took = time.thread_time() - self._collection_began
                self._collecting_s += took
                self.longest_collection_s = max(self.longest_collection_s, took)

        Handle._run = measured_run  # type: ignore[method-assign,assignment]  # measured
        gc.callbacks.append(collected)
        try:
            yield self
        finally:
            gc.callbacks.remove(collected)
            Handle._run = run  # type: ignore[method-assign]  # as it was


class ServedNode:
    """A node behind the real server, in a thread with an event loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._metrics, self._traces = Metrics(), Traces()
        with warnings.catch_warnings():
            # Litestar's, about its next version.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._api: Any = create_api(settings, metrics=self._metrics, traces=self._traces)

    def __enter__(self) -> Self:
        """Start it, with the collector's thresholds of production."""
        self._thresholds = gc.get_threshold()
        self._thread.start()
        assert self._ready.wait(STARTED_WITHIN_S)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join()

    @property
    def node(self) -> Node:
        """The node."""
        return cast("Node", self._api.state.node)

    @property
    def thread_id(self) -> int:
        """The thread of the event loop."""
        assert self._thread.ident is not None
        return self._thread.ident

    async def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """Run a coroutine in the loop of the node."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        app = edge(cast("AsgiApp", self._api), self._settings, self._metrics, self._traces)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="on",
                ws=WebSocketPeer,
                ws_per_message_deflate=False,
            )
        )
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)
        self._ready.set()
        await serving


async def longest_piece(served: ServedNode, work: Work) -> float:
    """Return the longest piece of some work: the least of several rounds after a first one.

    A piece that is long is so in every round. Other programs on the machine make any piece longer,
    as they empty its caches, and none shorter (the same advice as in the manual of `timeit`). So
    the first round that is short enough is the last. The promise is one about the machine of the
    figures: on a slower core the pieces count for less.
    """
    await work()
    longest_s = math.inf
    for _ in range(ROUNDS):
        with LoopHolds().measured(served.thread_id) as holds:
            await work()
        longest_s = min(longest_s, holds.longest_s / slowness())
        if longest_s <= LONGEST_S:
            break
    return longest_s
