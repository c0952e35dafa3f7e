"""Presence under clock jumps, half-open links and killed tabs (trust 11): no flicker.

A killed node, an emptied Redis and several devices are in tests/realtime/test_online.py,
tests/presence and tests/socket/test_presence.py; killed tabs in tests/browser/test_killed_tabs.py.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from chat_app.core import clock
from tests.harness.chats import Farm, Storage
from tests.harness.clients import PATIENCE_S, Person, pull_cable, register
from tests.harness.connected import (
    QUICK,
    befriend,
    device,
    never_left,
    presence_so_far,
    until_settled,
)
from tests.harness.nodes import new_user, open_node
from tests.harness.servers import ChatServer

HEARTBEAT_S = 1.0
GRACE_S = 1.0
# Two heartbeats until a silent peer is missed, the grace, and a machine that is not ours alone.
GONE_WITHIN_S = 2 * HEARTBEAT_S + GRACE_S + 12
SILENT = {
    "TEST_HEARTBEAT_S": str(HEARTBEAT_S),
    "CHAT_PRESENCE_GRACE_SECONDS": str(GRACE_S),
    "CHAT_PRESENCE_TTL_SECONDS": "6",
}


@pytest.fixture(scope="module")
def silent_chats() -> Iterator[dict[str, ChatServer]]:
    """Yield the chats with a short heartbeat time-out, by pair, and stop them at the end."""
    chats: dict[str, ChatServer] = {}
    yield chats
    for chat in chats.values():
        chat.stop()


@pytest.fixture
def silent_chat(
    farm: Farm,
    pair: str,
    silent_chats: dict[str, ChatServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> ChatServer:
    """Return a chat with a short heartbeat time-out."""
    if pair not in silent_chats:
        storage = farm.storage(pair, tmp_path_factory.mktemp("silent"), own_redis=True)
        silent_chats[pair] = farm.start(storage, **SILENT)
    return silent_chats[pair]


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that shifts the nodes' wall clock by a number of hours."""

    def set_off(hours: float) -> None:
        class Off:
            @staticmethod
            def now(tz: tzinfo) -> datetime:
                return datetime.now(tz) + timedelta(hours=hours)

        monkeypatch.setattr(clock, "datetime", Off)

    return set_off


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_jump_changes_no_presence(
    storage: Storage, jump: Callable[[float], None], hours: int
) -> None:
    async with open_node(storage, **QUICK) as node:
        await until_settled(node)
        me, friend = await new_user(node), await new_user(node)
        await befriend(node, me, friend)
        async with device(node, me) as listener:
            async with device(node, friend):
                await listener.until_presence(friend, online=True)
                jump(hours)
                # Users who come and go meanwhile send events; the friend, who stays, sends none.
                events = await presence_so_far(node, listener, me)
                assert never_left(event for event in events if event.user_id == friend)
                assert await node.online.filter_connected([friend]) == {friend}
                jump(0)
                events = await presence_so_far(node, listener, me)
                assert never_left(event for event in events if event.user_id == friend)
            await listener.until_presence(friend, online=False)


def ended(chat: ChatServer) -> int:
    """Count the sockets that have ended: each is a line of the access log."""
    # The last one may be half written.
    whole = [line for line in chat.log().splitlines(keepends=True) if line.endswith("\n")]
    lines = [json.loads(line) for line in whole if line.startswith("{")]
    return sum(line["event"] == "request" and line["path"] == "/ws" for line in lines)


async def friends(url: str) -> tuple[Person, Person]:
    alice, bob = await register(url), await register(url)
    await alice.befriend(bob)
    return alice, bob


async def test_the_user_of_a_half_open_link_goes_offline(silent_chat: ChatServer) -> None:
    """Pull the cable: the peer sends no close frame and answers no ping."""
    alice, bob = await friends(silent_chat.url)
    async with alice.socket() as watching, bob.socket() as pulled:
        await watching.expect("presence", user_id=bob.id, online=True)
        # With a flood on its way, so that the server's buffers are full: to close is no end then.
        pull_cable(pulled.connection)
        for number in range(100):
            await alice.write(bob, f"{number} " + "x" * 7_000)

        gone = await watching.expect(
            "presence", seconds=GONE_WITHIN_S, user_id=bob.id, online=False
        )
        pulled.connection.transport.abort()

    assert datetime.now(UTC) - datetime.fromisoformat(gone["last_seen_at"]) < timedelta(minutes=1)


async def test_a_user_with_a_living_link_stays_online(silent_chat: ChatServer) -> None:
    alice, bob = await friends(silent_chat.url)
    async with alice.socket() as watching, bob.socket() as lives:
        await watching.expect("presence", user_id=bob.id, online=True)
        await watching.settled()
        before = ended(silent_chat)
        async with bob.socket() as pulled, bob.socket() as killed:
            pulled.connection.transport.pause_reading()
            killed.connection.transport.abort()
            async with asyncio.timeout(PATIENCE_S):
                while ended(silent_chat) < before + 2:
                    await asyncio.sleep(0.1)
            pulled.connection.transport.abort()
        # After the grace of the two ended sockets, the third is still connected.
        await lives.settled()
        await asyncio.sleep(2 * GRACE_S)  # time itself is the condition
        events = [frame for frame in await watching.settled() if frame["type"] == "presence"]

    # Bob's online event may be repeated.
    assert [frame for frame in events if not frame["online"]] == []
