"""Clients of the Redis that the settings name."""

import contextlib

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from chat_app.core.settings import Settings

REDIS_WAIT_S = 0.5
# The errors of a Redis that is away. redis-py raises AttributeError where a connection breaks while
# it is being used. A TimeoutError is an OSError.
BROKEN = (RedisError, OSError, AttributeError)


def open_redis(settings: Settings, *, answer_within_s: float | None, retries: int = 1) -> Redis:
    """Return a client that waits `REDIS_WAIT_S` to connect and `answer_within_s` for a reply."""
    # Where all connections are in use, callers wait for one: a pool that refuses would look like a
    # Redis that is away.
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        timeout=REDIS_WAIT_S,
        socket_connect_timeout=REDIS_WAIT_S,
        socket_timeout=answer_within_s,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), retries),
        retry_on_error=[RedisConnectionError],
        max_connections=50,
    )
    return Redis.from_pool(pool)


def open_client(settings: Settings, stack: contextlib.AsyncExitStack) -> Redis:
    """Return a client with connections of its own, closed with the stack.

    A part that waits for a connection then holds up no other part.
    """
    redis = open_redis(settings, answer_within_s=REDIS_WAIT_S)
    stack.push_async_callback(redis.aclose)
    return redis
