"""Signed out everywhere under a flood (trust 12): no event on any node after a second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from websockets.exceptions import ConnectionClosed

from tests.harness.clients import PASSWORD, Person, Socket, log_in, register
from tests.harness.two_nodes import Nodes

SESSION_OVER = 4401
ENDED_WITHIN = timedelta(seconds=1)
BETWEEN_S = 0.02


@contextlib.asynccontextmanager
async def flooded(sender: Person, receiver: Person, nodes: Nodes) -> AsyncIterator[None]:
    """Write to the receiver all the time inside, at every node."""

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


async def close_code_and_last_message(socket: Socket) -> tuple[int | None, datetime]:
    """Wait for the end; return the close code, and when the newest message received was written.

    The time of the message and not of its arrival: the test may be late to read it.
    """
    newest = datetime.min.replace(tzinfo=UTC)
    with contextlib.suppress(ConnectionClosed):
        while True:
            frame = await socket.receive()
            if frame["type"] == "message.created":
                newest = max(newest, datetime.fromisoformat(frame["message"]["created_at"]))
    return socket.connection.close_code, newest


async def sockets_of(
    person: Person, nodes: Nodes, stack: contextlib.AsyncExitStack
) -> list[Socket]:
    """Open two sockets at every node."""
    return [
        await stack.enter_async_context(replace(person, url=node.url).socket())
        for node in nodes.all * 2
    ]


async def assert_silent(
    endings: "list[asyncio.Task[tuple[int | None, datetime]]]", signed_out_at: datetime
) -> None:
    """Check that every socket ends, and received nothing written a second after the sign-out."""
    for code, newest in await asyncio.gather(*endings):
        assert code == SESSION_OVER
        assert newest - signed_out_at < ENDED_WITHIN


async def test_signing_out_ends_every_socket_of_the_session(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    other_session = await log_in(nodes.near.url, bob)
    async with contextlib.AsyncExitStack() as stack:
        sockets = await sockets_of(bob, nodes, stack)
        kept = await stack.enter_async_context(replace(other_session, url=nodes.far.url).socket())
        await stack.enter_async_context(flooded(alice, bob, nodes))
        for socket in (*sockets, kept):
            await socket.expect("message.created")
        endings = [asyncio.create_task(close_code_and_last_message(socket)) for socket in sockets]

        reply = await bob.http.post("/api/auth/logout")
        signed_out_at = datetime.now(UTC)

        assert reply.status_code == 204
        await assert_silent(endings, signed_out_at)
        kept.passed.clear()
        await kept.expect("message.created")
    assert (await bob.http.get("/api/auth/me")).status_code == 401


async def test_a_new_password_ends_every_other_session(nodes: Nodes) -> None:
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
        endings = [asyncio.create_task(close_code_and_last_message(socket)) for socket in sockets]

        body = {"current_password": PASSWORD, "new_password": "another horse battery"}
        reply = await bob.http.post("/api/auth/password", json=body)
        signed_out_at = datetime.now(UTC)

        assert reply.status_code == 204, reply.text
        await assert_silent(endings, signed_out_at)
        await own.expect("message.created")
    for session in others:
        assert (await session.http.get("/api/auth/me")).status_code == 401
    assert (await bob.http.get("/api/auth/me")).status_code == 200
