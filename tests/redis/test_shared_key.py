"""Shared secret key: a node with another key does not start."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from chat_app.core.errors import CannotStart
from chat_app.core.supervisor import Supervisor
from chat_app.redis.shared_key import SharedKey
from tests.harness.chats import SECRET, Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import open_node

OTHER_SECRET = SECRET[::-1]


@pytest.fixture
def pair() -> str:
    """Return the only pair with a Redis, which several nodes need."""
    return "postgres+redis"


@pytest_asyncio.fixture
async def redis(storage: Storage) -> AsyncIterator[Redis]:
    async with Redis.from_url(storage.redis_url) as redis:
        yield redis


async def test_nodes_with_the_same_key_run_together(storage: Storage) -> None:
    async with open_node(storage) as one, open_node(storage) as other:
        for node in (one, other):
            assert node.shared_key is not None
            await node.shared_key.compare()
            assert not node.shared_key.differs


async def test_a_node_with_another_key_does_not_start_and_names_the_remedy(
    storage: Storage,
) -> None:
    async with open_node(storage):
        with pytest.raises(CannotStart, match="CHAT_SECRET_KEY") as refusal:
            async with open_node(storage, CHAT_SECRET_KEY=OTHER_SECRET):
                pytest.fail("it has started")

    assert "CHAT_REDIS_PREFIX" in str(refusal.value)
    assert OTHER_SECRET not in str(refusal.value)


async def test_another_chat_on_the_same_redis_has_another_prefix(storage: Storage) -> None:
    async with (
        open_node(storage),
        open_node(storage, CHAT_SECRET_KEY=OTHER_SECRET, CHAT_REDIS_PREFIX="other:") as other,
    ):
        assert other.settings.redis_prefix == "other:"


async def test_a_running_node_notices_that_the_others_have_another_key(
    storage: Storage, redis: Redis
) -> None:
    """This happens after a start without Redis, or after a flush."""
    async with open_node(storage) as node:
        key = node.shared_key
        assert key is not None
        await redis.flushall()
        await SharedKey(redis, "chat:", OTHER_SECRET).compare()

        await key.compare()

        assert key.differs


async def test_a_node_starts_without_redis_and_compares_later(storage: Storage) -> None:
    away = replace(storage, redis_url="redis://127.0.0.1:1/0")

    async with open_node(away) as node:
        assert node.shared_key is not None
        assert not node.shared_key.differs


async def test_the_key_may_be_changed_when_no_node_runs(redis: Redis) -> None:
    old = SharedKey(redis, "chat:", SECRET)
    new = SharedKey(redis, "chat:", OTHER_SECRET)
    async with old.comparing(Supervisor()):
        pass
    await redis.pexpire("chat:key", 100)

    async with asyncio.timeout(PATIENCE_S):
        while await redis.exists("chat:key"):
            await asyncio.sleep(0.02)
    await new.compare()

    assert not new.differs


async def test_the_fingerprint_in_redis_does_not_reveal_the_key(
    storage: Storage, redis: Redis
) -> None:
    async with open_node(storage):
        held = await redis.get("chat:key")

    assert held is not None
    assert SECRET.encode() not in held
