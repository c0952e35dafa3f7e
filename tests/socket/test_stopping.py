"""Graceful stop (trust 8): sockets are closed in waves and no acked message is lost."""

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.chats import Farm, StartChat
from tests.harness.clients import Json, Person, Socket, close_kept, register
from tests.harness.servers import ChatServer

RESTARTING = 1012
SOCKETS = 200
WAVE = 25
# Long messages: more bytes than the kernel buffers for a client that does not read.
DEAF_TO = 200
STOPPED_WITHIN_S = 10


async def talk(socket: Socket, receiver: Person, acked: list[str]) -> None:
    """Send as fast as the answers come, until the socket ends."""
    with contextlib.suppress(ConnectionClosed):
        for number in range(100_000):
            frame = {"type": "message", "id": f"n-{number}", "content": f"number {number}"}
            await socket.send({**frame, "receiver_id": receiver.id})
            ack = await socket.expect("ack")
            acked.append(ack["id"])


@dataclass
class Stop:
    """Measurements of a stop: `SOCKETS` receivers, a device that does not read and a busy one."""

    status: int
    took_s: float
    log: str
    codes: Counter[int]
    acked: list[str]
    # Read after the restart.
    stored: list[Json]


async def stop_busy(chat: ChatServer) -> Stop:
    """Stop a chat while it is used, then start it again."""
    alice, bob, listener = [await register(chat.url) for _ in range(3)]
    acked: list[str] = []
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(listener.socket()) for _ in range(SOCKETS)]
        listening = [asyncio.create_task(socket.close_code()) for socket in sockets]
        deaf = await stack.enter_async_context(bob.socket())
        deaf.connection.transport.pause_reading()
        busy = await stack.enter_async_context(alice.socket())
        for number in range(DEAF_TO):
            frame = {"type": "message", "id": f"long-{number}", "content": "x" * 8_000}
            await busy.send({**frame, "receiver_id": bob.id})
            await busy.expect("ack")
        talking = asyncio.create_task(talk(busy, bob, acked))
        while len(acked) < 50:
            await asyncio.sleep(0.01)

        started = time.monotonic()
        status = await asyncio.to_thread(chat.stop)
        took_s = time.monotonic() - started
        await talking
        codes = Counter(await asyncio.gather(*listening))
        deaf.connection.transport.abort()

    log = chat.log()
    chat.launch()
    await asyncio.to_thread(chat.wait_until_ready)
    stored = await bob.whole_history(alice)
    await close_kept()
    return Stop(status, took_s, log, codes, acked, stored)


@pytest.fixture(scope="module")
def stop(farm: Farm, pair: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stop]:
    """Return the measurements of a busy chat's stop."""
    chat = farm.new_chat(pair, tmp_path_factory.mktemp("stopping"))
    try:
        yield asyncio.run(stop_busy(chat))
    finally:
        chat.stop()


def test_every_socket_is_closed_with_the_code_of_a_restart(stop: Stop) -> None:
    assert stop.codes == {RESTARTING: SOCKETS}


def test_a_stop_is_quick_and_orderly_beside_a_device_that_does_not_read(stop: Stop) -> None:
    assert stop.status == 0
    assert stop.took_s < STOPPED_WITHIN_S
    assert "Traceback" not in stop.log


def test_messages_acked_while_stopping_are_stored(stop: Stop) -> None:
    assert [item["seq"] for item in stop.stored] == list(range(1, len(stop.stored) + 1))
    assert set(stop.acked) <= {item["client_id"] for item in stop.stored}


@pytest.mark.one_process
@pytest.mark.parametrize("pair", ["sqlite+memory"])
async def test_sockets_are_closed_in_waves(start_chat: StartChat) -> None:
    """Close in waves, so that clients do not all return at once; later waves are still served."""
    chat = start_chat(TEST_WAVES_S="600")
    person = await register(chat.url)
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(person.socket()) for _ in range(3 * WAVE)]
        ends = [asyncio.create_task(socket.connection.wait_closed()) for socket in sockets]

        chat.server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            while sum(end.done() for end in ends) < WAVE:
                await asyncio.sleep(0.01)
        served = [socket for socket, end in zip(sockets, ends, strict=True) if not end.done()]
        for socket in served:
            await socket.settled()

        assert sum(end.done() for end in ends) == WAVE
        chat.end(with_signal=signal.SIGKILL)
        await asyncio.gather(*ends)
