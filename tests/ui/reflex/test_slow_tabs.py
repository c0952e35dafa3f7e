"""Tabs whose page does not read: they hold up nobody, take little memory, and catch up."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from tests.harness.chats import FRONT_END_BUILD_S, PAIRS, Farm, launch_built
from tests.harness.clients import register
from tests.harness.servers import ChatServer
from tests.harness.tabs import Tab

SLOW = 12
# More than an outlet and the kernel hold for a tab. Kept for each, all would take 126 MB, beside
# the 40 MB that so many messages take anyway.
TEXT = "x" * 7_000
ROUNDS, MESSAGES = 15, 100
MOST_MB = 110
# However slow the machine: no tab is closed for its silence.
HEARTBEAT_S = 600
PAGE = 50


@pytest.fixture
def chat(farm: Farm, tmp_path: Path) -> Iterator[ChatServer]:
    """Yield a whole chat of its own, whose memory nobody else takes."""
    chat = launch_built(
        farm.storage(PAIRS[0], tmp_path), CHAT_LIMITS="off", TEST_HEARTBEAT_S=str(HEARTBEAT_S)
    )
    try:
        chat.wait_until_ready(seconds=FRONT_END_BUILD_S)
        yield chat
    finally:
        chat.stop()


def memory_mb(chat: ChatServer) -> float:
    return float(psutil.Process(chat.server.process.pid).memory_info().rss) / 2**20


async def test_tabs_that_do_not_read_hold_up_nobody_and_catch_up(chat: ChatServer) -> None:
    ada = await register(chat.url, display_name="Ada")
    bea = await register(chat.url, display_name="Bea")
    first = await bea.write(ada, "first")
    path = f"/chat/{first['conversation_id']}"
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(bea.socket())
        quick, *slow = [
            await stack.enter_async_context(Tab.open(ada.url, cookie=ada.cookie))
            for _ in range(1 + SLOW)
        ]
        for tab in (quick, *slow):
            await tab.hydrate(path)
            await tab.until(lambda tab=tab: tab.messages(path) and tab.rows("conversations"))  # type: ignore[misc]  # mypy infers no lambda with a default
        for tab in slow:
            tab.connection.transport.pause_reading()

        before = memory_mb(chat)
        for number in range(ROUNDS):
            for one in range(MESSAGES):
                frame = {"type": "message", "id": f"{number}-{one}", "receiver_id": ada.id}
                await writer.send({**frame, "content": f"{number}-{one} {TEXT}"})
            last = f"{number}-{MESSAGES - 1} "
            await writer.expect("ack", id=last.strip())
            await quick.until(lambda last=last: last in quick.messages(path)[-1]["text"])  # type: ignore[misc]  # the same
        assert memory_mb(chat) - before < MOST_MB

        for tab in slow:
            assert len(tab.messages(path)) < ROUNDS * MESSAGES // 2
            tab.connection.transport.resume_reading()
        rows = quick.rows("conversations")
        for tab in slow:
            await tab.until(lambda tab=tab: tab.rows("conversations") == rows)  # type: ignore[misc]  # the same
            assert tab.messages(path)[-PAGE:] == quick.messages(path)[-PAGE:]
