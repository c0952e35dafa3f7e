"""Queue of the log writer: what may be stored beside the transactions under way.

Entries of one conversation are stored and published in their order, those of others meanwhile. An
entry whose conversation is not known yet is stored alone: it could be any.
"""

from collections import deque
from collections.abc import Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class Taken(NamedTuple, Generic[Item]):
    """Items to store together, and the keys that are busy until they are released."""

    items: list[Item]
    keys: frozenset[Hashable]


class KeyedQueue(Generic[Item]):
    """Items by key; a key whose items were taken is busy until it is released."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, deque[Item]] = {}
        # The keys that wait and are not busy, by the arrival of the first item.
        self._ready: dict[Hashable, None] = {}
        self._busy: set[Hashable] = set()
        self._alone: deque[Item] = deque()
        self._is_alone_under_way = False
        # Both kinds take turns, or one could keep the other waiting.
        self._is_turn_of_alone = False
        self._length = 0

    def __len__(self) -> int:
        """Count the items that wait."""
        return self._length

    def append(self, key: Hashable | None, item: Item) -> None:
        """Add an item; without a key it is taken when nothing is under way, and alone."""
        self._length += 1
        if key is None:
            self._alone.append(item)
            return
        self._waiting.setdefault(key, deque()).append(item)
        if key not in self._busy:
            self._ready[key] = None

    def take(self, limit: int) -> Taken[Item] | None:
        """Take up to `limit` items of keys that are not busy; None while there are none.

        While items without a key wait for their turn, no others are taken.
        """
        if self._is_alone_under_way:
            return None
        if self._alone and (self._is_turn_of_alone or not self._ready):
            if self._busy:
                return None
            self._is_alone_under_way = True
            self._is_turn_of_alone = False
            items = [self._alone.popleft() for _ in range(min(limit, len(self._alone)))]
            self._length -= len(items)
            return Taken(items, frozenset())
        items, keys = [], []
        while self._ready and len(items) < limit:
            key = next(iter(self._ready))
            del self._ready[key]
            waiting = self._waiting[key]
            while waiting and len(items) < limit:
                items.append(waiting.popleft())
            if not waiting:
                del self._waiting[key]
            keys.append(key)
        if not items:
            return None
        self._is_turn_of_alone = bool(self._alone)
        self._busy.update(keys)
        self._length -= len(items)
        return Taken(items, frozenset(keys))

    def release(self, taken: Taken[Item], keys: Iterable[Hashable] | None = None) -> None:
        """End what was taken, or only that of some of its keys."""
        if not taken.keys:
            self._is_alone_under_way = False
            return
        for key in taken.keys if keys is None else keys:
            self._busy.discard(key)
            if key in self._waiting:
                self._ready[key] = None

    def drain(self) -> list[Item]:
        """Take all items that wait, whatever is under way."""
        items = [*self._alone, *(one for waiting in self._waiting.values() for one in waiting)]
        self._alone.clear()
        self._waiting.clear()
        self._ready.clear()
        self._length = 0
        return items
