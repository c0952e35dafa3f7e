"""Infrastructure of a node: the database, and what is in Redis or else in this process."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from chat_app.core import schema_check
from chat_app.core.checkpoints import Checkpoints
from chat_app.core.clock_sync import ClockSync
from chat_app.core.database import Database
from chat_app.core.metrics import Metrics
from chat_app.core.rate_limit import MemoryRateLimits, NoRateLimits, RateLimits
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.realtime.broker import Broker, MemoryBroker
from chat_app.realtime.online import MemoryOnline, Online, Times
from chat_app.realtime.socket_counts import MemorySocketCounts, SocketCounts
from chat_app.redis.broker import RedisBroker
from chat_app.redis.client import REDIS_WAIT_S, open_client, open_redis
from chat_app.redis.online import RedisOnline
from chat_app.redis.rate_limits import RedisRateLimits
from chat_app.redis.shared_key import SharedKey
from chat_app.redis.socket_counts import RedisSocketCounts


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """The parts of a node that all nodes of one chat share."""

    database: Database
    broker: Broker
    online: Online
    # CHAT_LIMITS=off lifts `limits`, and nothing lifts `fixed_limits`.
    limits: RateLimits
    fixed_limits: RateLimits
    # Those that each node counts alone, for what is done too often to call Redis for it.
    local_limits: RateLimits
    sockets: SocketCounts
    shared_key: SharedKey | None


@contextlib.asynccontextmanager
async def open_infrastructure(
    settings: Settings, supervisor: Supervisor, metrics: Metrics, traces: Traces
) -> AsyncIterator[Infrastructure]:
    """Open the infrastructure; migrate the database where that is safe. Raises CannotStart."""
    async with contextlib.AsyncExitStack() as stack:
        database = Database(settings, metrics)
        stack.push_async_callback(database.close)
        await schema_check.ensure_current(database, settings)
        if database.file is not None:
            checkpoints = Checkpoints(database.file)
            checkpoints.start(supervisor)
            stack.push_async_callback(checkpoints.close)
        await stack.enter_async_context(ClockSync(database).comparing(supervisor))
        shared_key = await _shared_key(settings, supervisor, stack)
        broker = open_broker(settings, supervisor, metrics, traces)
        stack.push_async_callback(broker.close)
        fixed_limits = _fixed_limits(settings, stack)
        yield Infrastructure(
            database=database,
            broker=broker,
            online=_online(settings, stack),
            limits=NoRateLimits() if settings.limits == "off" else fixed_limits,
            fixed_limits=fixed_limits,
            local_limits=NoRateLimits() if settings.limits == "off" else MemoryRateLimits(),
            sockets=_sockets(settings, supervisor, metrics, stack),
            shared_key=shared_key,
        )


def open_broker(
    settings: Settings, supervisor: Supervisor, metrics: Metrics, traces: Traces
) -> Broker:
    """Return the broker between this process and the others, started."""
    broker: Broker = MemoryBroker()
    if settings.redis_url:
        # A subscribed connection is silent while nothing is published. The broker makes a broken
        # one anew by itself: it must know of it.
        redis = open_redis(settings, answer_within_s=None, retries=0)
        broker = shared = RedisBroker(redis, settings.redis_prefix, metrics, traces)
        shared.start(supervisor)
    metrics.gauge("chat_bus_up", "Whether other nodes can be reached", broker.is_up)
    return broker


async def count_online(settings: Settings) -> int | None:
    """Return the number of users connected to any node; None without Redis."""
    if not settings.redis_url:
        return None
    async with open_redis(settings, answer_within_s=REDIS_WAIT_S) as redis:
        times = Times(settings.presence_ttl_seconds)
        return await RedisOnline(redis, settings.redis_prefix, times).count()


def _fixed_limits(settings: Settings, stack: contextlib.AsyncExitStack) -> RateLimits:
    if not settings.redis_url:
        return MemoryRateLimits()
    return RedisRateLimits(open_client(settings, stack), settings.redis_prefix)


def _online(settings: Settings, stack: contextlib.AsyncExitStack) -> Online:
    if not settings.redis_url:
        return MemoryOnline()
    times = Times(settings.presence_ttl_seconds)
    return RedisOnline(open_client(settings, stack), settings.redis_prefix, times)


def _sockets(
    settings: Settings,
    supervisor: Supervisor,
    metrics: Metrics,
    stack: contextlib.AsyncExitStack,
) -> SocketCounts:
    sockets: SocketCounts = MemorySocketCounts()
    if settings.redis_url and settings.limits == "on":
        sockets = shared = RedisSocketCounts(open_client(settings, stack), settings.redis_prefix)
        shared.start(supervisor)
        stack.push_async_callback(shared.close)
    metrics.gauge("chat_sockets", "Live sockets that are signed in", sockets.local_count)
    return sockets


async def _shared_key(
    settings: Settings, supervisor: Supervisor, stack: contextlib.AsyncExitStack
) -> SharedKey | None:
    if not settings.redis_url:
        return None
    secret = settings.secret_key.get_secret_value()
    key = SharedKey(open_client(settings, stack), settings.redis_prefix, secret)
    await stack.enter_async_context(key.comparing(supervisor))
    return key
