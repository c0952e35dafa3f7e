"""Socket limits (W5): a flood closes its own socket and affects nobody else."""

import asyncio
import signal
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness import clients
from tests.harness.chats import LIMITED, StartChat
from tests.harness.servers import ChatServer

BURST = 40
FRAME_BURST = 200
SOCKETS_OF_ONE = 20


async def test_a_flood_of_frames_ends_its_socket_alone(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    mallory, alice, bob = [await clients.register(url) for _ in range(3)]
    async with mallory.socket() as flood, alice.socket() as one, bob.socket() as other:
        try:
            for _ in range(2 * FRAME_BURST):
                await flood.send({"type": "ping"})
                # Answers to the heartbeat of the server come out as well.
                await asyncio.sleep(0)
        except ConnectionClosed:
            # The server need not wait for the end of the flood.
            pass
        frame = {"type": "message", "id": "calm", "receiver_id": bob.id, "content": "calm"}
        await one.send(frame)
        await one.expect("ack", id="calm")
        await other.expect("message.created")

        assert await flood.close_code() == 4429
    async with mallory.socket() as again:
        await again.settled()


async def test_too_many_messages_are_refused_one_by_one(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice, bob = await clients.register(url), await clients.register(url)
    async with alice.socket() as socket:
        for number in range(BURST + 20):
            frame = {"type": "message", "id": f"f-{number}", "content": "x", "receiver_id": bob.id}
            await socket.send(frame)
        answers: list[clients.Json] = []
        while len(answers) < BURST + 20:
            frame = await socket.receive()
            # The event of the new conversation comes beside the answers.
            answers += [frame] if frame["type"] in {"ack", "error"} else []

    errors = [answer for answer in answers if answer["type"] == "error"]
    assert len(errors) == 20
    assert {error["code"] for error in errors} == {"rate_limited"}
    assert all(error["retryable"] for error in errors)
    assert all(error["id"].startswith("f-") for error in errors)


async def test_http_and_sockets_share_one_allowance(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice, bob = await clients.register(url), await clients.register(url)
    await alice.write_all(bob, *(f"number {number}" for number in range(BURST)))
    async with alice.socket() as socket:
        frame = {"type": "message", "id": "x", "receiver_id": bob.id, "content": "one too many"}
        await socket.send(frame)

        assert (await socket.expect("error", id="x"))["code"] == "rate_limited"


async def test_one_user_has_twenty_sockets(limited_chat: ChatServer) -> None:
    url = limited_chat.url
    alice, bob = await clients.register(url), await clients.register(url)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(alice.socket()) for _ in range(SOCKETS_OF_ONE)]
        async with clients.Socket.open(url) as one_more, bob.socket() as other:
            await one_more.send({"type": "auth", "content": alice.access_token})
            assert 4400 <= await one_more.close_code() < 4500
            await other.settled()
        await asyncio.gather(*(socket.settled() for socket in sockets))


async def open_sockets(person: clients.Person, count: int, stack: AsyncExitStack) -> None:
    """Open that many sockets, which end with the stack."""
    for _ in range(count):
        await stack.enter_async_context(person.socket())


async def is_one_too_many(person: clients.Person) -> bool:
    """Return whether one more socket is refused; close it when it opens."""
    async with clients.Socket.open(person.url) as one_more:
        await one_more.send({"type": "auth", "content": person.access_token})
        with suppress(ConnectionClosed):
            await one_more.expect("ready")
            return False
        assert await one_more.close_code() == 4429
        return True


async def until_one_more_may(person: clients.Person) -> None:
    """Wait until the chat has counted the closed sockets."""
    async with asyncio.timeout(60):
        while await is_one_too_many(person):
            await asyncio.sleep(0.2)  # a killed node has to be taken for dead


@pytest.mark.one_process
@pytest.mark.parametrize("pair", ["postgres+redis"])
async def test_sockets_count_over_nodes_and_those_of_a_killed_one_do_not(
    limited_chat: ChatServer, start_chat: StartChat
) -> None:
    one = start_chat(**LIMITED, **limited_chat.joining)
    alice, bob = await clients.register(one.url), await clients.register(one.url)
    elsewhere = alice.at(limited_chat.url)
    async with AsyncExitStack() as stack:
        await open_sockets(alice, 15, stack)
        await open_sockets(elsewhere, 5, stack)
        assert await is_one_too_many(alice)
        assert await is_one_too_many(elsewhere)
        assert not await is_one_too_many(bob.at(limited_chat.url))

        one.server.stop(with_signal=signal.SIGKILL)

        await until_one_more_may(elsewhere)
        await open_sockets(elsewhere, 10, stack)


@pytest.mark.one_process
@pytest.mark.parametrize("pair", ["postgres+redis"])
async def test_without_redis_a_node_counts_its_own_sockets(start_chat: StartChat) -> None:
    url = start_chat(CHAT_LIMITS="on", CHAT_REDIS_URL="redis://127.0.0.1:1/0").url
    alice = await clients.register(url)
    async with AsyncExitStack() as stack:
        await open_sockets(alice, SOCKETS_OF_ONE, stack)

        assert await is_one_too_many(alice)
    await until_one_more_may(alice)
