"""Rate limits: what a limit is, and the limits of a single process.

A limit that refills is a token bucket: `capacity` at once, then one every `per_s / capacity`
seconds. One that does not is a fixed window: `capacity` within `per_s` seconds of the first.
`redis/rate_limits.py` counts the same over several nodes.
"""

import time
from typing import NamedTuple, Protocol

from chat_app.core.errors import RateLimited

KEYS_KEPT = 50_000
ROUNDING_S = 1e-6


class Limit(NamedTuple):
    """`capacity` in `per_s` seconds; see the module for what `refills` changes."""

    name: str
    capacity: int
    per_s: float
    refills: bool = False

    @property
    def interval_s(self) -> float:
        """Seconds in which one token of a bucket comes back."""
        return self.per_s / self.capacity


class RateLimits(Protocol):
    """Limits by name and key; a cost of -1 puts back a token that was taken for nothing."""

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""


class NoRateLimits:
    """Lifts every rate, for benchmarks and tests (`CHAT_LIMITS=off`)."""

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Let everything pass."""


class MemoryRateLimits:
    """Limits of this process; those that are full again are forgotten when there are many."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}
        self._windows: dict[str, tuple[float, int]] = {}

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""
        take = self._take_of_bucket if limit.refills else self._take_of_window
        take(limit, f"{limit.name}:{key}", cost, time.monotonic())

    def _take_of_bucket(self, limit: Limit, key: str, cost: int, now: float) -> None:
        full_at = max(self._full_at.get(key, 0.0), now) + limit.interval_s * cost
        wait = full_at - now - limit.per_s
        if wait > ROUNDING_S:
            raise RateLimited(wait)
        self._full_at[key] = full_at
        if len(self._full_at) > KEYS_KEPT:
            self._full_at = {k: at for k, at in self._full_at.items() if at > now}

    def _take_of_window(self, limit: Limit, key: str, cost: int, now: float) -> None:
        ends_at, taken = self._windows.get(key, (0.0, 0))
        if ends_at <= now:
            ends_at, taken = now + limit.per_s, 0
        if taken + cost > limit.capacity:
            raise RateLimited(ends_at - now)
        self._windows[key] = (ends_at, max(0, taken + cost))
        if len(self._windows) > KEYS_KEPT:
            self._windows = {k: window for k, window in self._windows.items() if window[0] > now}
