"""Idle sockets behind nginx stay open: the nodes ping before nginx gives up."""

import asyncio
import re
from pathlib import Path

import pytest

from chat_app.server.uvicorn import HEARTBEAT_SECONDS
from tests.harness.chats import StartChat
from tests.harness.clients import register
from tests.harness.nginx import SITE, Nginx
from tests.harness.servers import LOOPBACK

HEARTBEAT_S = 2
# In the proportion of the real ones, and longer than the time that other requests get.
QUICK = {"90s": "6s", "30s": "2s"}
SILENT_S = 8


@pytest.mark.parametrize("location", ["= /ws", "/_event"])
def test_the_heartbeat_comes_more_than_twice_before_nginx_gives_up(location: str) -> None:
    [block] = re.findall(rf"location {location} {{(.*?)}}", SITE.read_text(), re.DOTALL)
    [patience] = re.findall(r"proxy_read_timeout (\d+)s;", block)

    assert int(patience) > 2 * (HEARTBEAT_SECONDS + HEARTBEAT_SECONDS / 2)


@pytest.mark.only_in_test_all
@pytest.mark.parametrize("pair", ["sqlite+memory"])
async def test_a_silent_socket_stays_open(start_chat: StartChat, tmp_path: Path) -> None:
    chat = start_chat(TEST_HEARTBEAT_S=f"{HEARTBEAT_S}")
    nginx = Nginx(tmp_path / "nginx", tls=False, changes=QUICK)
    nginx.start([f"{LOOPBACK}:{chat.port}"])
    try:
        alice = await register(nginx.url)
        async with alice.socket() as socket:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SILENT_S):
                    await socket.receive()

            await socket.settled()
    finally:
        nginx.stop()
