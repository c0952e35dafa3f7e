"""Pairs of people who write to each other without a pause, through every fault of their nodes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from uuid import uuid4

import httpx

from tests.harness.clients import Json, Person, as_json, http_client, register_many
from tests.harness.views import Device

INTERVAL_S = 0.02
SETTLED_WITHIN_S = 90
# A node that cannot reach the database, and a proxy's answer for a node that is gone.
TEMPORARY = {502, 503, 504}


class Talk:
    """Two people who write to each other all the time, over sockets and over HTTP."""

    def __init__(self, one: Person, other: Person, urls: Sequence[str]) -> None:
        self.people = (one, other)
        # The first device begins at the first node, the second at the last.
        self.devices = [Device(one, *urls), Device(other, *reversed(urls)), Device(other, *urls)]
        self.acked: dict[str, Json] = {}
        self._urls = urls

    async def write_by_socket(self, until: asyncio.Event) -> None:
        """Send until stopped, each message after the ack of the one before."""
        sender, receiver = self.devices[0], self.people[1]
        while not until.is_set():
            client_id = str(uuid4())
            frame = {"type": "message", "id": client_id, "receiver_id": receiver.id}
            reply = await sender.ask({**frame, "content": f"socket {client_id}"})
            if reply["type"] == "ack":
                self.acked[client_id] = reply["message"]
            else:
                assert reply["retryable"], reply
            await asyncio.sleep(INTERVAL_S)

    async def write_by_http(self, until: asyncio.Event) -> None:
        """Post until stopped, to whichever node answers."""
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
                await asyncio.sleep(INTERVAL_S)

    async def check(self) -> None:
        """Wait until every device shows what is stored; check that it is complete and in order."""
        one, other = self.people
        history = await one.whole_history(other)
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


async def insist(clients: list[httpx.AsyncClient], body: Json) -> Json:
    """Post to one node after the other until one of them has stored it."""
    async with asyncio.timeout(180):
        while True:
            for client in clients:
                with contextlib.suppress(httpx.TransportError):
                    reply = await client.post("/api/messages", json=body)
                    if reply.is_success:
                        return as_json(reply)
                    assert reply.status_code in TEMPORARY, reply.text
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def talking(urls: Sequence[str], *, pairs: int) -> AsyncIterator["list[Talk]"]:
    """Exchange messages between pairs of people inside; check at the end that none is lost."""
    people = await register_many(urls[0], 2 * pairs)
    talks = [Talk(one, other, urls) for one, other in zip(people[::2], people[1::2], strict=True)]
    enough = asyncio.Event()
    writing = [
        asyncio.create_task(write(enough))
        for talk in talks
        for write in (talk.write_by_socket, talk.write_by_http)
    ]
    try:
        await more_acked(talks, each=20)
        yield talks
        enough.set()
        await asyncio.gather(*writing)
        for talk in talks:
            await talk.check()
    finally:
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        for talk in talks:
            for device in talk.devices:
                await device.close()


async def more_acked(talks: Iterable[Talk], *, each: int, seconds: float = 90) -> None:
    """Wait until `each` more messages of every talk are acked."""
    before = {talk: len(talk.acked) for talk in talks}
    async with asyncio.timeout(seconds):
        while any(len(talk.acked) < count + each for talk, count in before.items()):
            await asyncio.sleep(0.05)
