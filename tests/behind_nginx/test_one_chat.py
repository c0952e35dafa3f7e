"""Several nodes behind nginx are one chat, whichever of them a request reaches (S1)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from operator import itemgetter

import pytest

from tests.harness.clients import Json, Person, Socket, as_json, log_in, register
from tests.harness.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

SESSION_OVER = 4401


@contextlib.asynccontextmanager
async def at_every_node(person: Person, cluster: Cluster) -> AsyncIterator[list[Socket]]:
    """Yield a socket of one user at each node."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(replace(person, url=node.url).socket())
            for node in cluster.nodes
        ]


async def test_a_socket_through_nginx_sends_and_receives(cluster: Cluster) -> None:
    alice, bob = await register(cluster.url), await register(cluster.url)
    async with alice.socket() as one, bob.socket() as other:
        frame = {"type": "message", "id": "s-1", "receiver_id": bob.id, "content": "over wss"}
        await one.send(frame)
        ack = await one.expect("ack", id="s-1")

        event = await other.expect("message.created")

    assert event["message"] == ack["message"]


async def test_a_cookie_opens_the_socket_from_the_own_origin_only(cluster: Cluster) -> None:
    alice = await register(cluster.url)
    async with Socket.open(cluster.url, cookie=alice.cookie, origin=cluster.url) as socket:
        await socket.expect("ready")

    with pytest.raises(Exception, match="403"):
        async with Socket.open(cluster.url, cookie=alice.cookie, origin="https://evil.example"):
            pass


@pytest.mark.only_in_test_all
async def test_every_node_sends_the_messages_of_a_conversation_in_one_order(
    cluster: Cluster,
) -> None:
    alice, bob = await register(cluster.url), await register(cluster.url)
    conversation_id = (await alice.write(bob, "first"))["conversation_id"]
    async with at_every_node(alice, cluster) as senders, at_every_node(bob, cluster) as receivers:
        for number in range(30):
            await senders[number % len(senders)].send(
                {
                    "type": "message",
                    "id": f"o-{number}",
                    "conversation_id": conversation_id,
                    "content": f"{number}",
                }
            )
        received = [await changes(receiver, 30) for receiver in receivers]
    stored = (await bob.history(conversation_id, limit=100))["items"][1:]

    assert [message["seq"] for message in stored] == list(range(2, 32))
    for messages in received:
        assert sorted(messages, key=itemgetter("seq")) == stored


async def changes(socket: Socket, count: int) -> list[Json]:
    """Return the first `count` different messages that a socket receives."""
    received: dict[int, Json] = {}
    while len(received) < count:
        message = (await socket.expect("message.created"))["message"]
        received[message["rev"]] = message
    return list(received.values())


@pytest.mark.only_in_test_all
async def test_presence_and_typing_cross_nodes(cluster: Cluster) -> None:
    alice, bob = await register(cluster.url), await register(cluster.url)
    await alice.befriend(bob)
    conversation_id = (await alice.opened(bob))["id"]
    first, *_, last = cluster.nodes
    async with replace(alice, url=first.url).socket() as one:
        async with replace(bob, url=last.url).socket() as other:
            await one.expect("presence", user_id=bob.id, online=True)
            await other.send({"type": "typing", "conversation_id": conversation_id})
            await one.expect("typing", user_id=bob.id)
            card = as_json(await alice.http.get(f"/api/users/{bob.id}"))

        assert card["online"] is True
        await one.expect("presence", user_id=bob.id, online=False, seconds=30)


async def test_an_ended_session_ends_at_every_node(cluster: Cluster) -> None:
    bob = await register(cluster.url)
    other = await log_in(cluster.url, bob)
    async with at_every_node(bob, cluster) as sockets, at_every_node(other, cluster) as kept:
        await bob.http.post("/api/auth/logout")

        codes = await asyncio.gather(*(socket.close_code() for socket in sockets))
        for socket in kept:
            await socket.settled()

    assert codes == [SESSION_OVER] * len(cluster.nodes)
    for node in cluster.nodes:
        assert (await bob.http.get(f"{node.url}/api/auth/me")).status_code == 401
