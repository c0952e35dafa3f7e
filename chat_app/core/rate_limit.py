"""Rate limits: token buckets in this process or in Redis, with one meaning.

A bucket holds at most `capacity` tokens and regains `capacity / per_s` of them each second
(the generic cell rate algorithm, ITU-T I.371: only the time at which the bucket is full again
is kept). Redis being away never stops the chat: the process then counts by itself.
"""

import contextlib
import time
from typing import NamedTuple, Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_app.core.errors import RateLimited

BUCKETS_KEPT = 50_000

# KEYS[1] bucket; ARGV: now, seconds a token takes to come back, capacity, cost.
# Returns the seconds to wait as text; "0" when the tokens were taken.
TAKE = """
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
local later = full_at + tonumber(ARGV[2]) * tonumber(ARGV[4])
local wait = later - tonumber(ARGV[1]) - tonumber(ARGV[2]) * tonumber(ARGV[3])
if wait > 0.000001 then return tostring(wait) end
local ms = math.max(0, math.ceil((later - tonumber(ARGV[1])) * 1000)) + 1000
redis.call('SET', KEYS[1], string.format('%.6f', later), 'PX', ms)
return '0'
"""


class Limit(NamedTuple):
    """`capacity` at once, and as many again every `per_s` seconds."""

    name: str
    capacity: int
    per_s: float

    @property
    def interval_s(self) -> float:
        """Seconds in which one token comes back."""
        return self.per_s / self.capacity


class RateLimits(Protocol):
    """Buckets by limit and key; a cost of -1 puts back a token that was taken for nothing."""

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""

    async def close(self) -> None:
        """Release what the limits hold."""


class NoRateLimits:
    """Lifts every rate, for benchmarks and tests (`CHAT_LIMITS=off`)."""

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Let everything pass."""

    async def close(self) -> None:
        """Hold nothing."""


class MemoryRateLimits:
    """Buckets of this process; full ones are forgotten when there are many."""

    def __init__(self) -> None:
        self._full_at: dict[str, float] = {}

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""
        now = time.monotonic()
        bucket = f"{limit.name}:{key}"
        full_at = max(self._full_at.get(bucket, 0.0), now) + limit.interval_s * cost
        wait = full_at - now - limit.per_s
        if wait > 1e-6:  # noqa: PLR2004  # rounding of the division above, not a wait
            raise RateLimited(wait)
        self._full_at[bucket] = full_at
        if len(self._full_at) > BUCKETS_KEPT:
            self._full_at = {k: at for k, at in self._full_at.items() if at > now}

    async def close(self) -> None:
        """Hold nothing that needs releasing."""


class RedisRateLimits:
    """Buckets shared by all nodes. While Redis is away each node counts by itself."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._take = redis.register_script(TAKE)
        self._alone = MemoryRateLimits()

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""
        bucket = f"{self._prefix}limit:{limit.name}:{key}"
        arguments = [time.time(), limit.interval_s, limit.capacity, cost]
        try:
            wait = float(cast("bytes", await self._take(keys=[bucket], args=arguments)))
        except (RedisError, OSError):
            return await self._alone.take(limit, key, cost=cost)
        if wait > 0:
            raise RateLimited(wait)
        return None

    async def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()
