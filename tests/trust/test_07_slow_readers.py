"""Trust 7: twenty who read a byte a second, in a busy room of a thousand, and nobody else notices.

Here fifty of the thousand are connected beside them. `TRUST_READERS=979` connects all of them. That
takes minutes, and does not pass yet: delays and memory hold, but a slow reader's link ends earlier.
"""

import asyncio
import contextlib
import json
import os
import time
from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from statistics import quantiles
from uuid import UUID

import psutil
import pytest

from tests.harness.chats import Storage, start
from tests.harness.clients import Json, Person, Socket, pull_cable, register
from tests.harness.nodes import new_users, open_node
from tests.harness.servers import ChatServer

MEMBERS = 1_000
BATCH_SIZE = 20
READERS = int(os.environ.get("TRUST_READERS", "50"))
SLOW = 20
# More than an outlet holds, and than the kernel holds for it.
TEXT = "x" * 7_000
MESSAGES = 380
# However many hear it, the machine is not to be busy with that alone.
INTERVAL_S = max(0.015, READERS * 0.0003)
# Nobody is to be closed for anything but being slow.
HEARTBEAT_S = 600
TOO_SLOW = 4410
# Twice as slow is what the slow ones may cost on a machine that is not ours alone.
FACTOR = 2.0
NOISE_S = 0.25
MOST_MB = 96


async def registered(url: str, count: int) -> list[Person]:
    """Register people, not more at once than a chat hashes passwords for."""
    people: list[Person] = []
    while len(people) < count:
        some = min(BATCH_SIZE, count - len(people))
        people += await asyncio.gather(*(register(url) for _ in range(some)))
    return people


async def listen(socket: Socket, latencies: list[float], last: int) -> None:
    """Note how long each message was under way, until the last of them has come."""
    async for text in socket.connection:
        now = time.time()
        event = json.loads(text)
        if event["type"] == "message.created":
            number, sent_at, _ = event["message"]["content"].split(" ", 2)
            latencies.append(now - float(sent_at))
            if int(number) == last:
                return


async def talk(socket: Socket, conversation_id: str, numbers: range) -> None:
    """Write at a steady rate; the time that counts is when each was due."""
    due = time.time()
    for number in numbers:
        due += INTERVAL_S
        await asyncio.sleep(max(0, due - time.time()))
        await socket.send(
            {
                "type": "message",
                "id": f"n-{number}",
                "conversation_id": conversation_id,
                "content": f"{number} {due} {TEXT}",
            }
        )


async def spoken(
    sender: Socket, readers: list[Socket], conversation_id: str, numbers: range
) -> list[float]:
    """Have all that said and heard; return how long each took to each reader."""
    latencies: list[float] = []
    async with asyncio.timeout(60 + 2 * len(numbers) * INTERVAL_S):
        await asyncio.gather(
            talk(sender, conversation_id, numbers),
            *(listen(socket, latencies, numbers[-1]) for socket in readers),
        )
    assert len(latencies) == len(readers) * len(numbers), "the others get every message once"
    return latencies


def p99(latencies: list[float]) -> float:
    return quantiles(latencies, n=100)[98]


def memory_mb(chat: ChatServer) -> float:
    return float(psutil.Process(chat.server.process.pid).memory_info().rss) / 2**20


async def drip(socket: Socket) -> None:
    """Read a byte a second."""
    connection = socket.connection
    link: TransportSocket = connection.transport.get_extra_info("socket")
    while True:
        with contextlib.suppress(BlockingIOError):
            connection.data_received(os.read(link.fileno(), 1))
        await asyncio.sleep(1)


async def replayed(person: Person, cursors: Json) -> list[Json]:
    async with person.socket() as socket:
        await socket.send({"type": "resume", "cursors": cursors})
        await socket.expect("resumed")
    return [event["message"] for event in socket.passed if event["type"] == "message.created"]


@pytest.fixture
def room_chat(storage: Storage) -> Iterator[ChatServer]:
    """Give a chat of the test's own."""
    chat = start(storage, TEST_HEARTBEAT_S=str(HEARTBEAT_S))
    yield chat
    chat.stop()


@pytest.mark.timeout(240 + READERS)
async def test_slow_readers_hurt_nobody_and_are_made_whole(
    room_chat: ChatServer, storage: Storage
) -> None:
    sender, *people = await registered(room_chat.url, 1 + READERS + SLOW)
    slow_people = people[:SLOW]
    async with open_node(storage) as node:
        members = [UUID(one.id) for one in people]
        if more := MEMBERS - len(members) - 1:
            members += await new_users(node, more)
        room = await node.conversations.create_group(
            actor_id=UUID(sender.id), title="Room", member_ids=members
        )
    conversation_id, half = str(room), MESSAGES // 4

    async with AsyncExitStack() as stack:
        voice = await stack.enter_async_context(sender.socket())
        readers = [await stack.enter_async_context(one.socket()) for one in people[SLOW:]]
        alone = await spoken(voice, readers, conversation_id, range(half))

        slow = [await stack.enter_async_context(one.socket()) for one in slow_people]
        for socket in slow:
            pull_cable(socket.connection)
        dripping = [asyncio.create_task(drip(socket)) for socket in slow]
        before_mb = memory_mb(room_chat)
        together = await spoken(voice, readers, conversation_id, range(half, half + MESSAGES))
        grown_mb = memory_mb(room_chat) - before_mb

        assert p99(together) <= FACTOR * p99(alone) + NOISE_S, (p99(alone), p99(together))
        assert grown_mb < MOST_MB
        for task in dripping:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError)
            for end in await asyncio.gather(*dripping, return_exceptions=True)
        )
        for socket in slow:
            socket.connection.transport.resume_reading()
        codes = await asyncio.gather(*(socket.close_code() for socket in slow))
        assert codes == [TOO_SLOW] * SLOW

        for person, socket in zip(slow_people, slow, strict=True):
            seen = [one["message"] for one in socket.passed if one["type"] == "message.created"]
            assert [message["rev"] for message in seen] == [
                half + 1 + index for index in range(len(seen))
            ], "what they got before is whole up to a point"
            cursor = seen[-1]["rev"] if seen else half
            rest = await replayed(person, {conversation_id: cursor})
            assert [message["rev"] for message in rest] == list(
                range(cursor + 1, half + MESSAGES + 1)
            )
