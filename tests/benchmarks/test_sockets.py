"""The load client reads what our server sends, compressed or not."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from benchmarks.sockets import Wire

DEFLATE = ServerPerMessageDeflateFactory(server_no_context_takeover=True)


@pytest.mark.parametrize("compress", [True, False])
async def test_a_wire_reads_every_text(*, compress: bool) -> None:
    texts = [b"x" * size for size in (1, 125, 126, 20_000, 70_000)]
    extensions = [DEFLATE] if compress else []

    async def echo(connection: ServerConnection) -> None:
        async for text in connection:
            await connection.send(text)

    received: list[bytes] = []
    async with serve(echo, "127.0.0.1", 0, compression=None, extensions=extensions) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        wire = await Wire.open(f"http://127.0.0.1:{port}/", on_text=received.append)
        for text in texts:
            wire.send(text)
        async with asyncio.timeout(10):
            while len(received) < len(texts):
                await asyncio.sleep(0.01)
        wire.close()

    assert received == texts


async def test_an_error_in_a_callback_reaches_the_loop() -> None:
    broken: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))

    async def greet(connection: ServerConnection) -> None:
        await connection.send("hello")
        await connection.wait_closed()

    def fail(_text: bytes) -> None:
        raise ValueError("a broken promise")

    async with serve(greet, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        wire = await Wire.open(f"http://127.0.0.1:{port}/", on_text=fail)
        async with asyncio.timeout(10):
            while not wire.closed:
                await asyncio.sleep(0.01)

    assert "a broken promise" in str(broken)
