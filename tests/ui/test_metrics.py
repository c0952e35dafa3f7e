"""Metrics of the screens: open tabs and requests for pages."""

import asyncio

from tests.harness import clients
from tests.harness.clients import PATIENCE_S, http_client
from tests.harness.tabs import Tab


async def metric(url: str, line: str) -> float:
    """Return the value of one line of the metrics."""
    async with http_client(url) as client:
        reply = await client.get("/api/metrics")
    assert reply.status_code == 200, reply.text
    [value] = [text for text in reply.text.splitlines() if text.startswith(line + " ")]
    return float(value.removeprefix(line))


async def test_open_tabs_are_counted(built_server: str) -> None:
    alice = await clients.register(built_server)
    async with Tab.open(built_server, cookie=alice.cookie) as tab:
        await tab.hydrate()
        async with asyncio.timeout(PATIENCE_S):
            while not await metric(built_server, "chat_tabs"):
                await asyncio.sleep(0.05)


async def test_all_pages_share_one_route(built_server: str) -> None:
    async with http_client(built_server) as client:
        await client.get("/login")
    line = 'chat_http_requests_total{method="GET",route="pages",status="200"}'

    assert await metric(built_server, line) >= 1
