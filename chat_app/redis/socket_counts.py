"""Socket counts in Redis, for several nodes.

Each node has one hash, user to count, and sends a heartbeat every two seconds. It publishes its own
counts, never differences: publishing them again repairs any loss. The hash of a node that was
killed expires as a whole, and so soon that its users can connect to another node: the presence
register, where a reload must not flicker, keeps its entries for longer.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

from redis.asyncio import Redis

from chat_app.core import tasks
from chat_app.core.ids import new_id
from chat_app.core.supervisor import Supervisor
from chat_app.redis.circuit_breaker import CircuitBreaker
from chat_app.redis.client import BROKEN

HEARTBEAT_S = 2.0
TTL_S = 8.0
# A script blocks Redis: about a millisecond for a batch of this size.
BATCH_SIZE = 200

# KEYS: the nodes by the time at which each expires. ARGV: prefix of a node's hash, node, its
# lifetime in milliseconds, then users and how many sockets each has at this node.
# Returns whether the node was known before, and for each user their sockets at other nodes.
PUBLISH = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local others = {}
for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if node ~= ARGV[2] then others[#others + 1] = ARGV[1] .. node end
end
local answer = {1 - redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[2])}
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local mine = ARGV[1] .. ARGV[2]
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '0' then
    redis.call('HDEL', mine, ARGV[i])
  else
    redis.call('HSET', mine, ARGV[i], ARGV[i + 1])
  end
  local elsewhere = 0
  for _, other in ipairs(others) do
    elsewhere = elsewhere + tonumber(redis.call('HGET', other, ARGV[i]) or '0')
  end
  answer[#answer + 1] = elsewhere
end
redis.call('PEXPIRE', mine, ARGV[3])
return answer
"""


class RedisSocketCounts:
    """The counts shared by all nodes; start it inside the running loop, then close it.

    Changes of one moment are published together. While Redis is away this node counts by itself.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._script = redis.register_script(PUBLISH)
        self._nodes = f"{prefix}sockets"
        self._hash = f"{prefix}sockets:"
        self._node = new_id().hex
        self._open: Counter[UUID] = Counter()
        # Users whose count is not published, and who wait for the count of the other nodes.
        self._unpublished: set[UUID] = set()
        self._waiting: dict[UUID, asyncio.Future[int]] = {}
        self._wake = asyncio.Event()
        self._breaker = CircuitBreaker("socket counts")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, supervisor: Supervisor) -> None:
        """Start publishing the counts."""
        self._tasks = [supervisor.start("socket_counts", self._publish_loop)]

    async def close(self) -> None:
        """Remove this node's counts from Redis."""
        self._breaker.open(math.inf)
        await tasks.end(self._tasks)
        _resolve(self._waiting, {})
        # Should this fail, they expire.
        with contextlib.suppress(*BROKEN):
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.zrem(self._nodes, self._node)
                pipeline.delete(self._hash + self._node)
                await pipeline.execute()

    @contextlib.asynccontextmanager
    async def track(self, user_id: UUID) -> AsyncIterator[int]:
        """Count a socket while the block lasts; yield its user's count, this one included."""
        number = self._change(user_id, 1)
        try:
            # Each socket has its own count, so that of many opened at once only some are refused.
            yield number + await self._elsewhere(user_id)
        finally:
            self._change(user_id, -1)

    def local_count(self) -> int:
        """Return the number of sockets of this process."""
        return self._open.total()

    def _change(self, user_id: UUID, change: int) -> int:
        self._open[user_id] += change
        number = self._open[user_id]
        if not number:
            del self._open[user_id]
        self._unpublished.add(user_id)
        self._wake.set()
        return number

    async def _elsewhere(self, user_id: UUID) -> int:
        if self._breaker.is_open():
            return 0
        waiting = self._waiting.get(user_id)
        if waiting is None:
            waiting = self._waiting[user_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(waiting)

    async def _publish_loop(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, {}
            elsewhere: dict[UUID, int] = {}
            try:
                elsewhere = await self._publish_all()
            finally:
                _resolve(waiting, elsewhere)

    async def _publish_all(self) -> dict[UUID, int]:
        """Publish what is unpublished, or a heartbeat alone; return the counts at other nodes."""
        users, self._unpublished = list(self._unpublished), set()
        elsewhere: dict[UUID, int] = {}
        for start in range(0, max(1, len(users)), BATCH_SIZE):
            some = users[start : start + BATCH_SIZE]
            answer = None
            try:
                answer = await self._publish(some)
            finally:
                if answer is None:
                    self._unpublished.update(users[start:])
            if answer is None:
                break
            was_known, *numbers = answer
            elsewhere.update(zip(some, numbers, strict=True))
            if not was_known and self._open:
                # The hash of this node had expired, or Redis was emptied.
                self._unpublished.update(self._open)
                self._wake.set()
        return elsewhere

    async def _publish(self, users: Sequence[UUID]) -> list[int] | None:
        """Publish the counts of these users; return those at other nodes, None without Redis."""
        numbers = [one for user in users for one in (user.hex, self._open[user])]
        arguments = [self._hash, self._node, int(TTL_S * 1000), *numbers]
        return await self._breaker.call(lambda: self._script(keys=[self._nodes], args=arguments))


def _resolve(waiting: Mapping[UUID, asyncio.Future[int]], elsewhere: Mapping[UUID, int]) -> None:
    for user_id, future in waiting.items():
        future.set_result(elsewhere.get(user_id, 0))
