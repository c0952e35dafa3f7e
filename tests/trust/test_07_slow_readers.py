"""Slow readers (trust 7): twenty who read a byte a second, in a busy room of a thousand.

Here twenty of the thousand are connected beside them. All of them, which takes minutes:
`TRUST_READERS=979 pytest tests/trust/test_07_slow_readers.py`.
"""

import asyncio
import contextlib
import os
import time
from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from statistics import median, quantiles
from uuid import UUID

import psutil
import pytest

from tests.harness.chats import Storage, start
from tests.harness.clients import Json, Person, Socket, mend_cable, pull_cable, register_many
from tests.harness.groups import add_group
from tests.harness.nodes import new_users, open_node
from tests.harness.servers import ChatServer

MEMBERS = 1_000
READERS = int(os.environ.get("TRUST_READERS", "20"))
SLOW = 20
# More than an outlet holds, and than the kernel holds for it.
TEXT = "x" * 7_000
MESSAGES = 380
ROUND = 38
# Limits high enough that a socket is closed only for being slow.
HEARTBEAT_S = 600
TOO_SLOW = 4410
# The greatest allowed slowdown of the other readers.
FACTOR = 2.0
NOISE_S = 0.25
MOST_MB = 96


async def received(socket: Socket, number: int, sent_at: float) -> float:
    """Wait for the message of that number, which is the next one; return how long it took."""
    event = await socket.expect("message.created")
    assert event["message"]["content"].startswith(f"{number} "), "each message once, in order"
    return time.monotonic() - sent_at


async def exchange(
    sender: Socket, readers: list[Socket], conversation_id: str, numbers: range
) -> float:
    """Send messages, each once every reader has the one before; return the p99 of a delivery.

    Nothing piles up where the machine is slower than the chat, so that only the chat counts.
    """
    latencies: list[float] = []
    for number in numbers:
        sent_at = time.monotonic()
        await sender.send(
            {
                "type": "message",
                "id": f"n-{number}",
                "conversation_id": conversation_id,
                "content": f"{number} {TEXT}",
            }
        )
        latencies += await asyncio.gather(
            *(received(socket, number, sent_at) for socket in readers)
        )
    return quantiles(latencies, n=100)[98]


async def exchange_rounds(
    sender: Socket, readers: list[Socket], conversation_id: str, numbers: range
) -> float:
    """Exchange messages in rounds; return the median of their p99, which no burst moves."""
    return median(
        [
            await exchange(sender, readers, conversation_id, numbers[start : start + ROUND])
            for start in range(0, len(numbers), ROUND)
        ]
    )


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
    """Return a private chat."""
    chat = start(storage, TEST_HEARTBEAT_S=str(HEARTBEAT_S))
    yield chat
    chat.stop()


@pytest.mark.timeout(400 + READERS)
async def test_slow_readers_hurt_nobody_and_are_made_whole(
    room_chat: ChatServer, storage: Storage
) -> None:
    sender, *people = await register_many(room_chat.url, 1 + READERS + SLOW)
    slow_people = people[:SLOW]
    async with open_node(storage) as node:
        members = [UUID(one.id) for one in people]
        if more := MEMBERS - len(members) - 1:
            members += await new_users(node, more)
        room = await add_group(node, actor_id=UUID(sender.id), title="Room", member_ids=members)
    conversation_id, first = str(room), 3 * ROUND

    async with AsyncExitStack() as stack:
        voice = await stack.enter_async_context(sender.socket())
        readers = [await stack.enter_async_context(one.socket()) for one in people[SLOW:]]
        alone = await exchange_rounds(voice, readers, conversation_id, range(first))

        slow = [await stack.enter_async_context(one.socket()) for one in slow_people]
        for socket in slow:
            pull_cable(socket.connection)
        dripping = [asyncio.create_task(drip(socket)) for socket in slow]
        before_mb = memory_mb(room_chat)
        together = await exchange_rounds(
            voice, readers, conversation_id, range(first, first + MESSAGES)
        )
        grown_mb = memory_mb(room_chat) - before_mb

        assert together <= FACTOR * alone + NOISE_S, (alone, together)
        assert grown_mb < MOST_MB
        for task in dripping:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError)
            for end in await asyncio.gather(*dripping, return_exceptions=True)
        )
        for socket in slow:
            mend_cable(socket.connection)
        codes = await asyncio.gather(*(socket.close_code() for socket in slow))
        assert codes == [TOO_SLOW] * SLOW

        for person, socket in zip(slow_people, slow, strict=True):
            seen = [one["message"] for one in socket.passed if one["type"] == "message.created"]
            assert [message["rev"] for message in seen] == [
                first + 1 + index for index in range(len(seen))
            ], "what they got before is whole up to a point"
            cursor = seen[-1]["rev"] if seen else first
            rest = await replayed(person, {conversation_id: cursor})
            assert [message["rev"] for message in rest] == list(
                range(cursor + 1, first + MESSAGES + 1)
            )
