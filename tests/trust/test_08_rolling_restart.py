"""Rolling restart under load (trust 8): clients get 1012 and lose no message.

What a stopping server does with its sockets is in tests/socket/test_stopping.py.
"""

import asyncio
import time
from dataclasses import replace

import httpx
import pytest

from tests.harness.clients import http_client, register
from tests.harness.servers import ChatServer
from tests.harness.talk import more_acked, talking
from tests.harness.two_nodes import Nodes, restart

RESTARTING = 1012
DRAINED_WITHIN_S = 10
PAIRS_OF_PEOPLE = 4


async def stop(node: ChatServer) -> float:
    """Stop a node as an operator does; return how long it took to end."""
    started = time.monotonic()
    assert await asyncio.to_thread(node.stop) == 0
    return time.monotonic() - started


@pytest.mark.timeout(180)
async def test_a_rolling_restart_under_load_loses_nothing(nodes: Nodes) -> None:
    async with talking([node.url for node in nodes.all], pairs=PAIRS_OF_PEOPLE) as talks:
        for node in nodes.all:
            assert await stop(node) < DRAINED_WITHIN_S
            assert "Traceback" not in nodes.log(node)
            await restart(node)
            await more_acked(talks, each=10)

    codes = [
        code
        for talk in talks
        for device in talk.devices
        for code in device.codes
        if code is not None
    ]
    assert RESTARTING in codes
    # 1006: tried to come in while nobody was there.
    assert set(codes) <= {RESTARTING, 1006}


async def test_a_stopping_node_accepts_no_connection(nodes: Nodes) -> None:
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
