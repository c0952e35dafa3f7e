"""Presence and typing in a tab: small vars only, and no effect of a forged event."""

from uuid import uuid4

from tests.harness.clients import Person, register
from tests.harness.tabs import TIMELINE, Tab

WRITE = f"{TIMELINE}.write"


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
        await mine.until(lambda: mine.messages(chat))
        await theirs.until(lambda: theirs.messages(chat))
        await mine.send(WRITE, path=chat)

        await theirs.until(lambda: theirs.fact("typing", "names"))

        assert theirs.fact("typing", "names") == ["Alice"]
        assert chat.endswith(theirs.fact("typing", "conversation_id"))
        await alice.write(bob, "done")
        await theirs.until(lambda: theirs.fact("typing", "names") == [])


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


async def test_a_peer_that_comes_online_sends_no_other_row(built_server: str) -> None:
    alice, bob, chat = await pair(built_server)
    await (await register(built_server)).write(alice, "another conversation")
    async with Tab.open(built_server, cookie=alice.cookie) as tab:
        await tab.hydrate(chat)
        await tab.until(lambda: tab.messages(chat) and len(tab.rows("conversations")) == 2)
        before = len(tab.received)
        async with bob.socket():
            await tab.until(lambda: tab.rows("chats")[0]["online"])
            await tab.until(lambda: any(row["online"] for row in tab.rows("conversations")))

        news = tab.received[before:]
        assert "another conversation" not in news
        assert "messages:" not in news
        (online,) = [row["id"] for row in tab.rows("conversations") if row["online"]]
        assert chat.endswith(online)
