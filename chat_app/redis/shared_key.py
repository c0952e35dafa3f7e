"""Nodes of one chat share one secret key: one that has another must not take part.

What one of them signs, the others would refuse, and whoever is sent from node to node would be
signed in and out. Each says every few seconds in Redis which key it has, by a fingerprint. The same
tells two chats that use one Redis under one prefix by mistake.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_app.core import tasks
from chat_app.core.errors import CannotStart

INTERVAL_S = 3.0
BELIEVED_S = 15.0
# KEYS[1] fingerprint of the nodes that run; ARGV: ours, and for how many milliseconds it counts.
SAY = """
local theirs = redis.call('GET', KEYS[1])
if theirs and theirs ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
ANOTHER_KEY = (
    "CHAT_SECRET_KEY: the nodes that use this Redis have another key. Give all nodes of one chat"
    f" the same; to change it, stop all for {BELIEVED_S:.0f} s. Another chat that uses the same"
    " Redis needs another CHAT_REDIS_PREFIX."
)

log = structlog.get_logger(__name__)


class SharedKey:
    """Says which key this node has, and hears whether the others have the same."""

    def __init__(self, redis: Redis, prefix: str, secret: str) -> None:
        self._say = redis.register_script(SAY)
        self._key = f"{prefix}key"
        # Of no use to whoever reads it: the key has 32 bytes that nobody can guess.
        self._ours = hashlib.sha256(b"chat key\0" + secret.encode()).hexdigest()
        self.differs = False

    @contextlib.asynccontextmanager
    async def comparing(self) -> AsyncIterator[None]:
        """Compare, and go on comparing while the block lasts.

        Raises CannotStart when running nodes have another key.
        """
        await self.look()
        if self.differs:
            raise CannotStart(ANOTHER_KEY)
        async with tasks.repeated(self.look, every_s=INTERVAL_S):
            yield

    async def look(self) -> None:
        """Compare once. While Redis is away, what was known before counts."""
        try:
            same = await self._say(keys=[self._key], args=[self._ours, int(BELIEVED_S * 1000)])
        except (RedisError, OSError):
            return
        self.differs = not same
        if self.differs:
            log.error("node.another_key", what_to_do=ANOTHER_KEY)
