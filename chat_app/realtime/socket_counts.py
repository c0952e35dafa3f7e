"""How many live sockets each user has, counted over all nodes. Tabs of the screens do not count."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol
from uuid import UUID


class SocketCounts(Protocol):
    """The count. Nothing here ever fails: what is not known of other nodes counts as nothing."""

    def track(self, user_id: UUID) -> AbstractAsyncContextManager[int]:
        """Count one socket more while the block lasts; give the how-manieth of its user it is."""

    def here(self) -> int:
        """Return how many sockets this process has."""


class MemorySocketCounts:
    """The twin for a single process."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    @asynccontextmanager
    async def track(self, user_id: UUID) -> AsyncIterator[int]:
        """Count one socket more while the block lasts; give the how-manieth of its user it is."""
        self._open[user_id] += 1
        try:
            yield self._open[user_id]
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]

    def here(self) -> int:
        """Return how many sockets this process has."""
        return self._open.total()
