"""Links to Redis that swallow everything or stall (trust 14): nobody is deaf afterwards."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.harness.chats import Farm, Storage, launch
from tests.harness.clients import Person, Socket, register, register_many
from tests.harness.half_open import HalfOpenProxy
from tests.harness.two_nodes import Nodes

DELIVERED_WITHIN_S = 4.0
# Redis takes nothing for 2 s, or is silent for 5 s: then the link is made anew.
REMADE_WITHIN_S = 15.0
STALLED_S = 6.0
DEVICES = 12

pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture
async def proxied(farm: Farm, tmp_path: Path) -> AsyncIterator[tuple[Nodes, HalfOpenProxy]]:
    """Yield two nodes, of which the near one reaches Redis through a proxy."""
    redis = farm.new_redis()
    async with HalfOpenProxy.to(redis.port) as proxy:
        database_url = farm.postgres.new_chat_database()
        through = f"redis://127.0.0.1:{proxy.port}/0"
        for name in ("near", "far"):
            (tmp_path / name).mkdir()
        near = launch(Storage("", database_url, through, tmp_path / "near"))
        far = launch(Storage("", database_url, redis.url, tmp_path / "far"))
        nodes = Nodes(near, far, redis)
        try:
            # The proxy runs in our loop.
            for node in nodes.all:
                await asyncio.to_thread(node.wait_until_ready)
            yield nodes, proxy
        finally:
            await asyncio.to_thread(nodes.stop)


async def receives(socket: Socket, content: str, *, seconds: float) -> None:
    while True:
        event = await socket.expect("message.created", seconds=seconds)
        if event["message"]["content"] == content:
            return


async def typing_is_back(sender: Socket, receiver: Socket, conversation_id: str) -> None:
    """Wait until what only passes through Redis arrives again."""
    async with asyncio.timeout(REMADE_WITHIN_S):
        while True:
            await sender.send({"type": "typing", "conversation_id": conversation_id})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await receiver.expect("typing")
                return


async def test_messages_arrive_while_the_links_are_half_open_and_typing_afterwards(
    proxied: tuple[Nodes, HalfOpenProxy],
) -> None:
    nodes, proxy = proxied
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    first = await alice.write(bob, "before")
    async with alice.socket() as sender, bob.at(nodes.far.url).socket() as receiver:
        proxy.swallow()
        for number in range(20):
            content = f"number {number}"
            await alice.write(bob, content)
            await receives(receiver, content, seconds=DELIVERED_WITHIN_S)
        await typing_is_back(sender, receiver, first["conversation_id"])


async def connected(person: Person, stack: contextlib.AsyncExitStack) -> Socket:
    return await stack.enter_async_context(person.socket())


async def test_devices_that_connect_while_redis_stalls_and_returns_are_not_deaf(
    proxied: tuple[Nodes, HalfOpenProxy],
) -> None:
    nodes, proxy = proxied
    assert nodes.redis is not None
    alice = await register(nodes.far.url)
    people = await register_many(nodes.far.url, DEVICES)
    for person in people:
        await alice.write(person, "before")
    async with contextlib.AsyncExitStack() as stack:
        sockets = []
        for number, person in enumerate(people):
            if number == DEVICES // 3:
                nodes.redis.freeze()
            if number == 2 * DEVICES // 3:
                await asyncio.sleep(STALLED_S)
                nodes.redis.thaw()
                proxy.swallow()
            sockets.append(await connected(person.at(nodes.near.url), stack))
        for person in people:
            await alice.write(person, "after")
        for socket in sockets:
            await receives(socket, "after", seconds=DELIVERED_WITHIN_S)
