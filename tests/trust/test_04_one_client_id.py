"""Idempotent sends (trust 4): fifty parallel sends with one `client_id` are one message."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from uuid import uuid4

import httpx

from tests.harness.clients import Json, Person, Socket, as_json, http_client, register
from tests.harness.two_nodes import Nodes

AT_ONCE = 50


async def post(client: httpx.AsyncClient, body: Json) -> Json | int:
    """Post; return the message, or the status of the refusal."""
    reply = await client.post("/api/messages", json=body)
    return as_json(reply) if reply.is_success else reply.status_code


async def send(socket: Socket, body: Json) -> Json | int:
    """Send over the socket; return the message, or 409 where it is refused for its text."""
    frame = {"type": "message", "id": body["client_id"], "content": body["content"]}
    await socket.send({**frame, "receiver_id": body["receiver_id"]})
    async with asyncio.timeout(15):
        while (answer := await socket.receive())["type"] not in {"ack", "error"}:
            pass
    if answer["type"] == "error":
        assert answer["code"] == "idempotency_conflict"
        return 409
    message: Json = answer["message"]
    return message


async def send_all(nodes: Nodes, sender: Person, bodies: list[Json]) -> list[Json | int]:
    """Send all at once, over HTTP and the socket of every node in turn."""
    headers = {"Authorization": f"Bearer {sender.access_token}"}
    async with contextlib.AsyncExitStack() as stack:
        sends = []
        for number, body in enumerate(bodies):
            node = nodes.all[number // 2 % len(nodes.all)]
            if number % 2:
                client = http_client(node.url, headers=headers)
                await stack.enter_async_context(client)
                sends.append(post(client, body))
            else:
                at_node = replace(sender, url=node.url)
                socket = await stack.enter_async_context(at_node.socket())
                sends.append(send(socket, body))
        return await asyncio.gather(*sends)


async def test_one_client_id_is_one_message(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    for turn in range(3):
        body = {"receiver_id": bob.id, "content": f"turn {turn}", "client_id": str(uuid4())}
        answers = await send_all(nodes, alice, [body] * AT_ONCE)

        items = (await bob.http.get(f"/api/messages/{alice.id}")).json()["items"]
        assert len(items) == turn + 1
        assert all(answer == items[turn] for answer in answers)


async def test_another_text_is_refused(nodes: Nodes) -> None:
    alice, bob = await register(nodes.near.url), await register(nodes.near.url)
    client_id = str(uuid4())
    body = {"receiver_id": bob.id, "content": "this", "client_id": client_id}
    bodies = [body, body, {**body, "content": "that"}, {**body, "content": "that"}]
    answers = await send_all(nodes, alice, bodies * (AT_ONCE // 4))

    items = (await bob.http.get(f"/api/messages/{alice.id}")).json()["items"]
    assert len(items) == 1
    stored = Counter(answer == items[0] for answer in answers)
    assert stored[True] == stored[False] == len(answers) // 2
    assert all(answer in (items[0], 409) for answer in answers)


async def test_another_conversation_is_refused(nodes: Nodes) -> None:
    alice, bob, carol = [await register(nodes.near.url) for _ in range(3)]
    client_id = str(uuid4())
    to_bob, to_carol = [
        {"receiver_id": person.id, "content": "hello", "client_id": client_id}
        for person in (bob, carol)
    ]
    answers = await send_all(nodes, alice, [to_bob, to_carol] * 10)

    kept = [
        (await person.http.get(f"/api/messages/{alice.id}")).json()["items"]
        for person in (bob, carol)
    ]
    assert sorted(len(items) for items in kept) == [0, 1]
    assert answers.count(409) == len(answers) // 2
