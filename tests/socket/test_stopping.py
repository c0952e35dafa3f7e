"""Trust 8: a server that is told to stop tells everybody, a few at a time, and loses nothing."""

import asyncio
import contextlib
import time
from collections import Counter

from websockets.exceptions import ConnectionClosed

from tests.harness.chats import StartChat
from tests.harness.clients import Person, Socket, register

RESTARTING = 1012
SOCKETS = 200
STOPPED_WITHIN_S = 10


async def listen(socket: Socket) -> tuple[int, float]:
    """Wait for the end; return its code and its time."""
    code = await socket.close_code()
    return code, time.monotonic()


async def talk(socket: Socket, receiver: Person, acked: list[str]) -> None:
    """Send as fast as the answers come, until the socket ends."""
    with contextlib.suppress(ConnectionClosed):
        for number in range(100_000):
            frame = {"type": "message", "id": f"n-{number}", "content": f"number {number}"}
            await socket.send({**frame, "receiver_id": receiver.id})
            ack = await socket.expect("ack")
            acked.append(ack["id"])


async def test_sockets_are_closed_in_waves(start_chat: StartChat) -> None:
    chat = start_chat()
    person = await register(chat.url)
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(person.socket()) for _ in range(SOCKETS)]
        ends = [asyncio.create_task(listen(socket)) for socket in sockets]

        started = time.monotonic()
        status = await asyncio.to_thread(chat.stop)
        took = time.monotonic() - started
        outcomes = await asyncio.gather(*ends)

    assert status == 0
    assert took < STOPPED_WITHIN_S
    assert Counter(code for code, _ in outcomes) == {RESTARTING: SOCKETS}
    times = sorted(at for _, at in outcomes)
    assert times[-1] - times[0] > 0.3, "all clients would come back in one moment"
    assert "Traceback" not in chat.log()


async def test_what_was_acked_while_stopping_is_there_afterwards(start_chat: StartChat) -> None:
    chat = start_chat()
    alice, bob = await register(chat.url), await register(chat.url)
    acked: list[str] = []
    async with alice.socket() as socket:
        talking = asyncio.create_task(talk(socket, bob, acked))
        while len(acked) < 50:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(chat.restart)
        await talking

    page = (await bob.http.get(f"/api/messages/{alice.id}", params={"limit": 100})).json()
    items = page["items"]
    while page["has_more"]:
        params = {"limit": 100, "before": items[0]["seq"]}
        page = (await bob.http.get(f"/api/messages/{alice.id}", params=params)).json()
        items = page["items"] + items
    assert [item["seq"] for item in items] == list(range(1, len(items) + 1))
    assert set(acked) <= {item["client_id"] for item in items}


async def test_who_does_not_read_holds_nothing_up(start_chat: StartChat) -> None:
    chat = start_chat()
    alice, bob = await register(chat.url), await register(chat.url)
    async with bob.socket() as deaf, alice.socket() as socket:
        deaf.connection.transport.pause_reading()
        for number in range(200):
            frame = {"type": "message", "id": f"n-{number}", "content": "x" * 8_000}
            await socket.send({**frame, "receiver_id": bob.id})
            await socket.expect("ack")

        started = time.monotonic()
        status = await asyncio.to_thread(chat.stop)

        assert status == 0
        assert time.monotonic() - started < STOPPED_WITHIN_S
        deaf.connection.transport.abort()
