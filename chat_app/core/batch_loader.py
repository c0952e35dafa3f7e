"""Batch loader: one statement for all callers that query at the same moment."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from chat_app.core.errors import Unavailable

Key = TypeVar("Key")
Value = TypeVar("Value")

BATCH_SIZE = 250


class BatchLoader(Generic[Key, Value]):
    """Loads the values of all waiting keys at once; later keys go into the next statement.

    So a value is never older than its request, no caller waits while no statement is running, and
    a thousand callers at once cost a few statements of at most `BATCH_SIZE` keys.
    """

    def __init__(self, load: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        self._load = load
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._loading: asyncio.Task[None] | None = None

    async def __call__(self, key: Key) -> Value | None:
        """Return the value of `key`, None when there is none. Raises what `load` raises."""
        value = self._waiting.get(key)
        if value is None:
            value = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._loading is None:
            # An empty context: the task loads for other requests too.
            self._loading = asyncio.create_task(self._load_all(), context=contextvars.Context())
        # Others may wait for the same key.
        return await asyncio.shield(value)

    async def close(self) -> None:
        """Wait for the statement that is running."""
        if self._loading is not None:
            await self._loading

    async def _load_all(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:BATCH_SIZE]
            waiting = {key: self._waiting.pop(key) for key in keys}
            try:
                values = await self._load(keys)
            except Exception as error:  # noqa: BLE001  # each caller that waits raises it
                self._fail(waiting, error)
                if isinstance(error, Unavailable):
                    # Later callers fail now, not after a time-out of their own.
                    self._fail(self._waiting, error)
                    self._waiting = {}
                continue
            for key, value in waiting.items():
                value.set_result(values.get(key))
        self._loading = None

    @staticmethod
    def _fail(waiting: Mapping[Key, "asyncio.Future[Value | None]"], error: Exception) -> None:
        for value in waiting.values():
            value.set_exception(error)
            value.exception()  # retrieved, or asyncio would log it when no caller waits any more
