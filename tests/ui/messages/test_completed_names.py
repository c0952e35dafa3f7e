"""The names that the composer completes, over the wire: for members only, whatever is asked."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.harness.clients import Person
from tests.harness.tabs import Tab, state_name

MENTIONS = state_name("messages.mentions", "mention_state")
FORGED: list[object] = ["", "x" * 100_000, "\u202e", "\x00", None, 7, [], {"id": 1}, True]


@pytest_asyncio.fixture
async def tab(ada: Person) -> AsyncIterator[Tab]:
    """Yield Ada's tab."""
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/")
        yield tab


async def found(tab: Tab, conversation_id: str, text: str) -> list[str]:
    """Return the usernames that are offered for the text."""
    await tab.send(f"{MENTIONS}.find", {"conversation_id": conversation_id, "text": text})
    await tab.until(
        lambda: (
            (tab.fact("mentions", "conversation_id"), tab.fact("mentions", "query"))
            == (conversation_id, text)
        )
    )
    return [row["username"] for row in tab.rows("mentions")]


async def test_other_members_and_everybody_are_offered(
    tab: Tab, ada: Person, bea: Person, eve: Person
) -> None:
    group = (await ada.make_group(bea, eve))["id"]

    assert sorted(await found(tab, group, "")) == sorted([bea.username, eve.username, "all"])
    assert await found(tab, group, "BEA") == [bea.username]
    assert await found(tab, group, "al") == ["all"]
    assert await found(tab, group, "nobody") == []


async def test_the_other_person_of_a_direct_conversation_is_offered(
    tab: Tab, ada: Person, bea: Person
) -> None:
    direct = (await ada.opened(bea))["id"]

    assert await found(tab, direct, "b") == [bea.username]
    assert await found(tab, direct, "al") == []


async def test_nobody_of_a_group_of_others_is_offered(tab: Tab, bea: Person, eve: Person) -> None:
    group = (await bea.make_group(eve))["id"]

    assert await found(tab, group, "") == []


async def test_forged_arguments_find_nobody(tab: Tab, ada: Person, bea: Person) -> None:
    group = (await ada.make_group(bea))["id"]
    for forged in FORGED:
        await tab.send(f"{MENTIONS}.find", {"conversation_id": forged, "text": "b"})
        await tab.send(f"{MENTIONS}.find", {"conversation_id": group, "text": forged})
    await tab.settled()

    assert await found(tab, group, "bea") == [bea.username]
