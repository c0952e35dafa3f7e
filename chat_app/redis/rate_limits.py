"""Rate limits in Redis, for several nodes: the twin of `MemoryRateLimits`."""

from typing import cast

from redis.asyncio import Redis

from chat_app.core.errors import RateLimited
from chat_app.core.rate_limit import Limit, MemoryRateLimits
from chat_app.redis.circuit_breaker import CircuitBreaker

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
  redis.call('SET', KEYS[1], math.max(0, taken), 'KEEPTTL')
elseif taken > 0 then
  redis.call('SET', KEYS[1], taken, 'PX', ARGV[1])
end
return '0'
"""


class RedisRateLimits:
    """Limits shared by all nodes; while Redis is away each node counts by itself."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._prefix = prefix
        self._bucket = redis.register_script(BUCKET)
        self._window = redis.register_script(WINDOW)
        self._breaker = CircuitBreaker("rate limits")
        self._fallback = MemoryRateLimits()

    async def take(self, limit: Limit, key: str, *, cost: int = 1) -> None:
        """Take `cost` tokens, or raise RateLimited with the seconds to wait."""
        reply = await self._breaker.call(lambda: self._run_script(limit, key, cost))
        if reply is None:
            await self._fallback.take(limit, key, cost=cost)
        elif (wait_s := float(reply)) > 0:
            raise RateLimited(wait_s)

    async def _run_script(self, limit: Limit, key: str, cost: int) -> bytes:
        keys = [f"{self._prefix}limit:{limit.name}:{key}"]
        if limit.refills:
            arguments = [1 / limit.per_second, limit.capacity, cost]
            reply = await self._bucket(keys=keys, args=arguments)
        else:
            arguments = [int(limit.per_s * 1000), limit.capacity, cost]
            reply = await self._window(keys=keys, args=arguments)
        return cast("bytes", reply)
