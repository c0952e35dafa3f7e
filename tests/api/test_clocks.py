"""Clock skew: two nodes whose clocks are ten minutes apart behave as one chat."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.harness.chats import StartChat
from tests.harness.clients import Json, Person, http_client, log_in, register
from tests.harness.servers import ChatServer

# Generous: a slow machine is no wrong clock, and a wrong one is 300 s off.
NEAR = timedelta(seconds=100)
SETTINGS = {
    "CHAT_ACCESS_TOKEN_SECONDS": "120",
    "CHAT_PRESENCE_GRACE_SECONDS": "0.5",
    "CHAT_PRESENCE_TTL_SECONDS": "4",
}


@pytest.fixture
def nodes(start_chat: StartChat) -> list[ChatServer]:
    """Return a node five minutes ahead and one five minutes behind; tokens last two minutes."""
    ahead = start_chat(pair="postgres+redis", TEST_CLOCK_AHEAD_S="300", **SETTINGS)
    shared = {name: ahead.settings[name] for name in ("CHAT_DATABASE_URL", "CHAT_REDIS_URL")}
    behind = start_chat(pair="postgres+redis", TEST_CLOCK_AHEAD_S="-300", **shared, **SETTINGS)
    return [ahead, behind]


async def status_at(chat: ChatServer, person: Person) -> int:
    """Return what a node answers to somebody's access token."""
    headers = {"Authorization": f"Bearer {person.access_token}"}
    async with http_client(chat.url, headers=headers) as client:
        return (await client.get("/api/auth/me")).status_code


def is_now(time: str) -> bool:
    """Return whether a timestamp of the chat is the present time."""
    return abs(datetime.now(UTC) - datetime.fromisoformat(time)) < NEAR


async def test_users_of_nodes_with_wrong_clocks_notice_nothing(nodes: list[ChatServer]) -> None:
    ahead, behind = nodes
    alice, bob = await register(ahead.url), await register(behind.url)
    again = await log_in(behind.url, alice)

    # Each node accepts the other's tokens, neither as expired nor as issued in the future.
    for person in (alice, bob, again):
        assert [await status_at(node, person) for node in nodes] == [200, 200]

    # Messages are in order and of now.
    first = await alice.write(bob, "one")
    second = await bob.write(alice, "two")
    assert first["created_at"] < second["created_at"]
    assert is_now(first["created_at"])
    assert is_now(second["created_at"])

    # Presence and typing reach the other.
    gone = await seen_by(alice, bob, first["conversation_id"])
    assert is_now(gone["last_seen_at"])
    for node in nodes:
        assert "node.clock_off" in node.log()


async def seen_by(alice: Person, bob: Person, conversation_id: str) -> Json:
    """Connect, type and disconnect while the other watches; return the last presence event."""
    async with alice.socket() as here:
        async with bob.socket() as there:
            await here.expect("presence", user_id=bob.id, online=True)
            await there.send({"type": "typing", "conversation_id": conversation_id})
            await here.expect("typing", user_id=bob.id)
        return await here.expect("presence", user_id=bob.id, online=False, seconds=30)
