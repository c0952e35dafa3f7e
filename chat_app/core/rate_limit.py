"""Rate limits: token buckets and fixed windows, and their counters in a single process.

A limit with `refills` is a token bucket: `capacity` at once, then one every `per_s / capacity`
seconds. One without is a fixed window: `capacity` within `per_s` seconds of the first.
`redis/rate_limits.py` counts the same over several nodes.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple, Protocol

from chat_app.core.errors import RateLimited, Unavailable
from chat_app.core.token_bucket import TokenBucket

HOUR_S = 3600
KEYS_KEPT = 50_000


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
    """The limits of this process; those that are full again are dropped beyond `KEYS_KEPT`."""

    def __init__(self) -> None:
        self._buckets: dict[str, TokenBucket] = {}
        self._windows: dict[str, tuple[float, int]] = {}

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""
        take = self._take_from_bucket if limit.refills else self._take_from_window
        take(limit, f"{limit.name}:{key}", cost)

    def _take_from_bucket(self, limit: Limit, key: str, cost: int) -> None:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = TokenBucket(burst=limit.capacity, per_second=limit.per_second)
        if wait_s := bucket.take(cost):
            raise RateLimited(wait_s)
        self._buckets[key] = bucket
        if len(self._buckets) > KEYS_KEPT:
            self._buckets = {k: one for k, one in self._buckets.items() if not one.is_full()}

    def _take_from_window(self, limit: Limit, key: str, cost: int) -> None:
        now = time.monotonic()
        ends_at, taken = self._windows.get(key, (0.0, 0))
        if ends_at <= now:
            ends_at, taken = now + limit.per_s, 0
        if taken + cost > limit.capacity:
            raise RateLimited(ends_at - now)
        self._windows[key] = (ends_at, max(0, taken + cost))
        if len(self._windows) > KEYS_KEPT:
            self._windows = {k: window for k, window in self._windows.items() if window[0] > now}
