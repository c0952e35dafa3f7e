"""Shared secret key: a node whose key differs from that of the others must not take part.

The others would refuse its tokens, and a user who changes nodes would be signed in and out. Each
node stores a fingerprint of its key in Redis every few seconds. This also detects two chats that
use one Redis under one prefix by mistake.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator

import structlog
from redis.asyncio import Redis

from chat_app.core.errors import CannotStart
from chat_app.core.supervisor import Supervisor
from chat_app.redis.client import BROKEN

INTERVAL_S = 3.0
TTL_S = 15.0
# KEYS[1] fingerprint of the running nodes; ARGV: ours, and its lifetime in milliseconds.
COMPARE = """
local theirs = redis.call('GET', KEYS[1])
if theirs and theirs ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
ANOTHER_KEY = (
    "CHAT_SECRET_KEY: the nodes that use this Redis have another key. Give all nodes of one chat"
    f" the same; to change it, stop all for {TTL_S:.0f} s. Another chat that uses the same"
    " Redis needs another CHAT_REDIS_PREFIX."
)

log = structlog.get_logger(__name__)


class SharedKey:
    """The comparison of this node's key with that of the others; see `differs`."""

    def __init__(self, redis: Redis, prefix: str, secret: str) -> None:
        self._script = redis.register_script(COMPARE)
        self._key = f"{prefix}key"
        # A reader of Redis cannot compute the key from it: the key has 32 random bytes.
        self._ours = hashlib.sha256(b"chat key\0" + secret.encode()).hexdigest()
        self.differs = False

    @contextlib.asynccontextmanager
    async def comparing(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Compare now, and every few seconds while the block lasts.

        Raises CannotStart when running nodes have another key.
        """
        await self.compare()
        if self.differs:
            raise CannotStart(ANOTHER_KEY)
        async with supervisor.repeating("shared_key", self.compare, every_s=INTERVAL_S):
            yield

    async def compare(self) -> None:
        """Compare once; keep the result of the last comparison while Redis is away."""
        try:
            same = await self._script(keys=[self._key], args=[self._ours, int(TTL_S * 1000)])
        except BROKEN:
            return
        self.differs = not same
        if self.differs:
            log.error("node.another_key", what_to_do=ANOTHER_KEY)
