"""How many live sockets each user has, in Redis, for several nodes.

Each node has one hash, user to number, and says every two seconds that it lives. What it says are
its own numbers, never differences: saying them again sets right whatever got lost. The hash of a
node that was killed expires in one piece, and so soon that whoever was connected to it can come
back elsewhere: the register of presence, where a reload must not flicker, believes for longer.
"""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_app.core import tasks
from chat_app.core.ids import new_id
from chat_app.redis.circuit_breaker import CircuitBreaker

BEAT_S = 2.0
BELIEVED_S = 8.0
# A script runs while nothing else does in Redis: a millisecond for so many.
BATCH_SIZE = 200

# KEYS: the nodes by the time until which each is believed. ARGV: prefix of a node's hash, node,
# milliseconds for which it is believed, then users and how many sockets each has at this node.
# Returns whether the node was known before, and for each user how many they have elsewhere.
SAY = """
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
    """The count shared by all nodes; start it inside the running loop, then close it.

    Whoever comes or goes at one moment is said together. While Redis is away this node counts by
    itself, and nobody waits for it again and again.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._say = redis.register_script(SAY)
        self._nodes = f"{prefix}sockets"
        self._hash = f"{prefix}sockets:"
        self._node = new_id().hex
        self._open: Counter[UUID] = Counter()
        # Whose number Redis has not heard, and who waits to hear how many they have elsewhere.
        self._unsaid: set[UUID] = set()
        self._asking: dict[UUID, asyncio.Future[int]] = {}
        self._wake = asyncio.Event()
        self._breaker = CircuitBreaker("socket counts")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start saying how many sockets are here."""
        self._tasks = [asyncio.create_task(self._say_for_ever(), name="socket count")]

    async def close(self) -> None:
        """Have all that this node said forgotten."""
        self._breaker.open(math.inf)
        await tasks.end(self._tasks)
        _answer(self._asking, {})
        # Nobody says it again; it expires otherwise.
        with contextlib.suppress(RedisError, OSError):
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.zrem(self._nodes, self._node)
                pipeline.delete(self._hash + self._node)
                await pipeline.execute()

    @contextlib.asynccontextmanager
    async def track(self, user_id: UUID) -> AsyncIterator[int]:
        """Count one socket more while the block lasts; give the how-manieth of its user it is."""
        number = self._change(user_id, 1)
        try:
            # Of many who come at once each has a number of their own: only some are too many.
            yield number + await self._elsewhere(user_id)
        finally:
            self._change(user_id, -1)

    def here(self) -> int:
        """Return how many sockets this process has."""
        return self._open.total()

    def _change(self, user_id: UUID, change: int) -> int:
        self._open[user_id] += change
        number = self._open[user_id]
        if not number:
            del self._open[user_id]
        self._unsaid.add(user_id)
        self._wake.set()
        return number

    async def _elsewhere(self, user_id: UUID) -> int:
        if self._breaker.is_open():
            return 0
        asking = self._asking.get(user_id)
        if asking is None:
            asking = self._asking[user_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(asking)

    async def _say_for_ever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._wake.wait()
            self._wake.clear()
            asking, self._asking = self._asking, {}
            elsewhere: dict[UUID, int] = {}
            try:
                elsewhere = await self._say_all()
            finally:
                _answer(asking, elsewhere)

    async def _say_all(self) -> dict[UUID, int]:
        """Say what Redis has not heard, or at least that this node lives; return who is where."""
        users, self._unsaid = list(self._unsaid), set()
        elsewhere: dict[UUID, int] = {}
        for start in range(0, max(1, len(users)), BATCH_SIZE):
            some = users[start : start + BATCH_SIZE]
            answer = await self._ask(some)
            if answer is None:
                self._unsaid.update(users[start:])
                break
            was_known, *numbers = answer
            elsewhere.update(zip(some, numbers, strict=True))
            if not was_known and self._open:
                # It took this node for dead, or was emptied.
                self._unsaid.update(self._open)
                self._wake.set()
        return elsewhere

    async def _ask(self, users: Sequence[UUID]) -> list[int] | None:
        """Say how many sockets these have here; None while Redis is away."""
        numbers = [one for user in users for one in (user.hex, self._open[user])]
        arguments = [self._hash, self._node, int(BELIEVED_S * 1000), *numbers]
        return await self._breaker.call(lambda: self._say(keys=[self._nodes], args=arguments))


def _answer(asking: Mapping[UUID, asyncio.Future[int]], elsewhere: Mapping[UUID, int]) -> None:
    for user_id, future in asking.items():
        future.set_result(elsewhere.get(user_id, 0))
