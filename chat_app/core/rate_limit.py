"""Rate limits, in this process or in Redis, with one meaning.

A limit that refills is a token bucket: `capacity` at once, then one every `per_s / capacity`
seconds (the generic cell rate algorithm, ITU-T I.371: only the time at which the bucket is full
again is kept). One that does not is a window: `capacity` within `per_s` seconds of the first.
Redis being away never stops the chat: the process then counts by itself.
"""

import time
from typing import NamedTuple, Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_app.core.errors import RateLimited

KEYS_KEPT = 50_000
ROUNDING_S = 1e-6
BREAKER_S = 2.0

# KEYS[1] bucket; ARGV: seconds a token takes to come back, capacity, cost. The clock is Redis's:
# those of the nodes may differ, and their commands arrive in any order.
# Both scripts return the seconds to wait as text; "0" when the tokens were taken.
BUCKET = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local later = full_at + tonumber(ARGV[1]) * tonumber(ARGV[3])
local wait = later - now - tonumber(ARGV[1]) * tonumber(ARGV[2])
if wait > 0.00001 then return tostring(wait) end
local ms = math.max(0, math.ceil((later - now) * 1000)) + 1000
redis.call('SET', KEYS[1], string.format('%.6f', later), 'PX', ms)
return '0'
"""
# KEYS[1] window; ARGV: its length in milliseconds, capacity, cost.
WINDOW = """
local taken = tonumber(redis.call('GET', KEYS[1]) or '0') + tonumber(ARGV[3])
if taken > tonumber(ARGV[2]) then return tostring(redis.call('PTTL', KEYS[1]) / 1000) end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('SET', KEYS[1], taken, 'KEEPTTL')
elseif taken > 0 then
  redis.call('SET', KEYS[1], taken, 'PX', ARGV[1])
end
return '0'
"""


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


class RedisRateLimits:
    """Limits shared by all nodes. While Redis is away each node counts by itself."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._prefix = prefix
        self._bucket = redis.register_script(BUCKET)
        self._window = redis.register_script(WINDOW)
        self._alone = MemoryRateLimits()
        self._alone_until = 0.0

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""
        if time.monotonic() < self._alone_until:
            await self._alone.take(limit, key, cost=cost)
            return
        keys = [f"{self._prefix}limit:{limit.name}:{key}"]
        try:
            if limit.refills:
                arguments = [limit.interval_s, limit.capacity, cost]
                answer = await self._bucket(keys=keys, args=arguments)
            else:
                arguments = [int(limit.per_s * 1000), limit.capacity, cost]
                answer = await self._window(keys=keys, args=arguments)
        except (RedisError, OSError):
            # Nobody waits for a Redis that hangs more than once in a while.
            self._alone_until = time.monotonic() + BREAKER_S
            await self._alone.take(limit, key, cost=cost)
            return
        wait = float(cast("bytes", answer))
        if wait > 0:
            raise RateLimited(wait)
