"""Trust 12: signed out everywhere under a flood. A second later nothing comes, on no node."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from websockets.exceptions import ConnectionClosed

from tests.harness.clients import PASSWORD, Person, Socket, log_in, register
from tests.trust.conftest import Nodes, StartNodes

SESSION_OVER = 4401
ENDED_WITHIN_S = 1.0
BETWEEN_S = 0.005


@contextlib.asynccontextmanager
async def flooded(sender: Person, receiver: Person, nodes: Nodes) -> AsyncIterator[None]:
    """Have somebody write to the receiver all the time, at every node."""

    async def flood(url: str) -> None:
        async with replace(sender, url=url).socket() as socket:
            while True:
                frame = {"type": "message", "content": "flood", "receiver_id": receiver.id}
                await socket.send(frame)
                await socket.expect("ack")
                await asyncio.sleep(BETWEEN_S)

    floods = [asyncio.create_task(flood(node.url)) for node in nodes.all]
    try:
        yield
    finally:
        for task in floods:
            task.cancel()
        outcomes = await asyncio.gather(*floods, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes


async def last_frame(socket: Socket) -> tuple[float, int | None]:
    """Wait for the end; return when the last frame came, and the close code."""
    at = time.monotonic()
    with contextlib.suppress(ConnectionClosed):
        while True:
            await socket.receive()
            at = time.monotonic()
    return at, socket.connection.close_code


async def sockets_of(
    person: Person, nodes: Nodes, stack: contextlib.AsyncExitStack
) -> list[Socket]:
    """Open two sockets at every node."""
    return [
        await stack.enter_async_context(replace(person, url=node.url).socket())
        for node in nodes.all * 2
    ]


async def assert_silent(endings: "list[asyncio.Task[tuple[float, int | None]]]") -> None:
    """Check that every socket ends, and says nothing more a second from now."""
    started = time.monotonic()
    for at, code in await asyncio.gather(*endings):
        assert code == SESSION_OVER
        assert at - started < ENDED_WITHIN_S


async def test_signing_out_ends_every_socket_of_the_session(start_nodes: StartNodes) -> None:
    nodes = start_nodes()
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    other_session = await log_in(nodes.near.url, bob)
    async with contextlib.AsyncExitStack() as stack:
        sockets = await sockets_of(bob, nodes, stack)
        kept = await stack.enter_async_context(replace(other_session, url=nodes.far.url).socket())
        await stack.enter_async_context(flooded(alice, bob, nodes))
        for socket in (*sockets, kept):
            await socket.expect("message.created")
        endings = [asyncio.create_task(last_frame(socket)) for socket in sockets]

        reply = await bob.http.post("/api/auth/logout")

        assert reply.status_code == 204
        await assert_silent(endings)
        kept.passed.clear()
        await kept.expect("message.created")
    assert (await bob.http.get("/api/auth/me")).status_code == 401


async def test_a_new_password_ends_every_other_session(start_nodes: StartNodes) -> None:
    nodes = start_nodes()
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    others = [await log_in(nodes.near.url, bob) for _ in range(3)]
    async with contextlib.AsyncExitStack() as stack:
        sockets = [
            socket for session in others for socket in await sockets_of(session, nodes, stack)
        ]
        own = await stack.enter_async_context(replace(bob, url=nodes.far.url).socket())
        await stack.enter_async_context(flooded(alice, bob, nodes))
        for socket in (*sockets, own):
            await socket.expect("message.created")
        endings = [asyncio.create_task(last_frame(socket)) for socket in sockets]

        body = {"current_password": PASSWORD, "new_password": "another horse battery"}
        reply = await bob.http.post("/api/auth/password", json=body)

        assert reply.status_code == 204, reply.text
        await assert_silent(endings)
        await own.expect("message.created")
    for session in others:
        assert (await session.http.get("/api/auth/me")).status_code == 401
    assert (await bob.http.get("/api/auth/me")).status_code == 200
