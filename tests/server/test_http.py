"""Clients that stop in the middle of a request, and requests that are not HTTP."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn

from chat_app.server import http
from chat_app.server.edge import Receive, Scope, Send
from chat_app.server.http import HttpPeer
from tests.harness.clients import PATIENCE_S, assert_problem
from tests.harness.servers import LOOPBACK, ChatServer, free_port

LIMIT_S = 0.3
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
ANSWER_S = 3 * LIMIT_S


async def answer_slowly(scope: Scope, receive: Receive, send: Send) -> None:
    """Read a body, and answer after longer than a client may pause."""
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        if not message["more_body"]:
            break
    await asyncio.sleep(ANSWER_S)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest_asyncio.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Yield the port of a server with short limits."""
    monkeypatch.setattr(http, "HEAD_SECONDS", LIMIT_S)
    monkeypatch.setattr(http, "BODY_PAUSE_SECONDS", LIMIT_S)
    app: Any = answer_slowly
    config = uvicorn.Config(
        app, host=LOOPBACK, port=free_port(), http=HttpPeer, log_config=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield config.port
    server.should_exit = True
    await serving


async def end_of(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send these pieces and return what comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    came = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            # Closed while we write, a connection is reset.
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await asyncio.sleep(pause_s)
                while some := await reader.read(4_096):
                    came += some
    finally:
        writer.close()
    return came


@pytest.mark.parametrize(
    "pieces",
    [(), (HEAD[:20],), (HEAD,), (HEAD, b"12345")],
    ids=["nothing", "half a head", "no body", "half a body"],
)
async def test_a_client_that_stops_loses_its_connection(
    port: int, pieces: tuple[bytes, ...]
) -> None:
    began = time.monotonic()

    assert await end_of(port, *pieces) == b""
    assert time.monotonic() - began >= LIMIT_S


async def test_a_head_that_comes_byte_by_byte_has_one_limit(port: int) -> None:
    pieces = [bytes([byte]) for byte in HEAD]

    assert await end_of(port, *pieces, pause_s=LIMIT_S / 10) == b""


async def test_a_slow_body_and_a_slow_answer_are_no_stop(port: int) -> None:
    closing = HEAD.replace(b"Host", b"Connection: close\r\nHost")
    pieces = [bytes([byte]) for byte in b"0123456789"]

    reply = await end_of(port, closing, *pieces, pause_s=LIMIT_S / 4)

    assert reply.startswith(b"HTTP/1.1 200")
    assert reply.endswith(b"0123456789")


async def test_a_second_request_of_a_connection_has_the_same_limit(port: int) -> None:
    reply = await end_of(port, HEAD + b"0123456789", HEAD[:20], pause_s=1.5 * ANSWER_S)

    assert reply.count(b"HTTP/1.1 200") == 1


@pytest.mark.one_process  # nginx refuses such requests by itself
@pytest.mark.parametrize(
    "head",
    [
        b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/health/live HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /api/health/live HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["unknown method", "broken header", "broken length", "TLS"],
)
async def test_a_request_that_is_not_http_is_answered_as_a_problem(
    chat: ChatServer, head: bytes
) -> None:
    start, _, body = (await end_of(chat.port, head)).partition(b"\r\n\r\n")
    first, *lines = start.decode().split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    reply = httpx.Response(int(first.split()[1]), headers=dict(pairs), content=body)
    async with httpx.AsyncClient() as client:
        usual = await client.get(f"{chat.url}/api/health/live")

    assert_problem(reply, 400, "malformed_request")
    own = {"connection", "content-length", "content-type", "x-request-id"}
    names = {name for name, _ in pairs}
    assert len(names) == len(pairs)
    assert names >= own | usual.headers.keys()
    assert reply.json()["request_id"] == reply.headers["x-request-id"]
    shared = names - own - {"date"}
    assert {name: reply.headers[name] for name in shared} == {
        name: usual.headers[name] for name in shared
    }
