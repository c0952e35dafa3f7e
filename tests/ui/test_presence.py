"""Presence and typing in a tab: small vars only, and no effect of a forged event."""

from uuid import uuid4

from tests.harness.clients import Person, register
from tests.harness.tabs import CONVERSATIONS, TIMELINE, Tab, state_name

TYPING = state_name("messages.typing_state", "typing_state")
WRITE = f"{TYPING}.write"


async def pair(url: str) -> tuple[Person, Person, str]:
    """Return two people who have written to each other, and their conversation."""
    alice, bob = await register(url, display_name="Alice"), await register(url, display_name="Bob")
    message = await bob.write(alice, "hello")
    return alice, bob, f"/chat/{message['conversation_id']}"


async def test_typing_is_shown_with_the_name_in_the_tab_of_the_peer(built_server: str) -> None:
    alice, bob, chat = await pair(built_server)
    async with (
        Tab.open(built_server, cookie=alice.cookie) as mine,
        Tab.open(built_server, cookie=bob.cookie) as theirs,
    ):
        await mine.hydrate(chat)
        await theirs.hydrate(chat)
        await mine.until(lambda: mine.var(TIMELINE, "tail"))
        await theirs.until(lambda: theirs.var(TIMELINE, "tail"))
        await mine.send(WRITE, path=chat)

        await theirs.until(lambda: (theirs.var(TYPING, "writing") or {}).get("names"))

        writing = theirs.var(TYPING, "writing")
        assert writing["names"] == ["Alice"]
        assert chat.endswith(writing["conversation_id"])
        await alice.write(bob, "done")
        await theirs.until(lambda: theirs.var(TYPING, "writing")["names"] == [])


async def test_forged_typing_reaches_nobody(built_server: str) -> None:
    _, bob, chat = await pair(built_server)
    stranger = await register(built_server)
    async with (
        bob.socket() as receiver,
        Tab.open(built_server, cookie=stranger.cookie) as tab,
        Tab.open(built_server) as anonymous,
    ):
        await tab.hydrate(chat)
        for path in (chat, "/", f"/chat/{uuid4()}"):
            await tab.send(WRITE, path=path)
        await tab.settled()
        await anonymous.hydrate(chat)
        await anonymous.send(WRITE, path=chat)
        await anonymous.settled()

        assert "typing" not in [frame["type"] for frame in await receiver.settled()]


async def test_a_peer_that_comes_online_sends_no_list_again(built_server: str) -> None:
    alice, bob, chat = await pair(built_server)
    async with Tab.open(built_server, cookie=alice.cookie) as tab:
        await tab.hydrate(chat)
        await tab.until(lambda: tab.var(TIMELINE, "tail") and tab.var(CONVERSATIONS, "recent"))
        before = len(tab.received)
        async with bob.socket():
            await tab.until(lambda: (tab.var(TIMELINE, "peer") or {}).get("online"))
            await tab.until(lambda: tab.var(CONVERSATIONS, "online_ids"))

        news = tab.received[before:]
        assert [name for name in ("recent_rx", "others_rx", "tail_rx") if name in news] == []
        assert chat.endswith(tab.var(CONVERSATIONS, "online_ids")[0])
