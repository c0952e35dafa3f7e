"""Half-open sockets: an unresponsive user is shown as offline within a minute."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.chats import PAIRS, Farm, start_built
from tests.harness.clients import Person, Socket, pull_cable, register
from tests.harness.tabs import Tab

MOST_S = 60
QUICK = {"TEST_HEARTBEAT_S": "4", "CHAT_PRESENCE_GRACE_SECONDS": "1"}
# Four bytes a letter: more than the system holds, and less than would be too slow a reader.
LONG = "𝄞" * 8_000
FLOOD = 40


@pytest.fixture(
    params=[
        pytest.param(QUICK, id="quick"),
        pytest.param({}, id="as usual", marks=pytest.mark.only_in_test_all),
    ]
)
def url(request: pytest.FixtureRequest, farm: Farm, tmp_path: Path) -> Iterator[str]:
    """Yield the address of a whole chat that waits short or as long as in production."""
    behind_nginx = request.config.getoption("--behind-nginx")
    storage = farm.storage(PAIRS[1] if behind_nginx else PAIRS[0], tmp_path, own_redis=True)
    settings = {"CHAT_LIMITS": "off", **request.param}
    chat = start_built(storage, behind_nginx=behind_nginx, **settings)
    try:
        yield chat.url
    finally:
        chat.stop()


async def test_an_unresponsive_peer_is_offline_within_a_minute(url: str) -> None:
    """Pull the cable of a quiet socket, a flooded one and a tab."""
    alice, writer, quiet, flooded, tab_owner = [await register(url) for _ in range(5)]
    people = (quiet, flooded, tab_owner)
    for person in people:
        await person.write(alice, "hello")
    async with (
        alice.socket() as watcher,
        quiet.socket() as quiet_socket,
        flooded.socket() as flooded_socket,
        Tab.open(url, cookie=tab_owner.cookie) as tab,
    ):
        await tab.hydrate("/")
        await tab.until(lambda: tab.fact("profile", "username"))
        await _until_presence(watcher, {person.id for person in people}, online=True)

        for connection in (quiet_socket.connection, flooded_socket.connection, tab.connection):
            pull_cable(connection)
        started = asyncio.get_running_loop().time()
        flood = asyncio.create_task(_flood(writer, flooded))
        await _until_presence(watcher, {person.id for person in people}, online=False)
        took = asyncio.get_running_loop().time() - started
        await flood
        # The server has aborted these connections: discard what is left in their buffers.
        for connection in (quiet_socket.connection, flooded_socket.connection, tab.connection):
            connection.transport.abort()

    assert took < MOST_S


async def _until_presence(watcher: Socket, user_ids: set[str], *, online: bool) -> None:
    async with asyncio.timeout(2 * MOST_S):
        while user_ids:
            event = await watcher.receive(seconds=2 * MOST_S)
            if event["type"] == "presence" and event["online"] is online:
                user_ids.discard(event["user_id"])


async def _flood(writer: Person, receiver: Person) -> None:
    for _ in range(FLOOD):
        await writer.write(receiver, LONG)
