"""Authentication of `/ws` sockets (W1, A6): no event in or out before it succeeds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import psutil
import pytest
from websockets.exceptions import InvalidStatus

from tests.harness.cases import case
from tests.harness.clients import PATIENCE_S, Person, Socket, log_in, register
from tests.harness.servers import ChatServer


@asynccontextmanager
async def page_socket(person: Person) -> AsyncIterator[Socket]:
    """Open a socket as a page of the chat does: with the cookie, from the own origin."""
    async with Socket.open(person.url, cookie=person.cookie, origin=person.url) as socket:
        yield socket


async def refusal(url: str, *, cookie: str | None = None, origin: str | None = None) -> int:
    """Return the status that an upgrade is refused with, or the code it is closed with."""
    try:
        async with Socket.open(url, cookie=cookie, origin=origin) as socket:
            code = await socket.close_code()
            assert socket.passed == []
            return code
    except InvalidStatus as error:
        return error.response.status_code


def open_links(server: psutil.Process, port: int) -> int:
    """Count the clients that are connected to the server."""
    links = server.net_connections("tcp")
    return sum(link.status == "ESTABLISHED" and link.laddr.port == port for link in links)


async def test_a_page_is_greeted_at_once(alice: Person, bob: Person) -> None:
    message = await bob.write(alice, "while you were away")

    async with page_socket(alice) as socket:
        ready = await socket.receive()

    generation = ready["generation"]
    assert str(UUID(generation)) == generation
    assert ready == {
        "type": "ready",
        "user": alice.user,
        "generation": generation,
        "heartbeat_s": 30,
        "max_frame_bytes": 65536,
        "unread": {message["conversation_id"]: 1},
    }


async def test_the_first_frame_of_a_program_authenticates_it(alice: Person) -> None:
    async with Socket.open(alice.url) as socket:
        await socket.send({"type": "auth", "content": alice.access_token})
        ready = await socket.receive()

    assert ready["type"] == "ready"
    assert ready["user"] == alice.user
    assert ready["unread"] == {}


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1:1"])
async def test_a_cookie_from_elsewhere_is_refused_before_the_upgrade(
    alice: Person, origin: str | None
) -> None:
    assert await refusal(alice.url, cookie=alice.cookie, origin=origin) == 403


async def test_another_sites_page_is_refused_without_a_cookie_too(alice: Person) -> None:
    assert await refusal(alice.url, origin="https://evil.example") == 403


@pytest.mark.parametrize("cookie", ["chat_session=made-up", "session=made-up", "chat_session="])
async def test_a_malformed_cookie_is_refused(chat: ChatServer, cookie: str) -> None:
    assert await refusal(chat.url, cookie=cookie, origin=chat.url) in {401, 4401}


async def test_the_cookie_of_an_ended_session_is_refused(alice: Person) -> None:
    await alice.http.post("/api/auth/logout")

    assert await refusal(alice.url, cookie=alice.cookie, origin=alice.url) in {401, 4401}


async def test_a_first_frame_other_than_auth_closes_the_socket(chat: ChatServer) -> None:
    for frame in (
        '{"type": "auth", "content": "junk"}',
        '{"type": "auth", "content": ""}',
        '{"type": "auth", "content": 5}',
        '{"type": "auth"}',
        '{"type": "ping"}',
        '{"type": "message", "receiver_id": "x", "content": "hi"}',
        '{"type": "resume", "cursors": {}}',
        "{broken",
        "[]",
        "null",
        "",
        "[" * 30_000,
    ):
        with case(frame):
            async with Socket.open(chat.url) as socket:
                await socket.send(frame)

                assert await socket.close_code() == 4401
            assert [passed for passed in socket.passed if passed["type"] != "error"] == []


async def test_a_binary_first_frame_closes_the_socket(chat: ChatServer) -> None:
    async with Socket.open(chat.url) as socket:
        await socket.send(b"\x00\xff")

        assert await socket.close_code() in {1003, 4401}


async def test_the_token_of_an_ended_session_is_refused(alice: Person) -> None:
    await alice.http.post("/api/auth/logout")

    async with Socket.open(alice.url) as socket:
        await socket.send({"type": "auth", "content": alice.access_token})

        assert await socket.close_code() == 4401


async def test_an_unauthenticated_socket_gets_no_events(alice: Person, bob: Person) -> None:
    async with Socket.open(bob.url) as unknown, bob.socket() as known:
        message = await alice.write(bob, "not for everyone")
        await known.expect("message.created", message=message)
        await unknown.send({"type": "auth", "content": bob.access_token})

        assert (await unknown.receive())["type"] == "ready"


async def test_a_socket_without_an_auth_frame_is_closed_after_ten_seconds(chat: ChatServer) -> None:
    loop = asyncio.get_running_loop()
    async with Socket.open(chat.url) as socket:
        opened = loop.time()

        assert await socket.close_code(seconds=15) == 4408
        assert loop.time() - opened > 9


async def test_an_auth_frame_cannot_name_another_user(alice: Person, bob: Person) -> None:
    async with Socket.open(alice.url) as socket:
        frame = {"type": "auth", "content": alice.access_token, "user_id": bob.id}
        await socket.send(frame)

        assert await socket.close_code() == 4401


async def test_signing_out_ends_the_sockets_of_that_session_within_a_second(
    chat: ChatServer, alice: Person
) -> None:
    other_device = await log_in(chat.url, alice)
    async with page_socket(alice) as page, alice.socket() as program, other_device.socket() as kept:
        await page.expect("ready")
        await alice.http.post("/api/auth/logout")

        for socket in (page, program):
            assert await socket.close_code(seconds=1) == 4401
            assert [frame["type"] for frame in socket.passed] == ["session.ended"]
        assert "session.ended" not in [frame["type"] for frame in await kept.settled()]


@pytest.mark.one_process
async def test_a_thousand_sockets_opened_and_closed_leak_nothing(
    restartable_chat: ChatServer,
) -> None:
    """Check that no connection stays, memory is flat and later events come once (W2)."""
    chat = restartable_chat
    alice, bob = await register(chat.url), await register(chat.url)
    server = psutil.Process(chat.server.process.pid)
    links = open_links(server, chat.port)

    async def cycle() -> None:
        async with alice.socket() as socket:
            await socket.settled()

    async def cycles(count: int) -> int:
        for _ in range(count // 20):
            await asyncio.gather(*(cycle() for _ in range(20)))
        return server.memory_info().rss

    before = await cycles(400)
    after = await cycles(1000)

    assert after < before * 1.05
    async with asyncio.timeout(PATIENCE_S):
        while open_links(server, chat.port) > links:
            await asyncio.sleep(0.05)  # the kernel reports no closed connection
    async with alice.socket() as socket:
        await bob.write(alice, "still there?")
        created = [frame for frame in await socket.settled() if frame["type"] == "message.created"]
    assert len(created) <= 1
