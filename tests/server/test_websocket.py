"""WebSocket clients that do not read: close frames, time-outs and bounded buffers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from chat_app.realtime.outlet import WRITE_AT_ONCE
from chat_app.server import websocket
from chat_app.server.edge import AsgiApp, Message, Receive, Scope, Send
from chat_app.server.websocket import NOT_UTF8, WebSocketPeer
from tests.harness.clients import PATIENCE_S
from tests.harness.servers import LOOPBACK, free_port

GOODBYE = 4410
CHUNK = "x" * 16_384
# Both kernels' buffers, uvicorn's, and one frame more.
MOST_BYTES = 2 * 2**20
# The number of consecutive checks that find no new data sent.
STILL = 5


@dataclass
class Flood:
    """An application that sends without a pause until it is asked to close."""

    sent: int = 0
    at_once: bool = False
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    close_seen: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        tasks = [
            asyncio.create_task(work)
            for work in (self._send(scope, send), self._listen(receive), self.enough.wait())
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.enough.is_set():
            await send({"type": "websocket.close", "code": GOODBYE})
            self.close_seen.set()

    async def _send(self, scope: Scope, send: Send) -> None:
        while True:
            while self.at_once and scope["extensions"][WRITE_AT_ONCE](CHUNK.encode(), is_text=True):
                self.sent += len(CHUNK)
            await send({"type": "websocket.send", "text": CHUNK})
            self.sent += len(CHUNK)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self.gone.set()

    async def stuck(self) -> None:
        """Wait until no more data is sent."""
        still = 0
        while still < STILL:
            before = self.sent
            await asyncio.sleep(0.1)
            still = still + 1 if before == self.sent > 0 else 0


@asynccontextmanager
async def deaf(flood: Flood, *, heartbeat_s: float = 20) -> AsyncIterator[ClientConnection]:
    """Serve the flood; yield it and a client that does not read."""
    async with served(flood, heartbeat_s=heartbeat_s) as client:
        client.transport.pause_reading()
        try:
            yield client
        finally:
            client.transport.abort()


@asynccontextmanager
async def served(app: AsgiApp, *, heartbeat_s: float = 20) -> AsyncIterator[ClientConnection]:
    """Serve an application and yield a client of it."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=LOOPBACK,
            port=port,
            ws=WebSocketPeer,
            ws_ping_interval=heartbeat_s,
            ws_ping_timeout=heartbeat_s,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE_S):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        address = f"ws://{LOOPBACK}:{port}/"
        async with connect(
            address, compression=None, open_timeout=PATIENCE_S, proxy=None
        ) as client:
            yield client
    finally:
        server.should_exit = True
        await serving


@pytest.mark.parametrize("at_once", [False, True], ids=["sent", "written at once"])
async def test_a_close_frame_does_not_wait_for_a_client_that_reads_nothing(
    *, at_once: bool
) -> None:
    flood = Flood(at_once=at_once)
    async with deaf(flood) as client, asyncio.timeout(PATIENCE_S):
        await flood.stuck()
        assert 0 < flood.sent < MOST_BYTES
        flood.enough.set()
        await flood.close_seen.wait()

        client.transport.resume_reading()
        with contextlib.suppress(Exception):
            while True:
                await client.recv()
        assert client.close_code == GOODBYE


async def test_a_client_that_never_reads_the_close_frame_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "LINGER_S", 0.3)
    flood = Flood()
    async with deaf(flood) as client, asyncio.timeout(PATIENCE_S):
        await flood.stuck()
        flood.enough.set()
        await flood.close_seen.wait()
        await asyncio.sleep(0.6)  # time itself is the condition

        client.transport.resume_reading()
        with contextlib.suppress(Exception):
            while True:
                await client.recv()
        assert client.close_code != GOODBYE


async def test_a_client_that_answers_no_ping_is_dropped_with_its_unsent_frames() -> None:
    """Pull the cable in the middle of a flood: only unanswered pings reveal it."""
    flood = Flood()
    async with deaf(flood, heartbeat_s=0.5), asyncio.timeout(PATIENCE_S):
        await flood.gone.wait()


async def test_frames_of_every_size_that_are_written_at_once_arrive_whole() -> None:
    texts = ["ü" * (size // 2) + "x" * (size % 2) for size in (0, 125, 126, 65_535, 65_536)]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for text in texts:
            while not scope["extensions"][WRITE_AT_ONCE](text.encode(), is_text=True):
                await asyncio.sleep(0.01)
        await send({"type": "websocket.send", "text": "the end"})
        await receive()

    async with served(app) as client, asyncio.timeout(PATIENCE_S):
        assert [await client.recv() for _ in texts] == texts
        assert await client.recv() == "the end"


@pytest.mark.parametrize("is_split", [False, True], ids=["one frame", "fragments"])
async def test_text_that_is_not_utf8_closes_without_a_traceback(
    caplog: pytest.LogCaptureFixture, *, is_split: bool
) -> None:
    received: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while not received or received[-1]["type"] != "websocket.disconnect":
            received.append(await receive())

    async with served(app) as client, asyncio.timeout(PATIENCE_S):
        await client.send("good")
        broken = [b"half of \xc3", b"\x28"] if is_split else b"\xc3\x28"
        await client.send(broken, text=True)
        await client.wait_closed()

    assert client.close_code == NOT_UTF8
    assert [message.get("text", message.get("code")) for message in received] == ["good", NOT_UTF8]
    assert [record for record in caplog.records if record.exc_info] == []


async def test_nothing_is_written_at_once_after_a_close_frame() -> None:
    is_written = asyncio.get_running_loop().create_future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": GOODBYE})
        is_written.set_result(scope["extensions"][WRITE_AT_ONCE](b"too late", is_text=True))

    async with served(app) as client, asyncio.timeout(PATIENCE_S):
        assert await is_written is False
        with contextlib.suppress(Exception):
            await client.recv()
        assert client.close_code == GOODBYE
