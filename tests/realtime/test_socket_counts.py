"""Socket counts: the ones in memory and in Redis, and the counting over nodes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from chat_app.core.supervisor import Supervisor
from chat_app.realtime.socket_counts import MemorySocketCounts, SocketCounts
from chat_app.redis.socket_counts import RedisSocketCounts

ALICE, BOB = uuid4(), uuid4()
PATIENCE_S = 90
NewNode = Callable[[], Awaitable[RedisSocketCounts]]


@pytest_asyncio.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as redis:
        yield redis


@pytest_asyncio.fixture
async def new_node(redis: Redis) -> AsyncIterator[NewNode]:
    """Give a function that starts another node over the same Redis."""
    prefix = f"test:{uuid4().hex}:"
    async with AsyncExitStack() as stack:

        async def start() -> RedisSocketCounts:
            node = RedisSocketCounts(redis, prefix)
            node.start(Supervisor())
            stack.push_async_callback(node.close)
            return node

        yield start


@pytest_asyncio.fixture(params=["memory", "redis"])
async def sockets(request: pytest.FixtureRequest, new_node: NewNode) -> SocketCounts:
    return MemorySocketCounts() if request.param == "memory" else await new_node()


@pytest_asyncio.fixture
async def open_ones() -> AsyncIterator[AsyncExitStack]:
    """Give a stack that closes the sockets of a test."""
    async with AsyncExitStack() as stack:
        yield stack


async def opened(sockets: SocketCounts, stack: AsyncExitStack, count: int = 1) -> list[int]:
    """Open sockets of Alice, all at once; return their counts."""
    return await asyncio.gather(
        *(stack.enter_async_context(sockets.track(ALICE)) for _ in range(count))
    )


async def until_next_is(number: int, sockets: SocketCounts) -> None:
    """Wait until one more socket of Alice would be the `number`th."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with sockets.track(ALICE) as next_one:
                if next_one == number:
                    return
            await asyncio.sleep(0.05)  # another node may not have published its counts yet


async def test_each_socket_of_a_user_has_a_count_of_its_own(
    sockets: SocketCounts, open_ones: AsyncExitStack
) -> None:
    assert sorted(await opened(sockets, open_ones, 30)) == list(range(1, 31))
    assert await opened(sockets, open_ones) == [31]
    async with sockets.track(BOB) as number:
        assert number == 1
        assert sockets.local_count() == 32


async def test_closed_sockets_do_not_count(sockets: SocketCounts) -> None:
    async with AsyncExitStack() as closed:
        await opened(sockets, closed, 5)

    assert sockets.local_count() == 0
    async with sockets.track(ALICE) as number:
        assert number == 1


async def test_all_nodes_count_together(new_node: NewNode, open_ones: AsyncExitStack) -> None:
    one, other = await new_node(), await new_node()
    async with AsyncExitStack() as closed:
        await opened(one, open_ones, 3)
        await opened(one, closed, 4)
        assert sorted(await opened(other, open_ones, 2)) == [8, 9]

        assert await opened(one, closed) == [10]

    await until_next_is(6, other)
    async with other.track(BOB) as number:
        assert number == 1


async def test_a_limit_holds_for_sockets_opened_at_once_at_several_nodes(new_node: NewNode) -> None:
    nodes, most = [await new_node() for _ in range(3)], 20
    async with AsyncExitStack() as stack:
        numbers = await asyncio.gather(*(opened(node, stack, 15) for node in nodes))

    admitted = [number for some in numbers for number in some if number <= most]
    assert 15 <= len(admitted) <= most


async def test_more_users_than_a_batch_are_counted(new_node: NewNode) -> None:
    one, other, people = await new_node(), await new_node(), [uuid4() for _ in range(450)]
    async with AsyncExitStack() as stack:
        for node, expected in ((one, 1), (other, 2)):
            numbers = await asyncio.gather(
                *(stack.enter_async_context(node.track(person)) for person in people)
            )
            assert numbers == [expected] * len(people)


async def test_a_stopping_node_removes_its_counts(
    new_node: NewNode, open_ones: AsyncExitStack
) -> None:
    stopping, other = await new_node(), await new_node()
    await opened(stopping, open_ones, 20)

    await stopping.close()

    assert await opened(other, open_ones) == [1]
    assert await opened(stopping, open_ones) == [21]


async def test_counts_are_published_again_after_a_flush(
    new_node: NewNode, redis: Redis, open_ones: AsyncExitStack
) -> None:
    one, other = await new_node(), await new_node()
    await opened(one, open_ones, 3)

    for key in await redis.keys("test:*"):
        await redis.delete(key)

    await until_next_is(4, other)


async def test_sockets_closed_while_redis_was_away_are_published_later(new_node: NewNode) -> None:
    one, other = await new_node(), await new_node()
    async with AsyncExitStack() as closed:
        await opened(one, closed, 20)
        # As after an error: Redis is not called for a while.
        one._breaker.open(for_s=0.5)
    assert one.local_count() == 0

    await until_next_is(1, other)


async def test_without_redis_each_node_counts_by_itself(open_ones: AsyncExitStack) -> None:
    node = RedisSocketCounts(Redis.from_url("redis://127.0.0.1:1"), "test:")
    node.start(Supervisor())
    try:
        assert sorted(await opened(node, open_ones, 3)) == [1, 2, 3]
        assert await opened(node, open_ones) == [4]
    finally:
        await node.close()
