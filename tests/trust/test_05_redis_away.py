"""Redis frozen, killed or flushed (trust 5): sends are stored and reach the other node.

Here for seconds only. For half a minute each:
`TRUST_AWAY_S=30 pytest tests/trust/test_05_redis_away.py`.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.harness.clients import Person, Socket, register
from tests.harness.servers import Redis
from tests.harness.two_nodes import Nodes

AWAY_S = float(os.environ.get("TRUST_AWAY_S", "6"))  # longer than an event may take
BETWEEN_S = 0.05
# The contract allows two seconds; twice that because the machine is not ours alone.
DELIVERED_WITHIN_S = 4.0
SESSION_OVER = 4401
TTL_S = 4.0  # of the shared nodes' presence

pytestmark = [
    pytest.mark.parametrize("pair", ["postgres+redis"]),
    pytest.mark.timeout(400 + 2 * AWAY_S),
]
hows = pytest.mark.parametrize("how", ["frozen", "killed", "flushed"])


@contextlib.contextmanager
def away(redis: Redis, how: str) -> Iterator[None]:
    """Freeze, kill or flush Redis inside."""
    if how == "frozen":
        redis.freeze()
    elif how == "killed":
        redis.server.stop(with_signal=signal.SIGKILL)
    else:
        redis.empty()
    try:
        yield
    finally:
        if how == "frozen":
            redis.thaw()
        elif how == "killed":
            redis.start()


def redis_of(nodes: Nodes) -> Redis:
    assert nodes.redis is not None
    return nodes.redis


async def write_for_a_while(sender: Person, receiver: Person, sent: dict[str, float]) -> None:
    """Write all the time and note when each was answered; every answer must be good."""
    end = time.monotonic() + AWAY_S
    while time.monotonic() < end:
        message = await sender.write(receiver, f"number {len(sent)}")
        sent[message["id"]] = time.monotonic()
        await asyncio.sleep(BETWEEN_S)


async def listen(socket: Socket, received: dict[str, float]) -> None:
    """Record the time at which each message is first received."""
    while True:
        event = await socket.expect("message.created")
        received.setdefault(event["message"]["id"], time.monotonic())


@hows
async def test_sends_without_redis_are_stored_and_reach_the_other_node(
    nodes: Nodes, how: str
) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    sent: dict[str, float] = {}
    received: dict[str, float] = {}
    async with replace(bob, url=nodes.far.url).socket() as receiver:
        listening = asyncio.create_task(listen(receiver, received))
        with away(redis_of(nodes), how):
            await write_for_a_while(alice, bob, sent)
        await write_for_a_while(alice, bob, sent)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DELIVERED_WITHIN_S):
                while sent.keys() - received.keys():
                    await asyncio.sleep(0.05)
        listening.cancel()

    assert not sent.keys() - received.keys()
    assert max(received[one] - at for one, at in sent.items()) < DELIVERED_WITHIN_S


@hows
async def test_other_events_are_delivered_once_redis_is_back(nodes: Nodes, how: str) -> None:
    alice, bob, carol = [await register(nodes.near.url) for _ in range(3)]
    message = await alice.write(bob, "before")
    read = f"/api/conversations/{message['conversation_id']}/read"
    async with (
        replace(alice, url=nodes.far.url).socket() as socket,
        replace(carol, url=nodes.far.url).socket() as ending,
    ):
        with away(redis_of(nodes), how):
            assert (await bob.http.post(read, json={"seq": 1})).status_code == 204
            await carol.request_friendship(alice)
            # That comes from the database, with or without Redis.
            assert (await carol.http.post("/api/auth/logout")).status_code == 204
            assert await ending.close_code() == SESSION_OVER

        await socket.expect("friend.requested")
        events = [*socket.passed, *await socket.settled()]
    assert [event for event in events if event["type"] == "conversation.read"]


@hows
async def test_redis_is_used_again_by_itself(nodes: Nodes, how: str) -> None:
    with away(redis_of(nodes), how):
        await asyncio.sleep(1)
    alice = await register(nodes.near.url)

    async with asyncio.timeout(30):
        while (await alice.http.get("/api/health/ready")).json()["redis"] != "ok":
            await asyncio.sleep(0.1)


@hows
async def test_new_sockets_open_without_redis(nodes: Nodes, how: str) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    with away(redis_of(nodes), how):
        async with alice.socket() as socket, bob.socket() as receiver:
            frame = {"type": "message", "id": "now", "content": "hello", "receiver_id": bob.id}
            await socket.send(frame)
            await socket.expect("ack", id="now")
            await receiver.expect("message.created")


@hows
async def test_a_user_who_leaves_after_redis_is_back_goes_offline(nodes: Nodes, how: str) -> None:
    alice, bob, carol = [await register(nodes.near.url) for _ in range(3)]
    await bob.write(alice, "so that we share a conversation")
    await carol.write(alice, "we too")

    async with replace(carol, url=nodes.far.url).socket():
        async with replace(bob, url=nodes.far.url).socket():
            await shown(alice, bob, online=True)
            with away(redis_of(nodes), how):
                await asyncio.sleep(TTL_S / 2)
        # Bob has left, Carol is still there.
        await shown(alice, bob, online=False)
        await shown(alice, carol, online=True)


@hows
async def test_a_user_who_leaves_without_redis_goes_offline(nodes: Nodes, how: str) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    await bob.write(alice, "so that we share a conversation")
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(replace(bob, url=nodes.far.url).socket())
        await shown(alice, bob, online=True)
        with away(redis_of(nodes), how):
            await stack.aclose()
            await asyncio.sleep(TTL_S / 2)
        await shown(alice, bob, online=False)


async def shown(viewer: Person, other: Person, *, online: bool) -> None:
    """Wait until the viewer sees the other so."""
    async with asyncio.timeout(6 * TTL_S):
        while True:
            card = (await viewer.http.get(f"/api/users/{other.id}")).json()
            if card["online"] is online:
                return
            await asyncio.sleep(0.1)
