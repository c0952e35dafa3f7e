"""Signing out everywhere during a flood (trust 12): no frame comes after one second."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.harness.clients import PASSWORD, Json, Person, Socket, log_in, register
from tests.harness.servers import ChatServer

IN_FLIGHT = 40


@asynccontextmanager
async def flood(sender: Person, receiver: Person) -> AsyncIterator[None]:
    """Send to somebody without a pause while the block lasts."""
    async with sender.socket() as socket:

        async def send() -> None:
            for number in range(1_000_000):
                frame = {"type": "message", "id": f"{number}", "receiver_id": receiver.id}
                await socket.send({**frame, "content": f"flood {number}"})
                if number >= IN_FLIGHT:
                    await socket.expect("ack")
                    socket.passed.clear()

        sending = asyncio.create_task(send())
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def last_frame(socket: Socket, flooded: asyncio.Event) -> tuple[float, Json, int]:
    """Read until the socket closes; return the last frame (after its time) and the close code."""
    received, at = 0, 0.0
    while True:
        before = len(socket.passed)
        try:
            socket.passed.append(await socket.receive())
        except Exception:  # noqa: BLE001  # closed, whatever the code
            code = socket.connection.close_code
            assert code is not None
            return at, socket.passed[-1], code
        at = time.monotonic()
        received += len(socket.passed) - before
        if received > IN_FLIGHT:
            flooded.set()


async def sign_out_everywhere_else(alice: Person) -> None:
    body = {"current_password": PASSWORD, "new_password": "a horse of another colour"}
    reply = await alice.http.post("/api/auth/password", json=body)
    assert reply.status_code == 204, reply.text


async def watch_the_end(urls: list[str], alice: Person, bob: Person) -> None:
    """Flood two other devices of Alice at each node, sign them out, and see them go quiet."""
    others = [await log_in(alice.url, alice) for _ in range(2)]
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(other.at(url).socket())
            for url in urls
            for other in others
        ]
        kept = await stack.enter_async_context(alice.socket())
        flooded = [asyncio.Event() for _ in sockets]
        watching = [
            asyncio.create_task(last_frame(*watched))
            for watched in zip(sockets, flooded, strict=True)
        ]
        async with flood(bob, alice):
            async with asyncio.timeout(30):
                await asyncio.gather(*(event.wait() for event in flooded))
            await sign_out_everywhere_else(alice)
            ended_at = time.monotonic()
            endings = await asyncio.gather(*watching)
            # The device that stays signed in still receives events.
            kept.passed.clear()
            await kept.expect("message.created")
    for at, frame, code in endings:
        assert at - ended_at <= 1
        # The code says why a socket was closed that ended in another way.
        assert (code, frame) == (4401, {"type": "session.ended", "reason": "password_changed"})


async def test_signing_out_everywhere_silences_a_flood(alice: Person, bob: Person) -> None:
    await watch_the_end([alice.url], alice, bob)


async def test_signing_out_everywhere_silences_a_flood_on_another_node(
    two_nodes: tuple[ChatServer, ChatServer],
) -> None:
    one, other = two_nodes
    alice, bob = await register(one.url), await register(one.url)

    await watch_the_end([one.url, other.url], alice, bob)
