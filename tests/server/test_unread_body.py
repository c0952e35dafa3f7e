"""Bodies that are answered before they were read: ordinary clients see the answer."""

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping

import pytest

from chat_app.server import unread_body
from chat_app.server.edge import Message, Receive, Scope, Send
from chat_app.server.unread_body import discard_unread
from tests.harness.clients import Json, Person, assert_problem, http_client
from tests.harness.servers import LOOPBACK, ChatServer

MEGABYTE = 2**20
JSON = {"Content-Type": "application/json"}
CLOSING = JSON | {"Connection": "close"}

# nginx has its own limit, and reads on by itself.
pytestmark = pytest.mark.one_process


def body_of(megabytes: int) -> Iterator[bytes]:
    """Yield a body in parts, which `http.client` sends chunked."""
    for _ in range(megabytes):
        yield b" " * MEGABYTE


def post(
    chat: ChatServer, path: str, body: bytes | Iterator[bytes], headers: Mapping[str, str]
) -> tuple[int, Json]:
    """Post with a client that sends all of its body before it reads."""
    connection = http.client.HTTPConnection(LOOPBACK, chat.port, timeout=60)
    try:
        connection.request("POST", path, body, headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


@pytest.mark.parametrize("megabytes", [3, 20, 64])
async def test_a_body_that_is_too_large_is_answered(chat: ChatServer, megabytes: int) -> None:
    async with http_client(chat.url) as client:
        reply = await client.post("/api/auth/login", content=b" " * (megabytes * MEGABYTE))
    plain = await asyncio.to_thread(
        post, chat, "/api/auth/login", b" " * (megabytes * MEGABYTE), JSON
    )

    assert_problem(reply, 413, "body_too_large")
    assert plain[0] == 413
    assert plain[1]["code"] == "body_too_large"


@pytest.mark.parametrize("headers", [JSON, CLOSING], ids=["staying", "closing"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/auth/login", 413),
        ("/api/messages", 401),
        ("/api/nothing", 404),
        ("/api/health/live", 405),
        ("/nothing", 404),
    ],
)
async def test_every_early_answer_is_seen(
    chat: ChatServer, path: str, status: int, headers: Mapping[str, str], *, is_chunked: bool
) -> None:
    body = body_of(20) if is_chunked else b" " * (20 * MEGABYTE)

    assert (await asyncio.to_thread(post, chat, path, body, headers))[0] == status


async def test_a_refused_sign_in_with_a_large_body_is_answered(
    limited_chat: ChatServer,
) -> None:
    body = json.dumps({"username": "nobody-here", "password": "x" * 20}).encode()
    padded = body + b" " * (MEGABYTE)
    statuses = [
        (await asyncio.to_thread(post, limited_chat, "/api/auth/login", padded, CLOSING))[0]
        for _ in range(6)
    ]

    assert statuses == [401] * 5 + [429]


def test_a_client_that_asks_first_sends_nothing(chat: ChatServer) -> None:
    """As curl does before it sends a large body."""
    head = (
        "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {20 * MEGABYTE}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((LOOPBACK, chat.port), 5) as connection:
        connection.sendall(head.encode())
        reply = connection.recv(4096)

    assert reply.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in reply.lower()


async def test_a_short_body_that_was_not_read_leaves_the_connection_open(
    chat: ChatServer, alice: Person
) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, chat.port, timeout=30)

    def post_twice() -> list[int]:
        statuses = []
        for headers in (JSON, JSON | {"Authorization": f"Bearer {alice.access_token}"}):
            connection.request("POST", "/api/messages", b"{" + b" " * 100_000, headers)
            reply = connection.getresponse()
            reply.read()
            statuses.append(reply.status)
            assert connection.sock is not None
        return statuses

    assert await asyncio.to_thread(post_twice) == [401, 400]
    connection.close()


class Client:
    """A client whose body never ends, or stops to come; `asked` counts its parts."""

    def __init__(self, *, stops_after: int | None = None) -> None:
        self.asked = 0
        self.sent: list[Message] = []
        self._stops_after = stops_after

    async def receive(self) -> Message:
        """Return a part of a megabyte."""
        if self.asked == self._stops_after:
            await asyncio.Event().wait()
        self.asked += 1
        return {"type": "http.request", "body": b" " * MEGABYTE, "more_body": True}

    async def send(self, message: Message) -> None:
        """Keep a message."""
        self.sent.append(message)


async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer at once."""
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


SCOPE = {"type": "http", "headers": [(b"transfer-encoding", b"chunked")]}


async def test_an_endless_body_is_read_in_bounds() -> None:
    client = Client()

    await discard_unread(refuse)(SCOPE, client.receive, client.send)

    assert 64 <= client.asked <= 66
    assert [message.get("more_body") for message in client.sent] == [None, True, False]


async def test_a_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unread_body, "IDLE_S", 0.05)
    client = Client(stops_after=3)
    began = time.monotonic()

    await discard_unread(refuse)(SCOPE, client.receive, client.send)

    assert client.asked == 3
    assert time.monotonic() - began < unread_body.MAX_S / 2
    assert client.sent[-1]["more_body"] is False
