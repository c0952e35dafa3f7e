"""Socket counts: the live sockets of each user over all nodes. Tabs of the screens do not count."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol
from uuid import UUID


class SocketCounts(Protocol):
    """The counts. No method fails: an unknown count of other nodes is zero."""

    def track(self, user_id: UUID) -> AbstractAsyncContextManager[int]:
        """Count a socket while the block lasts; yield its user's count, this one included."""

    def local_count(self) -> int:
        """Return the number of sockets of this process."""


class MemorySocketCounts:
    """The counts of a single process."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    @asynccontextmanager
    async def track(self, user_id: UUID) -> AsyncIterator[int]:
        """Count a socket while the block lasts; yield its user's count, this one included."""
        self._open[user_id] += 1
        try:
            yield self._open[user_id]
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]

    def local_count(self) -> int:
        """Return the number of sockets of this process."""
        return self._open.total()
