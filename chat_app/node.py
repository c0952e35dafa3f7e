"""One running process of the chat: everything the doors need, made once and closed in order."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from chat_app.accounts.endings import Endings
from chat_app.accounts.schemas import Device, Identity, OwnUser, ProfileChange, Proof
from chat_app.accounts.service import Accounts
from chat_app.accounts.vigil import Vigil
from chat_app.conversations.deliveries import Deliveries
from chat_app.conversations.service import Conversations
from chat_app.conversations.standing import NOWHERE, Standing
from chat_app.core import fitness
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.loop_lag import LoopLag
from chat_app.core.metrics import Metrics
from chat_app.core.passwords import Passwords
from chat_app.core.rate_limit import (
    MemoryRateLimits,
    NoRateLimits,
    RateLimits,
    RedisRateLimits,
)
from chat_app.core.settings import Settings
from chat_app.core.time_keeper import TimeKeeper
from chat_app.core.traces import Traces
from chat_app.friends.service import Friends
from chat_app.messages.catch_up import CatchUp
from chat_app.messages.failpoints import NO_FAILPOINTS, Failpoints
from chat_app.messages.service import Messages
from chat_app.presence.service import Presence
from chat_app.realtime.broker import Broker, MemoryBroker
from chat_app.realtime.counted import count_outlets
from chat_app.realtime.events import conversation_topic
from chat_app.realtime.hub import Hub
from chat_app.realtime.online import MemoryOnline, Online, Times
from chat_app.realtime.outlet import Outlet
from chat_app.realtime.redis_broker import RedisBroker
from chat_app.realtime.redis_client import REDIS_WAIT_S, open_redis
from chat_app.realtime.redis_online import RedisOnline
from chat_app.realtime.shared_key import SharedKey

log = structlog.get_logger(__name__)


class Entrance(NamedTuple):
    """What a device begins with: its outlet, and the unread counts of its user."""

    outlet: Outlet
    unread: dict[UUID, int]


@dataclass(frozen=True, slots=True)
class Node:
    """The parts of a running process."""

    settings: Settings
    metrics: Metrics
    traces: Traces
    database: Database
    shared_key: SharedKey | None
    broker: Broker
    hub: Hub
    online: Online
    limits: RateLimits
    accounts: Accounts
    friends: Friends
    conversations: Conversations
    deliveries: Deliveries
    messages: Messages
    presence: Presence
    catch_up: CatchUp

    async def open_outlet(self, identity: Identity) -> Outlet:
        """Return an outlet that hears all that this user may hear, from now on.

        Load state after this returns: nothing is missed then, though it may come twice.
        """
        outlet, _ = await self._open_outlet(identity)
        return outlet

    async def enter(self, identity: Identity) -> Entrance:
        """Return such an outlet, with what the user has not read."""
        outlet, standing = await self._open_outlet(identity)
        if standing.groups:
            # What came in a group before the outlet heard it must be counted.
            try:
                standing = await self._standing(identity)
            except AppError:
                await outlet.close()
                raise
        return Entrance(outlet, standing.unread)

    async def _open_outlet(self, identity: Identity) -> tuple[Outlet, Standing]:
        outlet = await self.hub.open(user_id=identity.user_id, session_id=identity.session_id)
        try:
            # Before anything is loaded, or of two who come at once neither would hear of the other.
            await self.presence.known(identity.user_id)
            standing = await self._standing(identity)
            if standing.groups:
                await self.hub.join(outlet, map(conversation_topic, standing.groups))
        except BaseException:
            await outlet.close()
            raise
        return outlet, standing

    async def _standing(self, identity: Identity) -> Standing:
        return await self.conversations.standing(identity.user_id) or NOWHERE

    async def change_profile(self, *, actor_id: UUID, changes: ProfileChange) -> OwnUser:
        """Change the actor's profile and settings; whom they write with sees it at once."""
        changed = await self.accounts.change_profile(actor_id=actor_id, changes=changes)
        if changed.card_changed:
            await self._tell_peers(actor_id)
        return changed.user

    async def delete_account(self, identity: Identity, proof: Proof, *, device: Device) -> None:
        """Delete an account; whom it wrote with sees that at once."""
        await self.accounts.delete(identity, proof, device=device)
        await self._tell_peers(identity.user_id)

    async def _tell_peers(self, user_id: UUID) -> None:
        try:
            await self.conversations.tell_peers(user_id)
        except AppError as error:
            # What was asked is done; who was not told sees it when they load.
            log.warning("node.peers_untold", code=error.code)

    async def schema(self) -> fitness.Schema:
        """Return how the database's schema is to this code's. Raises Unavailable."""
        return await fitness.schema_of(self.database)


@contextlib.asynccontextmanager
async def running_node(
    settings: Settings,
    failpoints: Failpoints = NO_FAILPOINTS,
    metrics: Metrics | None = None,
    traces: Traces | None = None,
) -> AsyncIterator[Node]:
    """Run a node: migrate where that is safe, start its tasks; at the end flush and close.

    It counts in `metrics` and draws its `traces`, which no other node shares.
    """
    metrics = metrics or Metrics()
    traces = traces or Traces()
    async with contextlib.AsyncExitStack() as stack:
        traces.start(settings)
        stack.push_async_callback(traces.close)
        lag = LoopLag(metrics)
        lag.start()
        stack.push_async_callback(lag.close)
        database = Database(settings, metrics)
        stack.push_async_callback(database.close)
        await fitness.make_fit(database, settings)
        await stack.enter_async_context(TimeKeeper(database))
        shared_key = await _shared_key(settings, stack)
        broker = open_broker(settings, metrics, traces)
        stack.push_async_callback(broker.close)
        passwords = Passwords(metrics=metrics)
        stack.callback(passwords.close)
        limits = _limits(settings, stack)
        online = _online(settings, stack)
        metrics.gauge(
            "chat_presence_here",
            "People whom this node says are online",
            lambda: len(online.here()),
        )
        deliveries = Deliveries(database=database, broker=broker)
        deliveries.start()
        stack.push_async_callback(deliveries.close)
        messages = Messages(
            database=database,
            broker=broker,
            online=online,
            limits=limits,
            settings=settings,
            failpoints=failpoints,
            metrics=metrics,
            traces=traces,
        )
        messages.start()
        stack.push_async_callback(messages.close)
        presence = Presence(database=database, broker=broker, online=online, settings=settings)
        presence.start()
        stack.push_async_callback(presence.close)
        hub = Hub(broker, presence)
        count_outlets(hub, metrics)
        hub.handed = deliveries.note
        stack.push_async_callback(hub.close)
        lifetime = timedelta(days=settings.session_days)
        vigil = Vigil(database=database, hub=hub, lifetime=lifetime)
        vigil.start()
        stack.push_async_callback(vigil.close)
        accounts = Accounts(
            database=database,
            broker=broker,
            passwords=passwords,
            limits=limits,
            settings=settings,
            profile_changed=presence.look_again_at,
            session_used=vigil.used,
        )
        stack.push_async_callback(accounts.close)
        conversations = Conversations(database=database, broker=broker, online=online)
        stack.push_async_callback(conversations.close)
        catch_up = CatchUp(
            database=database,
            hub=hub,
            online=online,
            about_to_tell=messages.is_about_to_tell,
            metrics=metrics,
        )
        await catch_up.start()
        stack.push_async_callback(catch_up.close)
        endings = Endings(database=database, hub=hub)
        endings.start()
        stack.push_async_callback(endings.close)
        log.info(
            "node.started", database=database.engine.dialect.name, redis=bool(settings.redis_url)
        )
        yield Node(
            settings=settings,
            metrics=metrics,
            traces=traces,
            database=database,
            shared_key=shared_key,
            broker=broker,
            hub=hub,
            online=online,
            limits=limits,
            accounts=accounts,
            friends=Friends(
                database=database,
                broker=broker,
                online=online,
                limits=limits,
                settings=settings,
                changed=presence.look_again,
            ),
            conversations=conversations,
            deliveries=deliveries,
            messages=messages,
            presence=presence,
            catch_up=catch_up,
        )


async def count_online(settings: Settings) -> int | None:
    """Count who is connected to any node; None without a Redis that knows."""
    if not settings.redis_url:
        return None
    async with open_redis(settings, answer_within_s=REDIS_WAIT_S) as redis:
        times = Times(settings.presence_ttl_seconds)
        return await RedisOnline(redis, settings.redis_prefix, times).count()


def open_broker(settings: Settings, metrics: Metrics, traces: Traces) -> Broker:
    """Return the broker between this process and the others, carrying already."""
    broker: Broker = MemoryBroker()
    if settings.redis_url:
        # A subscribed connection is silent for as long as there is no news.
        redis = open_redis(settings, answer_within_s=None)
        broker = shared = RedisBroker(redis, settings.redis_prefix, metrics, traces)
        shared.start()
    metrics.gauge("chat_bus_up", "Whether other nodes can be reached", broker.is_up)
    return broker


def _limits(settings: Settings, stack: contextlib.AsyncExitStack) -> RateLimits:
    if settings.limits == "off":
        return NoRateLimits()
    if not settings.redis_url:
        return MemoryRateLimits()
    redis = open_redis(settings, answer_within_s=REDIS_WAIT_S)
    stack.push_async_callback(redis.aclose)
    return RedisRateLimits(redis, settings.redis_prefix)


def _online(settings: Settings, stack: contextlib.AsyncExitStack) -> Online:
    if not settings.redis_url:
        return MemoryOnline()
    redis = open_redis(settings, answer_within_s=REDIS_WAIT_S)
    stack.push_async_callback(redis.aclose)
    return RedisOnline(redis, settings.redis_prefix, Times(settings.presence_ttl_seconds))


async def _shared_key(settings: Settings, stack: contextlib.AsyncExitStack) -> SharedKey | None:
    if not settings.redis_url:
        return None
    redis = await stack.enter_async_context(open_redis(settings, answer_within_s=REDIS_WAIT_S))
    secret = settings.secret_key.get_secret_value()
    return await stack.enter_async_context(SharedKey(redis, settings.redis_prefix, secret))
