"""A statement that many ask at the same moment, asked once for all of them."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from chat_app.core.errors import Unavailable

Key = TypeVar("Key")
Answer = TypeVar("Answer")

BATCH_SIZE = 250


class BatchLoader(Generic[Key, Answer]):
    """Asks for whoever waits, all at once; who comes meanwhile goes into the next statement.

    So an answer is never older than the moment it was asked for, nobody waits while nothing is
    under way, and a thousand who come together cost a few statements.
    """

    def __init__(self, ask: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Answer]]]) -> None:
        self._ask = ask
        self._waiting: dict[Key, asyncio.Future[Answer | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, key: Key) -> Answer | None:
        """Return the answer for `key`, None when there is none. Raises what asking raises."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            # A context of its own: it asks for others too, of whom the first knows nothing.
            self._asking = asyncio.create_task(self._ask_for_all(), context=contextvars.Context())
        # Others may wait for the same.
        return await asyncio.shield(answer)

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._asking is not None:
            await self._asking

    async def _ask_for_all(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:BATCH_SIZE]
            waiting = {key: self._waiting.pop(key) for key in keys}
            try:
                answers = await self._ask(keys)
            except Exception as error:  # noqa: BLE001  # each of those who wait hears of it
                self._fail(waiting, error)
                if isinstance(error, Unavailable):
                    # Who came meanwhile learns it now, not after a time-out of their own.
                    self._fail(self._waiting, error)
                    self._waiting = {}
                continue
            for key, answer in waiting.items():
                answer.set_result(answers.get(key))
        self._asking = None

    @staticmethod
    def _fail(waiting: Mapping[Key, "asyncio.Future[Answer | None]"], error: Exception) -> None:
        for answer in waiting.values():
            answer.set_exception(error)
            answer.exception()  # seen, though nobody may wait for it any more
