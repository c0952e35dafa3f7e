"""The handlers of the people search, called over the wire, with forged arguments too."""

from uuid import uuid4

from tests.harness.clients import Json, Person, register
from tests.harness.tabs import ROOT_STATE, Tab, state_name

PEOPLE = state_name("people.state", "people_state")
NO_IDS = ["", "x", "1", "' OR 1=1 --", "00000000-0000-0000-0000-000000000000"]


async def loaded(tab: Tab) -> None:
    """Wait until the page is done with its own events, which empty the search."""
    await tab.hydrate()
    await tab.until(
        lambda: tab.fact("conversations", "loaded") and tab.var(ROOT_STATE, "is_hydrated")
    )


async def searching(tab: Tab, text: str) -> list[Json]:
    """Search in a tab, and return the rows."""
    await tab.send(f"{PEOPLE}.search", {"text": text})
    await tab.until(lambda: tab.fact("found", "query") == text)
    rows: list[Json] = tab.rows("found")
    return rows


async def befriend(tab: Tab, user_id: str, action: str) -> None:
    """Call the handler of a button, whether the page has one or not."""
    await tab.send(f"{PEOPLE}.befriend", {"user_id": user_id, "action": action})


async def offers(tab: Tab, action: str) -> None:
    """Wait until the only search result has a button with that label."""
    await tab.until(lambda: [row["action"] for row in tab.rows("found")] == [action])


async def friendship(one: Person, other: Person) -> str:
    """Return the friendship of two people as the first sees it."""
    return str((await one.http.get(f"/api/users/{other.id}")).json()["friendship"])


async def test_a_tab_finds_people_and_makes_friends(built_server: str) -> None:
    ada, eve = await register(built_server), await register(built_server, display_name="Eve")
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await loaded(tab)
        [row] = await searching(tab, eve.username)
        assert (row["friendship"], row["action"]) == ("", "Add friend")

        await befriend(tab, eve.id, "Add friend")
        await offers(tab, "Cancel")
        assert await friendship(eve, ada) == "incoming"
        await befriend(tab, eve.id, "Cancel")
        await offers(tab, "Add friend")
        assert await friendship(eve, ada) == "none"

        # The other user's action is shown without a new search.
        await eve.http.post("/api/friends/request", json={"user_id": ada.id})
        await offers(tab, "Accept")
        await befriend(tab, eve.id, "Accept")
        await offers(tab, "")
        assert tab.rows("found")[0]["friendship"] == "Friends"

        await eve.http.put(f"/api/blocks/{ada.id}")
        await tab.until(lambda: tab.rows("found") == [])


async def test_forged_ids_reach_nobody(built_server: str) -> None:
    ada, eve = await register(built_server), await register(built_server)
    await eve.http.put(f"/api/blocks/{ada.id}")
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await loaded(tab)
        for action in ("Add friend", "Accept", "Cancel", "Block", ""):
            for user_id in (*NO_IDS, ada.id, eve.id, str(uuid4())):
                await befriend(tab, user_id, action)
                await tab.send(f"{PEOPLE}.talk_to", {"user_id": user_id})
            await tab.settled()

            assert tab.redirects == [], action
            requests = (await ada.http.get("/api/friends/requests")).json()
            assert requests == {"incoming": [], "outgoing": []}, action
            listed = (await ada.http.get("/api/conversations")).json()
            assert listed["items"] == [], action
            assert "Traceback" not in tab.received, action


async def test_an_anonymous_tab_finds_nobody(built_server: str) -> None:
    eve = await register(built_server)
    async with Tab.open(built_server) as tab:
        await tab.hydrate()
        await tab.send(f"{PEOPLE}.search", {"text": eve.username})
        await tab.settled()

        assert not tab.rows("found")
        assert eve.id not in tab.received


async def test_a_text_that_no_name_can_hold_finds_nobody(built_server: str) -> None:
    ada = await register(built_server)
    async with Tab.open(built_server, cookie=ada.cookie) as tab:
        await loaded(tab)
        for text in ("\x00", "a\x1bb", "x" * 1_000, "\u202e", "%"):
            await tab.send(f"{PEOPLE}.search", {"text": text})
            await tab.settled()

            assert not tab.rows("found"), text[:9]
            assert not tab.var(PEOPLE, "searching"), text[:9]
