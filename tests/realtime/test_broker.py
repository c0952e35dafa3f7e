"""Brokers: the one in memory and the one in Redis, by one suite."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from chat_app.core.supervisor import Supervisor
from chat_app.realtime.broker import Broker, MemoryBroker
from chat_app.realtime.events import Envelope
from chat_app.redis import broker as redis_broker
from chat_app.redis.broker import RedisBroker
from tests.harness import servers
from tests.harness.half_open import HalfOpenProxy

KINDS = ["memory", "redis"]
PATIENCE_S = 90


@asynccontextmanager
async def open_broker(kind: str, redis_url: str, prefix: str = "test:") -> AsyncIterator[Broker]:
    if kind == "memory":
        yield MemoryBroker()
        return
    broker = RedisBroker(Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0)), prefix)
    broker.start(Supervisor())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not broker.is_up():  # it has no event of its own
                await asyncio.sleep(0)
        yield broker
    finally:
        await broker.close()


class Receiver:
    """A receiver that collects what a broker delivers, and can wait for it."""

    def __init__(self, broker: Broker) -> None:
        self.received: list[tuple[str, bytes]] = []
        self._more = asyncio.Event()
        broker.on_delivery(self._receive)

    def _receive(self, topic: str, envelope: Envelope) -> None:
        self.received.append((topic, envelope.body))
        self._more.set()

    async def wait_for(self, count: int) -> list[tuple[str, bytes]]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.received) < count:
                self._more.clear()
                await self._more.wait()
        return self.received


@pytest.mark.parametrize("kind", KINDS)
async def test_a_publisher_receives_its_own_envelopes_at_once_and_once(
    kind: str, redis_url: str
) -> None:
    async with open_broker(kind, redis_url) as broker:
        receiver = Receiver(broker)
        await broker.subscribe(["a", "b"])

        broker.publish(["a"], Envelope(b"one"))
        broker.publish(["a", "b"], Envelope(b"two"))

        assert receiver.received == [("a", b"one"), ("a", b"two"), ("b", b"two")]


async def test_other_processes_receive_in_order_and_only_their_topics(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    async with (
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        receiver = Receiver(there)
        await there.subscribe(["a"])

        for number in range(500):
            here.publish(["b", "a"], Envelope(str(number).encode()))

        assert await receiver.wait_for(500) == [("a", str(n).encode()) for n in range(500)]


async def test_an_ended_subscription_receives_nothing(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    async with (
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        receiver = Receiver(there)
        await there.subscribe(["a", "b"])
        await there.unsubscribe(["a"])
        await there.subscribe(["c"])

        here.publish(["a"], Envelope(b"lost"))
        here.publish(["b"], Envelope(b"received"))

        assert await receiver.wait_for(1) == [("b", b"received")]


@asynccontextmanager
async def broken_link(redis_url: str) -> AsyncIterator[tuple[Broker, Broker, Receiver]]:
    """Yield two nodes' brokers of one chat, and what the second receives; its link was just cut."""
    prefix = f"test:{uuid4().hex}:"
    admin: Redis = Redis.from_url(redis_url)
    async with (
        admin,
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        receiver = Receiver(there)
        await there.subscribe(["a"])
        await admin.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        yield here, there, receiver


async def test_a_broken_link_reconnects_and_keeps_its_subscriptions(redis_url: str) -> None:
    async with broken_link(redis_url) as (here, _, receiver):
        async with asyncio.timeout(PATIENCE_S):
            while not receiver.received:
                here.publish(["a"], Envelope(b"again"))
                await asyncio.sleep(0.05)  # the link reconnects by itself; publish until it has

        assert receiver.received[0] == ("a", b"again")


async def test_a_message_of_another_program_on_our_channel_is_ignored(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    async with (
        Redis.from_url(redis_url) as stranger,
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        receiver = Receiver(there)
        await there.subscribe(["a"])

        await stranger.publish(f"{prefix}a", b"\xff not ours")
        here.publish(["a"], Envelope(b"ours"))

        assert await receiver.wait_for(1) == [("a", b"ours")]


async def test_publishing_never_waits_for_a_redis_that_is_away() -> None:
    broker = RedisBroker(Redis.from_url("redis://127.0.0.1:1"), "test:")
    broker.start(Supervisor())
    try:
        receiver = Receiver(broker)
        await broker.subscribe(["a"])

        broker.publish(["a"], Envelope(b"at home"))

        assert receiver.received == [("a", b"at home")]
        assert not broker.is_up()
    finally:
        await broker.close()


async def test_a_second_subscriber_waits_for_the_same_confirmation(redis_url: str) -> None:
    """Two devices of one user subscribe at once: neither may return before the confirmation."""
    async with (
        open_broker("redis", redis_url) as publisher,
        open_broker("redis", redis_url) as subscriber,
    ):
        receiver = Receiver(subscriber)
        for number in range(50):
            topic = f"both-{number}"
            first = asyncio.create_task(subscriber.subscribe([topic]))
            await asyncio.sleep(0)
            await subscriber.subscribe([topic])
            publisher.publish([topic], Envelope(b"now"))
            await first

        assert len(await receiver.wait_for(50)) == 50


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[servers.Redis]:
    """Give a Redis that the test may stop."""
    redis = servers.Redis(tmp_path)
    yield redis
    redis.stop()


async def until_up(broker: Broker, *, up: bool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while broker.is_up() is not up:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_a_node_learns_that_its_link_was_broken(
    own_redis: servers.Redis, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(redis_broker, "SILENCE_S", 1.0)
    async with (
        open_broker("redis", own_redis.url) as here,
        open_broker("redis", own_redis.url) as there,
    ):
        receiver, returns, wakes = Receiver(there), list[None](), list[None]()
        there.on_reconnected(lambda: returns.append(None))
        there.on_wake(lambda: wakes.append(None))
        await there.subscribe(["a"])
        own_redis.freeze() if how == "frozen" else own_redis.stop()
        await until_up(here, up=False)
        await until_up(there, up=False)
        own_redis.thaw() if how == "frozen" else own_redis.start()

        await until_up(there, up=True)
        async with asyncio.timeout(PATIENCE_S):
            while ("a", b"live") not in receiver.received:
                here.publish(["a"], Envelope(b"live"))
                await asyncio.sleep(0.05)  # the publishing link has no event of its own
        assert returns
        assert wakes


async def test_a_wake_up_reaches_every_other_node_once_for_many_commits(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    async with (
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        receiver, wakes, own = Receiver(there), list[None](), list[None]()
        here.on_wake(lambda: own.append(None))
        there.on_wake(lambda: wakes.append(None))
        await there.subscribe(["a"])

        for _ in range(100):
            here.wake_other_nodes()
        here.publish(["a"], Envelope(b"after them"))

        await receiver.wait_for(1)
        assert (len(wakes), own) == (1, [])
        here.wake_readers()
        here.publish(["a"], Envelope(b"after it"))
        await receiver.wait_for(2)
        assert (len(wakes), len(own)) == (2, 1)


async def test_a_node_that_is_alone_sends_no_wake_ups_until_another_one_starts(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "ALONE_S", 0.2)
    prefix = f"test:{uuid4().hex}:"
    async with open_broker("redis", redis_url, prefix) as here, asyncio.timeout(PATIENCE_S):
        assert isinstance(here, RedisBroker)
        while here._alone_until == 0.0:
            here.wake_other_nodes()
            await asyncio.sleep(0.01)
        here._alone_until = time.monotonic() + PATIENCE_S
        here.wake_other_nodes()
        assert not here._is_wake_queued
        async with open_broker("redis", redis_url, prefix) as there:
            woken = asyncio.Event()
            there.on_wake(woken.set)
            here._alone_until = 0.0
            while not woken.is_set():
                here.wake_other_nodes()
                await asyncio.sleep(0.01)


async def test_devices_that_subscribe_while_the_link_is_remade_are_not_deaf(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = f"test:{uuid4().hex}:"
    admin: Redis = Redis.from_url(redis_url)
    async with (
        admin,
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        receiver, subscribe = Receiver(there), PubSub.subscribe
        begun, may_go_on = asyncio.Event(), asyncio.Event()

        async def subscribe_slowly(pubsub: PubSub, *channels: str) -> None:
            if not pubsub.channels:
                begun.set()
                await may_go_on.wait()
            await subscribe(pubsub, *channels)

        monkeypatch.setattr(PubSub, "subscribe", subscribe_slowly)
        await admin.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await until_up(there, up=False)
        async with asyncio.timeout(PATIENCE_S):
            await begun.wait()
        await there.subscribe(["late"])
        may_go_on.set()

        async with asyncio.timeout(PATIENCE_S):
            while ("late", b"to it") not in receiver.received:
                here.publish(["late"], Envelope(b"to it"))
                await asyncio.sleep(0.05)  # Redis confirms a subscription in its own time


async def test_a_publishing_link_that_swallows_everything_is_made_anew(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_broker, "PUBLISH_S", 0.3)
    monkeypatch.setattr(redis_broker, "SILENCE_S", 2.0)
    prefix = f"test:{uuid4().hex}:"
    async with (
        HalfOpenProxy.to(urlsplit(redis_url).port) as proxy,
        open_broker("redis", f"redis://127.0.0.1:{proxy.port}/0", prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        receiver = Receiver(there)
        await there.subscribe(["a"])
        here.publish(["a"], Envelope(b"before"))
        await receiver.wait_for(1)

        proxy.swallow()

        async with asyncio.timeout(PATIENCE_S):
            while ("a", b"after") not in receiver.received:
                here.publish(["a"], Envelope(b"after"))
                await asyncio.sleep(0.05)  # the publishing link has no event of its own
