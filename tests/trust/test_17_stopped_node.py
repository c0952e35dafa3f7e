"""A node that is stopped and continues (trust 17): its devices learn all of it, in order."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

from tests.harness.clients import Person, log_in, register
from tests.harness.processor import Stopwatch
from tests.harness.servers import ChatServer
from tests.harness.two_nodes import Nodes

# Longer than a presence lease and than the time limits of links.
STOPPED_S = float(os.environ.get("TRUST_STOPPED_S", "12"))
MESSAGES = 30
# The promise; a connection that was broken meanwhile takes as long again to be found.
WITHIN_S = 4.0
SESSION_OVER = 4401


@contextlib.asynccontextmanager
async def stopped(node: ChatServer) -> AsyncIterator[None]:
    """Stop a node for `STOPPED_S`, its connections stay open."""
    process = node.server.process
    process.send_signal(signal.SIGSTOP)
    waited = asyncio.create_task(asyncio.sleep(STOPPED_S))
    try:
        yield
        await waited
    finally:
        process.send_signal(signal.SIGCONT)


async def test_devices_of_a_stopped_node_get_all_they_missed(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    carol = await register(nodes.near.url)
    phone, lost = [replace(await log_in(nodes.near.url, bob), url=nodes.far.url) for _ in "ab"]
    await alice.write(bob, "first")
    async with phone.socket() as socket, lost.socket() as ended:
        await alice.write(bob, "before")
        async with stopped(nodes.far):
            if nodes.near is not nodes.far:
                await change_all(alice, bob, carol, lost)
        stopwatch = Stopwatch()
        if nodes.near is nodes.far:
            await change_all(alice, bob, carol, lost)

        contents: list[str] = []
        while "last" not in contents:
            event = await socket.expect("message.created")
            contents.append(event["message"]["content"])
        took = stopwatch.seconds()
        assert await ended.close_code() == SESSION_OVER

        # The first may still be sent, as it was written just before the socket opened.
        expected = ["before", *(f"number {number}" for number in range(MESSAGES)), "last"]
        assert contents[-len(expected) :] == expected
        assert "friend.requested" in {frame["type"] for frame in socket.passed}
        marks = [frame["seq"] for frame in socket.passed if frame["type"] == "conversation.read"]
        assert marks[-1] == MESSAGES + 2
        assert took < WITHIN_S

        # And it goes on.
        await alice.write(bob, "afterwards")
        event = await socket.expect("message.created")
        assert event["message"]["content"] == "afterwards"


async def change_all(alice: Person, bob: Person, carol: Person, lost: Person) -> None:
    """Publish one of each kind: a friendship, messages, a mark, a session's end."""
    await carol.request_friendship(bob)
    texts = [f"number {number}" for number in range(MESSAGES)]
    sent = await alice.write_all(bob, *texts)
    path = f"/api/conversations/{sent[-1]['conversation_id']}/read"
    reply = await bob.http.post(path, json={"seq": sent[-1]["seq"]})
    assert reply.status_code == 204, reply.text
    reply = await lost.http.post("/api/auth/logout")
    assert reply.status_code == 204, reply.text
    await alice.write(bob, "last")
