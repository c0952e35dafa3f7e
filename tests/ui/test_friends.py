"""The people screen over the wire: live lists, and handlers called with forged arguments."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.harness.clients import PATIENCE_S, Person, as_json, register
from tests.harness.processor import within
from tests.harness.tabs import FRIENDS, Tab

HANDLERS = ("request", "accept", "remove_request", "unfriend", "block", "unblock", "talk_to")
FORGED: list[object] = [
    "", "me", "a" * 100_000, "../..", "\u202e", "0198c0de\u200b", None, 7, -1, [], {"id": 1}, True,
]  # fmt: skip


@pytest_asyncio.fixture
async def tab(ada: Person) -> AsyncIterator[Tab]:
    """Yield Ada's tab on the people screen."""
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/people")
        await tab.until(lambda: tab.fact("people", "loaded"))
        yield tab


def ids(tab: Tab, name: str) -> list[str]:
    return [row["id"] for row in tab.rows("people") if row["group"] == name]


def all_ids(tab: Tab) -> dict[str, str]:
    """Return the list that each user is in, suggestions aside."""
    lists = ("friends", "incoming", "outgoing", "blocked")
    return {user_id: name for name in lists for user_id in ids(tab, name)}


async def call(tab: Tab, handler: str, user_id: Any, **more: Any) -> None:  # noqa: ANN401  # forged
    await tab.send(f"{FRIENDS}.{handler}", {"user_id": user_id, **more}, path="/people")


async def friendship(one: Person, other: Person) -> str:
    return str(as_json(await one.http.get(f"/api/users/{other.id}"))["friendship"])


async def test_the_lists_follow_events(tab: Tab, ada: Person, bea: Person) -> None:
    assert (tab.rows("people"), tab.fact("people", "waiting")) == ([], 0)

    async with within(1, patience_s=PATIENCE_S):
        await bea.request_friendship(ada)
        await tab.until(lambda: ids(tab, "incoming") == [bea.id])
    assert tab.fact("people", "waiting") == 1
    async with within(1, patience_s=PATIENCE_S):
        await ada.http.post("/api/friends/accept", json={"user_id": bea.id})
        await tab.until(lambda: ids(tab, "friends") == [bea.id])
    assert (ids(tab, "incoming"), tab.fact("people", "waiting")) == ([], 0)
    await bea.block(ada)
    await tab.until(lambda: ids(tab, "friends") == [])
    assert ids(tab, "blocked") == []


async def test_another_screen_shows_the_number_of_requests_alone(ada: Person, bea: Person) -> None:
    await bea.request_friendship(ada)
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/")
        await tab.until(lambda: tab.fact("people", "waiting") == 1)
        assert tab.rows("people") == []

        await bea.http.delete(f"/api/friends/requests/{ada.id}")
        await tab.until(lambda: tab.fact("people", "waiting") == 0)
        assert tab.fact("people", "loaded") is None


async def test_the_presence_of_a_friend_costs_a_patch_and_no_state(
    tab: Tab, ada: Person, bea: Person
) -> None:
    await bea.request_friendship(ada)
    await ada.http.post("/api/friends/accept", json={"user_id": bea.id})
    await tab.until(lambda: ids(tab, "friends") == [bea.id])
    await tab.settled()
    before = len(tab.received)

    async with Tab.open(bea.url, cookie=bea.cookie) as beas:
        await beas.hydrate("/")
        await tab.until(lambda: tab.rows("people")[0]["online"])

    assert "delta" not in tab.received[before:]
    assert '"patch"' in tab.received[before:]


async def test_every_handler_changes_the_friendship_it_names(
    tab: Tab, ada: Person, bea: Person
) -> None:
    for handler, shown, expected in (
        ("request", "outgoing", "requested"),
        ("remove_request", "", "none"),
        ("block", "blocked", "blocked"),
        ("unblock", "", "none"),
    ):
        await call(tab, handler, bea.id)
        await tab.until(lambda shown=shown: all_ids(tab) == ({bea.id: shown} if shown else {}))  # type: ignore[misc]  # of this round
        assert await friendship(ada, bea) == expected
    await bea.request_friendship(ada)
    await call(tab, "accept", bea.id)
    await tab.until(lambda: all_ids(tab) == {bea.id: "friends"})
    assert await friendship(ada, bea) == "friends"
    await call(tab, "choose", bea.id, name="whoever")
    await tab.until(lambda: tab.var(FRIENDS, "chosen_name") == "Bea")
    assert tab.var(FRIENDS, "chosen_friendship") == "friends"
    await call(tab, "unfriend", bea.id)
    await tab.until(lambda: tab.var(FRIENDS, "chosen_id") == "")
    assert await friendship(ada, bea) == "none"
    await call(tab, "talk_to", bea.id)
    await tab.until(lambda: tab.redirects)
    assert tab.redirects[0].startswith("/chat/")


async def test_the_dialog_outlives_the_load_of_its_page_and_closes_on_another(
    tab: Tab, bea: Person
) -> None:
    await call(tab, "choose", bea.id, name="Bea")
    await tab.until(lambda: tab.var(FRIENDS, "chosen_id") == bea.id)

    # A page may be used before its load is handled.
    await tab.send(f"{FRIENDS}.load", path="/people")
    await tab.settled()
    assert tab.var(FRIENDS, "chosen_id") == bea.id

    await tab.send(f"{FRIENDS}.count", path="/saved")
    await tab.until(lambda: tab.var(FRIENDS, "chosen_id") == "")


async def test_a_forged_id_changes_nothing(tab: Tab) -> None:
    for handler, forged in product(HANDLERS, FORGED):
        case = f"{handler} {forged!r:.40}"
        await call(tab, handler, forged)
        await tab.settled()

        assert tab.redirects == [], case
        assert len(tab.var(FRIENDS, "failed_id")) <= 100, case
        lists = [ids(tab, name) for name in ("friends", "outgoing", "blocked")]
        assert lists == [[], [], []], case


async def test_an_unknown_id_and_the_own_id_get_an_error(tab: Tab, ada: Person) -> None:
    for handler in HANDLERS:
        unknown = str(uuid4())
        await call(tab, handler, unknown)

        await failed(tab, handler, unknown)
        assert tab.var(FRIENDS, "failed") == "There is no such person.", handler
        await call(tab, handler, ada.id)
        await failed(tab, handler, ada.id)
        assert tab.redirects == [], handler


async def failed(tab: Tab, handler: str, user_id: str) -> None:
    """Wait until the tab shows that an action with somebody failed."""
    try:
        await tab.until(lambda: tab.var(FRIENDS, "failed_id") == user_id)
    except TimeoutError:
        pytest.fail(f"{handler}: no error")


async def test_a_request_of_others_cannot_be_accepted(tab: Tab, ada: Person, bea: Person) -> None:
    carl = await register(ada.url)
    await bea.request_friendship(carl)

    for person in (bea, carl):
        await call(tab, "accept", person.id)
        await tab.until(lambda person=person: tab.var(FRIENDS, "failed_id") == person.id)  # type: ignore[misc]  # of this round
    assert await friendship(bea, carl) == "requested"
    assert ids(tab, "friends") == []


async def test_an_anonymous_tab_does_nothing(ada: Person) -> None:
    for handler in ("load", "load_again", "count", "dismiss", *HANDLERS):
        async with Tab.open(ada.url) as tab:
            await tab.hydrate("/login")
            payload = {"user_id": ada.id} if handler in HANDLERS else {}
            await tab.send(f"{FRIENDS}.{handler}", payload)
            await tab.settled()

            assert tab.lists.get("people") is None, handler
            assert tab.var(FRIENDS, "failed_id") in {None, ""}, handler


async def test_the_head_of_a_chat_follows_the_friendship_with_its_person(
    ada: Person, bea: Person
) -> None:
    conversation = await ada.opened(bea)
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(f"/chat/{conversation['id']}")

        def is_now(state: str) -> bool:
            return [row["friendship"] for row in tab.rows("chats")] == [state]

        await tab.until(lambda: is_now("none"))
        assert tab.rows("chats")[0]["peer_id"] == bea.id
        await bea.request_friendship(ada)
        await tab.until(lambda: is_now("incoming"))
        await ada.http.post("/api/friends/accept", json={"user_id": bea.id})
        await tab.until(lambda: is_now("friends"))
        await ada.block(bea)
        await tab.until(lambda: is_now("blocked"))
        await ada.http.delete(f"/api/blocks/{bea.id}")
        await tab.until(lambda: is_now("none"))
