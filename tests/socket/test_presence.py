"""Presence events over sockets: across nodes, and right after a node is killed."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta

import pytest

from tests.harness.chats import StartChat
from tests.harness.clients import Json, Person, log_in, register

GRACE = timedelta(seconds=1)
QUICK = {"CHAT_PRESENCE_GRACE_SECONDS": "1", "CHAT_PRESENCE_TTL_SECONDS": "6"}
# Contract: a node that dies leaves nobody online for longer.
MOST_S = 60


async def online(viewer: Person, person: Person) -> bool | None:
    """Return what a viewer sees on somebody's card."""
    reply = await viewer.http.get(f"/api/users/{person.id}")
    shown: bool | None = reply.json()["online"]
    return shown


def moment(text: object) -> datetime:
    """Read a time of the API."""
    return datetime.fromisoformat(str(text))


async def test_friends_get_presence_events_and_see_it_on_cards(alice: Person, bob: Person) -> None:
    await alice.befriend(bob)
    async with alice.socket() as socket:
        assert await online(alice, bob) is False
        async with bob.socket():
            came = await socket.expect("presence", user_id=bob.id, online=True)
            assert await online(alice, bob) is True

    assert moment(came["last_seen_at"]).tzinfo == UTC


async def test_strangers_get_no_presence_events(alice: Person, bob: Person, carol: Person) -> None:
    await alice.befriend(bob)
    async with carol.socket() as strange, alice.socket() as socket:
        async with bob.socket():
            await socket.expect("presence", user_id=bob.id, online=True)
        frames = await strange.settled()

    assert frames == []
    assert await online(carol, bob) is None


def shown_in(conversation: Json, person: Person) -> bool | None:
    """Return what a conversation shows of somebody's presence."""
    [card] = [card for card in conversation["members"] if card["id"] == person.id]
    shown: bool | None = card["online"]
    return shown


@pytest.mark.parametrize("beginning", ["a message", "opening it, too"])
async def test_a_conversation_shows_presence_when_both_see_it(
    alice: Person, bob: Person, beginning: str
) -> None:
    async with alice.socket() as mine, bob.socket() as theirs:
        opened = await alice.opened(bob)
        assert shown_in(opened, bob) is None
        assert await online(alice, bob) is None
        assert shown_in(await bob.conversation(opened["id"]), alice) is None
        await mine.settled()

        if beginning == "a message":
            await alice.write(bob, "Hello")
        else:
            assert shown_in(await bob.opened(alice), alice) is True

        for socket, other in ((mine, bob), (theirs, alice)):
            # What tells of the opening alone may come as late.
            shown = None
            while shown is None:
                update = await socket.expect("conversation.updated")
                shown = shown_in(update["conversation"], other)
            assert shown is True
        assert await online(alice, bob) is True
        listed = (await alice.http.get("/api/conversations")).json()["items"]
        assert shown_in(listed[0], bob) is True


async def test_hiding_and_showing_presence_is_sent_at_once(alice: Person, bob: Person) -> None:
    await alice.befriend(bob)
    async with alice.socket() as socket, bob.socket():
        await socket.expect("presence", user_id=bob.id, online=True)
        await bob.http.patch("/api/users/me", json={"share_presence": False})
        hidden = await socket.expect("presence", user_id=bob.id, online=None)
        assert await online(alice, bob) is None
        await bob.http.patch("/api/users/me", json={"share_presence": True})
        await socket.expect("presence", user_id=bob.id, online=True)

    assert hidden["last_seen_at"] is None


async def test_a_block_hides_both_from_each_other(alice: Person, bob: Person) -> None:
    await alice.write(bob, "hello")
    async with alice.socket() as mine, bob.socket() as theirs:
        await mine.expect("presence", user_id=bob.id, online=True)
        await bob.http.put(f"/api/blocks/{alice.id}")

        await mine.expect("presence", user_id=bob.id, online=None)
        await theirs.expect("presence", user_id=alice.id, online=None)
        await bob.http.delete(f"/api/blocks/{alice.id}")
        await mine.expect("presence", user_id=bob.id, online=True)


async def test_going_offline_is_sent_after_the_grace_with_its_time(start_chat: StartChat) -> None:
    chat = start_chat(**QUICK)
    alice, bob = await register(chat.url), await register(chat.url)
    await alice.befriend(bob)
    async with alice.socket() as socket:
        async with bob.socket():
            await socket.expect("presence", user_id=bob.id, online=True)
            leaves_at = datetime.now(UTC)
        gone = await socket.expect("presence", user_id=bob.id, online=False)

        received_at = datetime.now(UTC)
        assert leaves_at <= moment(gone["last_seen_at"]) < received_at - GRACE / 2
        card = (await alice.http.get(f"/api/users/{bob.id}")).json()
        assert card["last_seen_at"] == gone["last_seen_at"]


@pytest.mark.parametrize("pair", ["postgres+redis"])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(QUICK, id="quick"),
        pytest.param({}, id="as usual", marks=pytest.mark.only_in_test_all),
    ],
)
async def test_a_killed_node_leaves_nobody_online(
    start_chat: StartChat, settings: dict[str, str]
) -> None:
    chat = start_chat(**settings)
    dies = start_chat(**chat.joining, **settings)
    alice, bob, both = [await register(chat.url) for _ in range(3)]
    await alice.befriend(bob)
    await alice.befriend(both)
    bob_there, both_there = await log_in(dies.url, bob), await log_in(dies.url, both)
    async with alice.socket() as socket, both.socket():
        await socket.expect("presence", user_id=both.id, online=True)
        async with bob_there.socket(), both_there.socket():
            await socket.expect("presence", user_id=bob.id, online=True)
            # The friendship event may still show Bob as offline, which was true at that time.
            await socket.settled()
            killed_at = asyncio.get_running_loop().time()
            dies.end(with_signal=signal.SIGKILL)

            await socket.expect("presence", seconds=MOST_S, user_id=bob.id, online=False)
            took = asyncio.get_running_loop().time() - killed_at

        assert took < MOST_S
        assert await online(alice, bob) is False
        assert await online(alice, both) is True
        # An online event may be repeated, but no offline event may come.
        others = [frame for frame in await socket.settled() if frame.get("user_id") == both.id]
        assert [frame for frame in others if not frame["online"]] == []
