"""Commits slower than every limit (trust 13): told to everybody, and the retry answered truly."""

import asyncio
import contextlib
import time

import pytest

from tests.harness.clients import Json, Person, Socket, register
from tests.harness.faults import unconfirmed_commits
from tests.harness.two_nodes import Nodes

# The contract allows two seconds; twice that because the machine is not ours alone.
DELIVERED_WITHIN_S = 4.0
# A time-out of 3 s, up to 2 s to let go of a silent connection, and a machine that is not ours.
REFUSED_WITHIN_S = 10

pytestmark = [pytest.mark.parametrize("pair", ["postgres+redis"]), pytest.mark.timeout(180)]


async def until_stored(person: Person, other: Person, content: str) -> float:
    """Wait until a message is in the history; return when it was."""
    async with asyncio.timeout(REFUSED_WITHIN_S):
        while True:
            with contextlib.suppress(AssertionError):
                if content in [one["content"] for one in await person.whole_history(other)]:
                    return time.monotonic()
            await asyncio.sleep(0.05)


async def arrival(socket: Socket, content: str) -> float:
    """Wait until a socket receives a message; return when it did."""
    while True:
        event = await socket.expect("message.created")
        if event["message"]["content"] == content:
            return time.monotonic()


async def test_a_message_whose_commit_was_given_up_reaches_every_device(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    await alice.write(bob, "before")
    frame: Json = {"type": "message", "receiver_id": bob.id, "content": "slow", "id": "slow"}
    async with (
        alice.socket() as sender,
        alice.at(nodes.far.url).socket() as own,
        bob.socket() as near,
        bob.at(nodes.far.url).socket() as far,
    ):
        devices = (own, near, far)
        arrivals = [asyncio.create_task(arrival(one, "slow")) for one in devices]
        async with unconfirmed_commits(nodes.near.settings["CHAT_DATABASE_URL"]):
            await sender.send(frame)
            error = await sender.expect("error", seconds=REFUSED_WITHIN_S)
            assert (error["code"], error["retryable"]) == ("unavailable", True)
        # The server ends the commit that nobody waits for any more.
        stored_at = await until_stored(bob, alice, "slow")
        arrived = await asyncio.wait_for(asyncio.gather(*arrivals), REFUSED_WITHIN_S)
        assert max(arrived) - stored_at < DELIVERED_WITHIN_S

        await sender.send(frame)
        ack = await sender.expect("ack", id="slow")

    history = await bob.whole_history(alice)
    assert [one["content"] for one in history] == ["before", "slow"]
    assert ack["message"]["id"] == history[1]["id"]
