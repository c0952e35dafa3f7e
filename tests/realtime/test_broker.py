"""The two brokers mean the same; one suite for both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from chat_app.realtime.broker import Broker, MemoryBroker
from chat_app.realtime.events import Envelope
from chat_app.realtime.redis_broker import RedisBroker

KINDS = ["memory", "redis"]
PATIENCE_S = 10


@asynccontextmanager
async def open_broker(kind: str, redis_url: str, prefix: str = "test:") -> AsyncIterator[Broker]:
    if kind == "memory":
        yield MemoryBroker()
        return
    broker = RedisBroker(Redis.from_url(redis_url), prefix)
    broker.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not broker.is_up():  # it has no event of its own
                await asyncio.sleep(0)
        yield broker
    finally:
        await broker.close()


class Ear:
    """Hears what a broker delivers, and can wait for it."""

    def __init__(self, broker: Broker) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._more = asyncio.Event()
        broker.on_delivery(self._hear)

    def _hear(self, topic: str, envelope: Envelope) -> None:
        self.heard.append((topic, envelope.body))
        self._more.set()

    async def wait_for(self, count: int) -> list[tuple[str, bytes]]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.heard) < count:
                self._more.clear()
                await self._more.wait()
        return self.heard


@pytest.mark.parametrize("kind", KINDS)
async def test_a_publisher_hears_itself_at_once_and_once(kind: str, redis_url: str) -> None:
    async with open_broker(kind, redis_url) as broker:
        ear = Ear(broker)
        await broker.subscribe(["a", "b"])

        broker.publish(["a"], Envelope(b"one"))
        broker.publish(["a", "b"], Envelope(b"two"))

        assert ear.heard == [("a", b"one"), ("a", b"two"), ("b", b"two")]


async def test_other_processes_hear_in_order_and_only_what_they_subscribed(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    async with (
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        ear = Ear(there)
        await there.subscribe(["a"])

        for number in range(500):
            here.publish(["b", "a"], Envelope(str(number).encode()))

        assert await ear.wait_for(500) == [("a", str(n).encode()) for n in range(500)]


async def test_what_is_given_up_is_heard_no_more(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    async with (
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        ear = Ear(there)
        await there.subscribe(["a", "b"])
        await there.unsubscribe(["a"])
        await there.subscribe(["c"])

        here.publish(["a"], Envelope(b"lost"))
        here.publish(["b"], Envelope(b"heard"))

        assert await ear.wait_for(1) == [("b", b"heard")]


async def test_a_broken_link_mends_itself_and_keeps_its_subscriptions(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    admin: Redis = Redis.from_url(redis_url)
    async with (
        admin,
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        ear = Ear(there)
        await there.subscribe(["a"])

        await admin.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        async with asyncio.timeout(PATIENCE_S):
            while not ear.heard:
                here.publish(["a"], Envelope(b"again"))
                await asyncio.sleep(0.05)  # the link mends when it can; ask until it has

        assert ear.heard[0] == ("a", b"again")


async def test_another_programs_words_on_our_channel_are_ignored(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}:"
    async with (
        Redis.from_url(redis_url) as stranger,
        open_broker("redis", redis_url, prefix) as here,
        open_broker("redis", redis_url, prefix) as there,
    ):
        ear = Ear(there)
        await there.subscribe(["a"])

        await stranger.publish(f"{prefix}a", b"\xff not ours")
        here.publish(["a"], Envelope(b"ours"))

        assert await ear.wait_for(1) == [("a", b"ours")]


async def test_publishing_never_waits_for_a_redis_that_is_away() -> None:
    broker = RedisBroker(Redis.from_url("redis://127.0.0.1:1"), "test:")
    broker.start()
    try:
        ear = Ear(broker)
        await broker.subscribe(["a"])

        broker.publish(["a"], Envelope(b"at home"))

        assert ear.heard == [("a", b"at home")]
        assert not broker.is_up()
    finally:
        await broker.close()


async def test_whoever_asks_second_waits_for_the_same_confirmation(redis_url: str) -> None:
    """Two devices of one user at once: neither may believe that it is heard already."""
    async with (
        open_broker("redis", redis_url) as speaker,
        open_broker("redis", redis_url) as listener,
    ):
        ear = Ear(listener)
        for number in range(50):
            topic = f"both-{number}"
            first = asyncio.create_task(listener.subscribe([topic]))
            await asyncio.sleep(0)
            await listener.subscribe([topic])
            speaker.publish([topic], Envelope(b"now"))
            await first

        assert len(await ear.wait_for(50)) == 50
