"""Presence register: the one in memory and the one in Redis, and its counting over nodes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from chat_app.realtime.online import MemoryOnline, Online, Times
from chat_app.redis import online as redis_online
from chat_app.redis.circuit_breaker import BREAKER_S
from chat_app.redis.online import RedisOnline
from tests.harness.clients import PATIENCE_S

ALICE, BOB, CAROL = uuid4(), uuid4(), uuid4()
# Entries are valid for 2 s; after 0.5 s of silence the register is unsettled for 0.75 s.
TIMES = Times(2)
NewNode = Callable[[], RedisOnline]


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """Give a private Redis."""
    async with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture
def new_node(redis: Redis) -> NewNode:
    """Give a function that makes another node over the same register."""
    prefix = f"test:{uuid4().hex}:"
    return lambda: RedisOnline(redis, prefix, TIMES)


@pytest.fixture(params=["memory", "redis"])
def online(request: pytest.FixtureRequest, new_node: NewNode) -> Online:
    """Give a register that is used by one node."""
    return MemoryOnline() if request.param == "memory" else new_node()


async def settled(*nodes: Online) -> None:
    """Let the nodes refresh until the register is settled."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + TIMES.settling_s * 1.2
    while loop.time() < ends:
        for node in nodes:
            await node.refresh()
        await asyncio.sleep(TIMES.sweep_s)  # time itself is the condition


async def swept(*nodes: Online) -> dict[object, list[datetime]]:
    """Sweep by all nodes at once until users are returned; return each with all returned times."""
    gone: dict[object, list[datetime]] = {}
    async with asyncio.timeout(PATIENCE_S):
        while not gone:
            for found in await asyncio.gather(*(node.sweep() for node in nodes)):
                for user_id, at in found.items():
                    gone.setdefault(user_id, []).append(at)
            await asyncio.sleep(TIMES.sweep_s)  # time itself is the condition
    return gone


async def test_a_user_is_online_from_connect_to_disconnect(online: Online) -> None:
    await settled(online)

    assert await online.connect([ALICE, BOB]) == {ALICE, BOB}
    assert (
        await online.filter_connected([ALICE, BOB, CAROL]) == online.local_users() == {ALICE, BOB}
    )
    assert await online.disconnect([ALICE]) == {ALICE}
    assert await online.filter_connected([ALICE, BOB, CAROL]) == online.local_users() == {BOB}


async def test_a_second_connect_or_disconnect_returns_nobody(online: Online) -> None:
    await settled(online)
    await online.connect([ALICE])

    assert await online.connect([ALICE]) == set()
    assert await online.disconnect([ALICE]) == {ALICE}
    assert await online.disconnect([ALICE]) == set()


async def test_an_empty_query_returns_nobody(online: Online) -> None:
    assert await online.filter_connected([]) == set()


async def test_users_of_a_stopping_node_count_as_connected_for_a_while(new_node: NewNode) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)
    await one.connect([ALICE, BOB])

    await one.close(lingering_s=0.3)
    assert await other.filter_connected([ALICE, BOB]) == {ALICE, BOB}
    assert await other.connect([BOB]) == set()

    assert set(await swept(one, other)) == {ALICE}
    assert await other.filter_connected([ALICE, BOB]) == {BOB}


async def test_only_the_first_and_the_last_node_of_a_user_return_them(new_node: NewNode) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)

    assert await one.connect([ALICE]) == {ALICE}
    assert await other.connect([ALICE]) == set()
    assert await one.disconnect([ALICE]) == set()
    assert await one.filter_connected([ALICE]) == {ALICE}
    assert await other.disconnect([ALICE]) == {ALICE}
    assert await one.filter_connected([ALICE]) == set()


async def test_more_users_than_a_batch_are_counted(new_node: NewNode) -> None:
    node, people = new_node(), [uuid4() for _ in range(3 * redis_online.BATCH_SIZE + 1)]
    await settled(node)

    assert await node.connect(people) == set(people)
    assert await node.filter_connected(people) == set(people)
    assert await node.disconnect(people) == set(people)
    assert await node.filter_connected(people) == set()


async def test_users_of_a_dead_node_expire_and_one_sweep_returns_them(new_node: NewNode) -> None:
    dead, one, other = new_node(), new_node(), new_node()
    await settled(dead, one, other)
    await dead.connect([ALICE, BOB])
    await one.connect([BOB])
    died_at = datetime.now(UTC)

    async def live() -> None:
        while True:
            await asyncio.gather(one.refresh(), other.refresh())
            await asyncio.sleep(TIMES.refresh_s / 2)

    async with asyncio.timeout(PATIENCE_S):
        living = asyncio.create_task(live())
        gone = await swept(one, other, one, other)
        living.cancel()

    (last_seen_at,) = gone[ALICE]
    assert set(gone) == {ALICE}
    assert abs(last_seen_at - died_at) < timedelta(seconds=TIMES.ttl_s / 2)
    assert datetime.now(UTC) - died_at < timedelta(seconds=3 * TIMES.ttl_s)
    assert await other.filter_connected([ALICE, BOB]) == {BOB}


async def test_an_unconfirmed_user_is_returned_by_the_next_sweep(new_node: NewNode) -> None:
    dead, unlucky, other = new_node(), new_node(), new_node()
    await settled(unlucky, other)
    await dead.connect([ALICE])
    while await other.filter_connected([ALICE]):
        await settled(unlucky, other)

    # The reply of the sweep is lost: it is not confirmed.
    assert list(await swept(unlucky)) == [ALICE]
    assert list(await swept(other)) == [ALICE]
    await other.confirm([ALICE])
    await settled(unlucky, other)

    assert await unlucky.sweep() == {}


async def test_a_user_who_reconnects_before_the_next_sweep_is_not_returned(
    new_node: NewNode,
) -> None:
    dead, unlucky, other = new_node(), new_node(), new_node()
    await settled(unlucky, other)
    await dead.connect([ALICE])
    while await other.filter_connected([ALICE]):
        await settled(unlucky, other)
    assert list(await swept(unlucky)) == [ALICE]

    await other.connect([ALICE])
    await settled(unlucky, other)

    assert await other.sweep() == {}


async def test_an_expired_user_is_offline_before_a_sweep(new_node: NewNode) -> None:
    dead, other = new_node(), new_node()
    await dead.connect([ALICE])

    async with asyncio.timeout(PATIENCE_S):
        while await other.filter_connected([ALICE]):
            await asyncio.sleep(TIMES.sweep_s)  # time itself is the condition


async def test_a_node_that_slept_connects_its_users_again(new_node: NewNode) -> None:
    sleeper, other = new_node(), new_node()
    await settled(sleeper, other)
    await sleeper.connect([ALICE])
    assert set(await swept(other)) == {ALICE}

    assert (await sleeper.refresh()).connected == {ALICE}
    assert (await sleeper.refresh()).connected == set()
    assert await other.filter_connected([ALICE]) == {ALICE}


async def test_after_a_flush_all_users_are_back_and_none_was_returned(
    new_node: NewNode, redis: Redis
) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)
    await one.connect([ALICE, BOB])
    await other.connect([ALICE])

    for key in await redis.keys("test:*"):
        await redis.delete(key)
    # Redis has no entry of Alice's other node: she must not be returned as gone.
    assert await one.disconnect([ALICE]) == set()
    changes = [await one.refresh(), await other.refresh()]

    assert [change.connected | change.disconnected for change in changes] == [set(), set()]
    assert await one.filter_connected([ALICE, BOB]) == {ALICE, BOB}
    assert await other.sweep() == {}


async def test_a_disconnect_after_a_flush_is_returned_once_all_have_refreshed(
    new_node: NewNode, redis: Redis
) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)
    await one.connect([ALICE])
    for key in await redis.keys("test:*"):
        await redis.delete(key)

    assert await one.disconnect([ALICE]) == set()

    assert set(await swept(one, other)) == {ALICE}


async def test_without_redis_each_node_counts_by_itself() -> None:
    node = RedisOnline(Redis.from_url("redis://127.0.0.1:1"), "test:", TIMES)

    assert await node.connect([ALICE, BOB]) == {ALICE, BOB}
    assert await node.disconnect([BOB]) == {BOB}
    assert await node.filter_connected([ALICE, BOB]) == {ALICE}
    assert await node.sweep() == {}


async def test_a_redis_that_hangs_is_called_once_while_the_breaker_is_open() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read()  # to its end, without a reply
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        redis = Redis.from_url(f"redis://127.0.0.1:{port}", socket_timeout=0.2, retry=None)
        node = RedisOnline(redis, "test:", TIMES)
        started = asyncio.get_running_loop().time()
        for _ in range(50):
            await node.filter_connected([CAROL])
        took = asyncio.get_running_loop().time() - started
        await redis.aclose()

    # On a slow machine the breaker may have closed, and been opened again.
    assert 1 <= len(connections) <= 1 + took / BREAKER_S


async def test_changes_without_redis_are_returned_when_it_is_back(new_node: NewNode) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)
    await one.connect([ALICE, BOB])
    await other.connect([BOB])

    one._breaker.open()  # as after an error: Redis is not called for a while
    assert await one.connect([CAROL]) == {CAROL}
    assert await one.disconnect([ALICE, BOB]) == {ALICE, BOB}
    assert await other.filter_connected([ALICE, BOB, CAROL]) == {ALICE, BOB}
    one._breaker.open(for_s=0)
    changes = await one.refresh()

    assert changes.connected == {BOB, CAROL}
    # On a busy machine so much time has passed that only a sweep returns her.
    assert changes.disconnected == {ALICE} or set(await swept(one, other)) == {ALICE}
    assert await other.filter_connected([ALICE, BOB, CAROL]) == {BOB, CAROL}
