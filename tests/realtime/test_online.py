"""The register of who is connected: the twins mean the same, and Redis counts over the nodes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from chat_app.realtime.online import MemoryOnline, Online, Times
from chat_app.redis import online as redis_online
from chat_app.redis.online import RedisOnline
from tests.harness.clients import PATIENCE_S

ALICE, BOB, CAROL = uuid4(), uuid4(), uuid4()
# Believed for two seconds; after half a second of silence unsettled for three quarters of one.
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
    """Let the nodes refresh until absence means something."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + TIMES.settling_s * 1.2
    while loop.time() < ends:
        for node in nodes:
            await node.refresh()
        await asyncio.sleep(TIMES.sweep_s)  # time itself is the condition


async def swept(*nodes: Online) -> dict[object, list[datetime]]:
    """Have all sweep at the same time until somebody is gone; return who, as often as told."""
    gone: dict[object, list[datetime]] = {}
    async with asyncio.timeout(PATIENCE_S):
        while not gone:
            for found in await asyncio.gather(*(node.sweep() for node in nodes)):
                for user_id, at in found.items():
                    gone.setdefault(user_id, []).append(at)
            await asyncio.sleep(TIMES.sweep_s)  # time itself is the condition
    return gone


async def test_who_connects_is_online_until_they_disconnect(online: Online) -> None:
    await settled(online)

    assert await online.connect([ALICE, BOB]) == {ALICE, BOB}
    assert await online.among([ALICE, BOB, CAROL]) == online.here() == {ALICE, BOB}
    assert await online.disconnect([ALICE]) == {ALICE}
    assert await online.among([ALICE, BOB, CAROL]) == online.here() == {BOB}


async def test_saying_it_twice_is_no_news(online: Online) -> None:
    await settled(online)
    await online.connect([ALICE])

    assert await online.connect([ALICE]) == set()
    assert await online.disconnect([ALICE]) == {ALICE}
    assert await online.disconnect([ALICE]) == set()


async def test_nobody_is_asked_after(online: Online) -> None:
    assert await online.among([]) == set()


async def test_a_stopping_node_lets_its_people_linger(new_node: NewNode) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)
    await one.connect([ALICE, BOB])

    await one.close(lingering_s=0.3)
    assert await other.among([ALICE, BOB]) == {ALICE, BOB}
    assert await other.connect([BOB]) == set()

    assert set(await swept(one, other)) == {ALICE}
    assert await other.among([ALICE, BOB]) == {BOB}


async def test_only_the_first_and_the_last_of_all_nodes_is_news(new_node: NewNode) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)

    assert await one.connect([ALICE]) == {ALICE}
    assert await other.connect([ALICE]) == set()
    assert await one.disconnect([ALICE]) == set()
    assert await one.among([ALICE]) == {ALICE}
    assert await other.disconnect([ALICE]) == {ALICE}
    assert await one.among([ALICE]) == set()


async def test_many_at_once_are_counted_like_few(new_node: NewNode) -> None:
    node, people = new_node(), [uuid4() for _ in range(3 * redis_online.BATCH_SIZE + 1)]
    await settled(node)

    assert await node.connect(people) == set(people)
    assert await node.among(people) == set(people)
    assert await node.disconnect(people) == set(people)
    assert await node.among(people) == set()


async def test_those_of_a_dead_node_expire_and_one_sweeper_is_told(new_node: NewNode) -> None:
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

    (told,) = gone[ALICE]
    assert set(gone) == {ALICE}
    assert abs(told - died_at) < timedelta(seconds=TIMES.ttl_s / 2)
    assert datetime.now(UTC) - died_at < timedelta(seconds=3 * TIMES.ttl_s)
    assert await other.among([ALICE, BOB]) == {BOB}


async def test_whom_a_sweeper_lost_the_next_one_tells(new_node: NewNode) -> None:
    dead, unlucky, other = new_node(), new_node(), new_node()
    await settled(unlucky, other)
    await dead.connect([ALICE])
    while await other.among([ALICE]):
        await settled(unlucky, other)

    # Its answer is lost on the way: nobody confirms.
    assert list(await swept(unlucky)) == [ALICE]
    assert list(await swept(other)) == [ALICE]
    await other.confirm([ALICE])
    await settled(unlucky, other)

    assert await unlucky.sweep() == {}


async def test_who_came_back_before_the_next_sweep_has_not_gone(new_node: NewNode) -> None:
    dead, unlucky, other = new_node(), new_node(), new_node()
    await settled(unlucky, other)
    await dead.connect([ALICE])
    while await other.among([ALICE]):
        await settled(unlucky, other)
    assert list(await swept(unlucky)) == [ALICE]

    await other.connect([ALICE])
    await settled(unlucky, other)

    assert await other.sweep() == {}


async def test_who_has_expired_is_not_online_even_before_a_sweep(new_node: NewNode) -> None:
    dead, other = new_node(), new_node()
    await dead.connect([ALICE])

    async with asyncio.timeout(PATIENCE_S):
        while await other.among([ALICE]):
            await asyncio.sleep(TIMES.sweep_s)  # time itself is the condition


async def test_a_node_that_slept_tells_of_its_people_again(new_node: NewNode) -> None:
    sleeper, other = new_node(), new_node()
    await settled(sleeper, other)
    await sleeper.connect([ALICE])
    assert set(await swept(other)) == {ALICE}

    assert (await sleeper.refresh()).connected == {ALICE}
    assert (await sleeper.refresh()).connected == set()
    assert await other.among([ALICE]) == {ALICE}


async def test_after_a_flush_everybody_is_back_and_nobody_was_told(
    new_node: NewNode, redis: Redis
) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)
    await one.connect([ALICE, BOB])
    await other.connect([ALICE])

    for key in await redis.keys("test:*"):
        await redis.delete(key)
    # Redis cannot know that Alice is at the other node too: nobody may be told that she is gone.
    assert await one.disconnect([ALICE]) == set()
    changes = [await one.refresh(), await other.refresh()]

    assert [change.connected | change.disconnected for change in changes] == [set(), set()]
    assert await one.among([ALICE, BOB]) == {ALICE, BOB}
    assert await other.sweep() == {}


async def test_who_leaves_after_a_flush_is_told_once_all_have_refreshed(
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
    assert await node.among([ALICE, BOB]) == {ALICE}
    assert await node.sweep() == {}


async def test_nobody_waits_for_a_redis_that_hangs_again_and_again() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to its end, without a word
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        redis = Redis.from_url(f"redis://127.0.0.1:{port}", socket_timeout=0.2, retry=None)
        node = RedisOnline(redis, "test:", TIMES)
        started = asyncio.get_running_loop().time()
        for _ in range(50):
            await node.among([CAROL])
        took = asyncio.get_running_loop().time() - started
        await redis.aclose()

    assert took < 1


async def test_what_happened_without_redis_is_told_when_it_is_back(new_node: NewNode) -> None:
    one, other = new_node(), new_node()
    await settled(one, other)
    await one.connect([ALICE, BOB])
    await other.connect([BOB])

    one._breaker.open()  # as after an error: Redis is not called for a while
    assert await one.connect([CAROL]) == {CAROL}
    assert await one.disconnect([ALICE, BOB]) == {ALICE, BOB}
    assert await other.among([ALICE, BOB, CAROL]) == {ALICE, BOB}
    one._breaker.open(for_s=0)
    changes = await one.refresh()

    assert changes.connected == {BOB, CAROL}
    # On a busy machine so much time has passed that only a sweep can tell.
    assert changes.disconnected == {ALICE} or set(await swept(one, other)) == {ALICE}
    assert await other.among([ALICE, BOB, CAROL]) == {BOB, CAROL}
