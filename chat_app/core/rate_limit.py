"""Rate limits: token buckets and fixed windows, and their counters in a single process.

A limit with `refills` is a token bucket: `capacity` at once, then one every `per_s / capacity`
seconds. One without is a fixed window: `capacity` within `per_s` seconds of the first.
`redis/rate_limits.py` counts the same over several nodes.
"""

import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, Protocol

from chat_app.core.errors import RateLimited, Unavailable
from chat_app.core.token_bucket import TokenBucket

HOUR_S = 3600
# Some 20 MB. Only a flood from very many networks has so many keys within their minutes.
MAX_KEYS = 100_000
SLOTS = 4_096
LOOKS = 2


class Limit(NamedTuple):
    """A limit of `capacity` in `per_s` seconds: a token bucket if it `refills`, else a window."""

    name: str
    capacity: int
    per_s: float
    refills: bool = False

    @property
    def per_second(self) -> float:
        """Tokens that come back to a bucket in a second."""
        return self.capacity / self.per_s


def token_bucket(name: str, burst: int, per_second: float) -> Limit:
    """Return the limit of a bucket of `burst` tokens that refills by `per_second`."""
    return Limit(name, burst, burst / per_second, refills=True)


class RateLimits(Protocol):
    """Limits by name and key; a cost of -1 returns a token that was not used."""

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""


@contextlib.asynccontextmanager
async def charged(limits: RateLimits, limit: Limit, key: str) -> AsyncIterator[None]:
    """Take a token for the block; return it if the block is refused before it did anything.

    Taken first, so that requests in parallel get no more than the limit.
    """
    await limits.take(limit, key)
    try:
        yield
    except (RateLimited, Unavailable):
        await limits.take(limit, key, cost=-1)
        raise


def network_of(address: str) -> str:
    """Return the network by which a client's address is limited: one that a single client has.

    IPv6 clients choose the last 64 bits themselves (RFC 4291, section 2.5.1). An IPv4 address is a
    network of its own, also when it is written as IPv6 (`::ffff:192.0.2.1`).
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return f"{IPv6Address(int(ip) >> 64 << 64)}/64"


class NoRateLimits:
    """No limits, for benchmarks and tests (`CHAT_LIMITS=off`)."""

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Do nothing."""


class MemoryRateLimits:
    """The limits of this process, in bounded time and memory.

    A key keeps its counter until that is unused again, whatever other keys do: no flood of keys
    returns a try. Beyond `MAX_KEYS` new keys share the counters of a fixed number of slots, which
    may refuse too much, and never too little. Each new key pays for looking at two others.
    """

    def __init__(self) -> None:
        self._counters: dict[str, _Counter] = {}
        # Every key once, in the order in which the next are looked at.
        self._order: deque[str] = deque()
        self._shared: dict[tuple[str, int], _Counter] = {}

    def __len__(self) -> int:
        """Return the number of counters."""
        return len(self._counters) + len(self._shared)

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""
        if wait_s := self._counter(limit, f"{limit.name}:{key}").take(cost):
            raise RateLimited(wait_s)

    def _counter(self, limit: Limit, key: str) -> "_Counter":
        if (own := self._counters.get(key)) is not None:
            return own
        self._drop_unused()
        slot = (limit.name, hash(key) % SLOTS)
        shared = self._shared.get(slot)
        if shared is not None and shared.is_full():
            del self._shared[slot]
            shared = None
        if shared is not None:
            return shared
        counter = _new_counter(limit)
        if len(self._counters) < MAX_KEYS:
            self._counters[key] = counter
            self._order.append(key)
        else:
            self._shared[slot] = counter
        return counter

    def _drop_unused(self) -> None:
        for _ in range(min(LOOKS, len(self._order))):
            key = self._order.popleft()
            if self._counters[key].is_full():
                del self._counters[key]
            else:
                self._order.append(key)


class _Counter(Protocol):
    """The tokens of one key."""

    def take(self, cost: int = 1) -> float:
        """Take `cost` tokens and return 0, or take none and return the seconds to wait."""

    def is_full(self) -> bool:
        """Return whether all tokens are there: another counter in its place is the same."""


class _Window:
    """A window of `per_s` seconds that begins with the first token taken."""

    __slots__ = ("_capacity", "_ends_at", "_per_s", "_taken")

    def __init__(self, capacity: int, per_s: float) -> None:
        self._capacity = capacity
        self._per_s = per_s
        self._ends_at = 0.0
        self._taken = 0

    def take(self, cost: int = 1) -> float:
        now = time.monotonic()
        if self._ends_at <= now:
            self._ends_at, self._taken = now + self._per_s, 0
        if self._taken + cost > self._capacity:
            return self._ends_at - now
        self._taken = max(0, self._taken + cost)
        return 0

    def is_full(self) -> bool:
        return not self._taken or self._ends_at <= time.monotonic()


def _new_counter(limit: Limit) -> _Counter:
    if limit.refills:
        return TokenBucket(burst=limit.capacity, per_second=limit.per_second)
    return _Window(limit.capacity, limit.per_s)
