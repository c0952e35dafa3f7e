"""A link cut between commit and ack (trust 3): a retry over any API returns the message."""

import asyncio
import contextlib
import random
import signal
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from chaos.proxy import Link, Network
from tests.harness.clients import Json, Person, as_json, http_client, register
from tests.harness.servers import ChatServer
from tests.harness.two_nodes import Nodes

Body = dict[str, str]


def body_to(receiver: Person) -> Body:
    return {"receiver_id": receiver.id, "content": "stored once", "client_id": str(uuid4())}


def network(node: ChatServer) -> Network:
    return Network(lambda: [node.port], random.Random(1))  # noqa: S311  # chance, not secrecy


async def post(url: str, sender: Person, body: Body) -> httpx.Response:
    headers = {"Authorization": f"Bearer {sender.access_token}"}
    async with http_client(url, headers=headers) as client:
        return await client.post("/api/messages", json=body)


async def send(url: str, sender: Person, body: Body) -> Json:
    """Send over the socket and return the message of the ack."""
    async with replace(sender, url=url).socket() as socket:
        await socket.send(frame_of(body))
        ack = await socket.expect("ack", id=body["client_id"])
    message: Json = ack["message"]
    return message


def frame_of(body: Body) -> Json:
    rest = {name: value for name, value in body.items() if name != "client_id"}
    return {"type": "message", "id": body["client_id"], **rest}


async def send_without_answer(node: ChatServer, sender: Person, body: Body) -> None:
    """Send over a socket whose link is cut as soon as the chat answers."""
    async with Link.open(network(node)) as link:
        async with replace(sender, url=link.url).socket() as socket:
            await socket.settled()
            link.cut_at_the_answer()
            await socket.send(frame_of(body))
            await socket.close_code()
        assert not [frame for frame in socket.passed if frame["type"] == "ack"]


async def post_without_answer(node: ChatServer, sender: Person, body: Body) -> None:
    """Post over a link that is cut as soon as the chat answers."""
    headers = {"Authorization": f"Bearer {sender.access_token}"}
    async with Link.open(network(node)) as link, http_client(link.url, headers=headers) as client:
        assert (await client.get("/api/auth/me")).status_code == 200
        link.cut_at_the_answer()
        with pytest.raises(httpx.TransportError):
            await client.post("/api/messages", json=body)


async def assert_stored_once(receiver: Person, message: Json) -> None:
    items = (await receiver.history(message["conversation_id"]))["items"]
    assert items == [message]
    assert message["seq"] == 1


async def test_a_retry_over_http_returns_the_message_of_a_cut_socket(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    body = body_to(bob)
    await send_without_answer(nodes.near, alice, body)
    replies = await asyncio.gather(*(post(node.url, alice, body) for node in nodes.all * 3))

    assert {reply.status_code for reply in replies} == {200}, "it was stored before"
    messages = [as_json(reply) for reply in replies]
    assert all(message == messages[0] for message in messages)
    await assert_stored_once(bob, messages[0])


async def test_a_retry_over_a_socket_returns_the_message_of_a_cut_request(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    body = body_to(bob)
    await post_without_answer(nodes.near, alice, body)
    items = (await bob.http.get(f"/api/messages/{alice.id}")).json()["items"]
    assert len(items) == 1, "it was stored before"

    for node in nodes.all:
        assert await send(node.url, alice, body) == items[0]
    await assert_stored_once(bob, items[0])


async def test_a_retry_after_a_kill_returns_the_stored_message(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    body = body_to(bob)
    await send_without_answer(nodes.near, alice, body)
    nodes.near.restart(with_signal=signal.SIGKILL)
    reply = await post(nodes.near.url, alice, body)

    assert reply.status_code == 200
    assert await send(nodes.far.url, alice, body) == as_json(reply)
    await assert_stored_once(bob, as_json(reply))


async def test_a_request_cut_at_any_moment_is_stored_once(nodes: Nodes) -> None:
    """Retry until there is an answer: whatever the sender saw, it is one message."""
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    dice = random.Random(5)  # noqa: S311  # chance, not secrecy
    bodies = [body_to(bob) for _ in range(30)]
    for body in bodies:
        async with Link.open(network(nodes.near)) as link:
            asking = asyncio.create_task(post(link.url, alice, body))
            await asyncio.sleep(dice.uniform(0, 0.03))
            link.cut()
            with contextlib.suppress(httpx.TransportError):
                await asking
        reply = await post(nodes.far.url, alice, body)
        assert reply.status_code in {200, 201}

    items = (await bob.http.get(f"/api/messages/{alice.id}")).json()["items"]
    assert [item["client_id"] for item in items] == [body["client_id"] for body in bodies]
    assert [item["seq"] for item in items] == list(range(1, len(bodies) + 1))
