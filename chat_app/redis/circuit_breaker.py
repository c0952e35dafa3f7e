"""Circuit breaker: after a failure, do not call Redis for a while."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from chat_app.redis.client import BROKEN

BREAKER_S = 2.0

Reply = TypeVar("Reply")

log = structlog.get_logger(__name__)


class CircuitBreaker:
    """A breaker that is closed while Redis answers, and open for `BREAKER_S` after a failure.

    A Redis that hangs costs each part of a node one time limit in that time, not one for each call.
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._open_until = 0.0

    def is_open(self) -> bool:
        """Return whether calls are refused."""
        return time.monotonic() < self._open_until

    def open(self, for_s: float = BREAKER_S) -> None:
        """Refuse calls for `for_s` seconds."""
        self._open_until = time.monotonic() + for_s

    async def call(self, command: Callable[[], Awaitable[Reply]]) -> Reply | None:
        """Return the reply to `command`; None, without calling it, while the breaker is open.

        A failure opens the breaker, and returns None too.
        """
        if self.is_open():
            return None
        try:
            return await command()
        except BROKEN as error:
            self.open()
            log.warning(
                "redis.circuit_opened",
                part=self._part,
                error=type(error).__name__,
                for_s=BREAKER_S,
            )
            return None
