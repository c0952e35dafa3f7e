"""Trust 8: stopped under load, one node after the other. Everybody is told, nobody loses anything.

What a stopping server does with its sockets is in tests/socket/test_stopping.py.
"""

import asyncio
import contextlib
import time
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from tests.clients import Json, Person, as_json, http_client, register
from tests.servers import ChatServer
from tests.trust.conftest import Nodes, StartNodes
from tests.views import Device

RESTARTING = 1012
DRAINED_WITHIN_S = 10
PAIRS_OF_PEOPLE = 4
EVERY_S = 0.02
SETTLED_WITHIN_S = 20


class Talk:
    """Two people who write to each other all the time, over sockets and over HTTP."""

    def __init__(self, one: Person, other: Person, nodes: Nodes) -> None:
        urls = [node.url for node in nodes.all]
        self.people = (one, other)
        # The first device begins at the one node, the second at the other.
        self.devices = [Device(one, *urls), Device(other, *urls[::-1]), Device(other, *urls)]
        self.acked: dict[str, Json] = {}
        self._urls = urls

    async def write_by_socket(self, until: asyncio.Event) -> None:
        """Send until told to stop, each once the one before it is acked."""
        sender, receiver = self.devices[0], self.people[1]
        while not until.is_set():
            client_id = str(uuid4())
            frame = {"type": "message", "id": client_id, "receiver_id": receiver.id}
            reply = await sender.ask({**frame, "content": f"socket {client_id}"})
            if reply["type"] == "ack":
                self.acked[client_id] = reply["message"]
            else:
                assert reply["retryable"], reply
            await asyncio.sleep(EVERY_S)

    async def write_by_http(self, until: asyncio.Event) -> None:
        """Post until told to stop, to whichever node answers."""
        sender, receiver = self.people[1], self.people[0]
        headers = {"Authorization": f"Bearer {sender.access_token}"}
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(http_client(url, headers=headers))
                for url in self._urls
            ]
            while not until.is_set():
                client_id = str(uuid4())
                body = {"receiver_id": receiver.id, "client_id": client_id}
                self.acked[client_id] = await insist(
                    clients, {**body, "content": f"http {client_id}"}
                )
                await asyncio.sleep(EVERY_S)

    async def check(self) -> None:
        """Wait until every device shows what is stored; see that all is there, in order, once."""
        history = await self._stored()
        conversation_id = history[0]["conversation_id"]
        assert [message["seq"] for message in history] == list(range(1, len(history) + 1))
        ids = [message["client_id"] for message in history]
        assert len(set(ids)) == len(ids)
        stored = {message["client_id"]: message for message in history}
        for client_id, message in self.acked.items():
            assert stored.get(client_id) == message, "acked is stored"
        for device in self.devices:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SETTLED_WITHIN_S):
                    while device.view.timeline(conversation_id) != history:
                        await asyncio.sleep(0.05)
            assert device.view.timeline(conversation_id) == history

    async def _stored(self) -> list[Json]:
        one, other = self.people
        items: list[Json] = []
        while True:
            params = {"limit": 100, "after": items[-1]["seq"] if items else 0}
            page = (await one.http.get(f"/api/messages/{other.id}", params=params)).json()
            items += page["items"]
            if not page["has_more"]:
                return items


async def insist(clients: list[httpx.AsyncClient], body: Json) -> Json:
    """Post to one node after the other until one of them has stored it."""
    async with asyncio.timeout(60):
        while True:
            for client in clients:
                with contextlib.suppress(httpx.TransportError):
                    reply = await client.post("/api/messages", json=body)
                    if reply.is_success:
                        return as_json(reply)
                    assert reply.status_code == 503, reply.text
            await asyncio.sleep(0.05)


async def restart(node: ChatServer) -> float:
    """Stop a node as an operator does and start it again; return how long it took to end."""
    started = time.monotonic()
    status = await asyncio.to_thread(node.stop)
    took = time.monotonic() - started
    assert status == 0
    assert "Traceback" not in node.log()
    await asyncio.to_thread(node.restart)
    return took


@pytest.mark.timeout(180)
async def test_a_rolling_restart_under_load_loses_nothing(start_nodes: StartNodes) -> None:
    nodes = start_nodes()
    people = await asyncio.gather(*(register(nodes.near.url) for _ in range(2 * PAIRS_OF_PEOPLE)))
    talks = [Talk(one, other, nodes) for one, other in zip(people[::2], people[1::2], strict=True)]
    enough = asyncio.Event()
    writing = [
        asyncio.create_task(write(enough))
        for talk in talks
        for write in (talk.write_by_socket, talk.write_by_http)
    ]
    devices = [device for talk in talks for device in talk.devices]
    try:
        async with asyncio.timeout(30):
            while min(len(talk.acked) for talk in talks) < 20:
                await asyncio.sleep(0.05)
        for node in nodes.all:
            before = sum(len(talk.acked) for talk in talks)
            assert await restart(node) < DRAINED_WITHIN_S
            async with asyncio.timeout(30):
                while sum(len(talk.acked) for talk in talks) < before + 40:
                    await asyncio.sleep(0.05)
        enough.set()
        await asyncio.gather(*writing)
        for talk in talks:
            await talk.check()
    finally:
        for device in devices:
            await device.close()

    codes = [code for device in devices for code in device.codes if code is not None]
    assert RESTARTING in codes
    # 1006: tried to come in while nobody was there.
    assert set(codes) <= {RESTARTING, 1006}


async def test_a_stopping_node_is_not_ready_and_takes_nobody(start_nodes: StartNodes) -> None:
    nodes = start_nodes()
    alice = await register(nodes.near.url)
    async with alice.socket() as socket:
        stopping = asyncio.create_task(asyncio.to_thread(nodes.near.stop))
        assert await socket.close_code() == RESTARTING
        with pytest.raises(httpx.TransportError):
            async with http_client(nodes.near.url) as client:
                await client.get("/api/health/ready")
        await stopping
    if nodes.far is not nodes.near:
        async with replace(alice, url=nodes.far.url).socket() as elsewhere:
            await elsewhere.settled()
