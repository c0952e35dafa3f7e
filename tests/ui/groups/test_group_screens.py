"""The screens of groups over the wire: live details, and handlers called with forged arguments."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest_asyncio

from tests.harness.clients import Json, Person, as_json
from tests.harness.tabs import Tab, state_name

GROUP = state_name("groups.state", "group_state")
ADDING = state_name("groups.adding_state", "adding_state")
CHANNELS = state_name("groups.channels_state", "channels_state")
FORGED: list[object] = [
    "", "me", "a" * 50_000, "../..", "\u202e", "0198c0de\u200b", None, 7, -1, [], {"id": 1}, True,
]  # fmt: skip
# With the names of their arguments.
DETAILS = {
    "toggle": ("group_id",),
    "follow": ("group_id",),
    "search": ("text",),
    "load_more": (),
    "ask": ("question",),
    "save": ("form",),
    "set_role": ("user_id", "role"),
    "remove": ("user_id",),
    "leave": (),
    "delete": (),
    "mute": ("period",),
    "set_favourite": ("on",),
    "set_archived": ("on",),
    "show_invites": (),
    "invite": ("form",),
    "withdraw": ("invite_id",),
    "dismiss": (),
    "close": (),
    "arrive": (),
}


@pytest_asyncio.fixture
async def group(ada: Person, bea: Person) -> Json:
    """Return a group of Ada, who owns it, and Bea."""
    return await ada.make_group(bea, title="Choir")


@pytest_asyncio.fixture
async def tab(ada: Person, group: Json) -> AsyncIterator[Tab]:
    """Yield Ada's tab, with the details of the group."""
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(f"/chat/{group['id']}")
        await call(tab, "toggle", group_id=group["id"])
        await tab.until(lambda: len(tab.rows("members")) == 2)
        yield tab


async def call(tab: Tab, handler: str, **payload: Any) -> None:  # noqa: ANN401  # forged
    group_id = tab.fact("group", "id") or payload.get("group_id")
    await tab.send(f"{GROUP}.{handler}", payload, path=f"/chat/{group_id}")


def ids(tab: Tab, name: str) -> list[str]:
    return [row["id"] for row in tab.var(ADDING, name) or ()]


def roles(tab: Tab) -> dict[str, str]:
    return {row["id"]: row["role"] for row in tab.rows("members")}


async def test_the_details_follow_what_happens_to_the_group(
    tab: Tab, ada: Person, bea: Person, eve: Person, group: Json
) -> None:
    assert roles(tab) == {ada.id: "owner", bea.id: "member"}
    path = f"/api/conversations/{group['id']}"

    await ada.http.post(f"{path}/members", json={"user_ids": [eve.id]})
    await tab.until(lambda: len(tab.rows("members")) == 3)
    await ada.http.patch(f"{path}/members/{eve.id}", json={"role": "admin"})
    await tab.until(lambda: roles(tab)[eve.id] == "admin")
    await eve.http.patch(path, json={"title": "Band", "description": "Loud."})
    await tab.until(lambda: tab.fact("group", "description") == "Loud.")
    assert tab.fact("group", "title") == "Band"
    await ada.http.patch(f"{path}/me", json={"muted_until": "forever"})
    await tab.until(lambda: tab.fact("group", "muted"))
    await bea.http.delete(f"{path}/members/{bea.id}")
    await tab.until(lambda: bea.id not in roles(tab))
    await tab.until(lambda: tab.fact("group", "members_count") == 2)


async def test_the_details_close_when_their_reader_is_removed(
    ada: Person, bea: Person, group: Json
) -> None:
    async with Tab.open(bea.url, cookie=bea.cookie) as tab:
        await tab.hydrate(f"/chat/{group['id']}")
        await call(tab, "toggle", group_id=group["id"])
        await tab.until(lambda: len(tab.rows("members")) == 2)
        removed = f"/api/conversations/{group['id']}/members/{bea.id}"
        await ada.http.delete(removed)

        await tab.until(lambda: tab.fact("group", "id") == "")
        assert tab.rows("members") == []


async def test_each_handler_changes_what_it_names(
    tab: Tab, ada: Person, bea: Person, group: Json
) -> None:
    await call(tab, "set_role", user_id=bea.id, role="admin")
    await tab.until(lambda: roles(tab)[bea.id] == "admin")
    await call(tab, "save", form={"title": "Band", "posting": "admins"})
    await tab.until(lambda: tab.fact("group", "title") == "Band")
    assert tab.fact("group", "posting") == "admins"
    await call(tab, "mute", period="hour")
    await tab.until(lambda: tab.fact("group", "muted_until").startswith("20"))
    await call(tab, "mute", period="off")
    await tab.until(lambda: tab.fact("group", "muted") is False)
    await call(tab, "set_favourite", on=True)
    await tab.until(lambda: tab.fact("group", "favourite"))
    await call(tab, "search", text="bea")
    await tab.until(lambda: list(roles(tab)) == [bea.id])
    await call(tab, "search", text="")
    await call(tab, "show_invites")
    await tab.until(lambda: tab.var(GROUP, "link"))
    token = tab.var(GROUP, "link").rpartition("/")[2]
    assert as_json(await bea.http.get(f"/api/invites/{token}"))["title"] == "Band"
    await call(tab, "withdraw", invite_id=tab.var(GROUP, "invites")[0]["id"])
    await tab.until(lambda: tab.var(GROUP, "invites") == [])
    assert (await bea.http.get(f"/api/invites/{token}")).status_code == 404
    await call(tab, "remove", user_id=bea.id)
    await tab.until(lambda: list(roles(tab)) == [ada.id])
    await call(tab, "delete")
    await tab.until(lambda: tab.redirects == ["/"])
    reply = await ada.http.get(f"/api/conversations/{group['id']}")
    assert reply.status_code == 404


async def test_the_last_owner_is_told_why_they_cannot_leave(tab: Tab) -> None:
    await call(tab, "ask", question="leave")
    await call(tab, "leave")

    await tab.until(lambda: tab.var(GROUP, "failed") == "Make somebody else an owner first.")
    assert tab.var(GROUP, "asking") == "leave"
    assert tab.redirects == []


async def test_a_member_has_no_more_rights_by_calling_handlers(
    ada: Person, bea: Person, eve: Person, group: Json
) -> None:
    for intruder in (bea, eve):
        async with Tab.open(intruder.url, cookie=intruder.cookie) as tab:
            await tab.hydrate("/")
            await call(tab, "toggle", group_id=group["id"])
            await call(tab, "set_role", user_id=intruder.id, role="owner")
            await call(tab, "remove", user_id=ada.id)
            await call(tab, "save", form={"title": "Mine"})
            await call(tab, "show_invites")
            await call(tab, "delete")
            payload = {"group_id": group["id"]}
            await tab.send(f"{ADDING}.open_for", payload)
            await tab.send(f"{ADDING}.search", {"text": eve.username})
            await tab.send(f"{ADDING}.choose", {"user_id": eve.id})
            await tab.send(f"{ADDING}.add", {})
            await tab.settled()
            assert tab.var(GROUP, "link") in {None, ""}
    members = as_json(await ada.http.get(f"/api/conversations/{group['id']}/members"))
    assert {one["user"]["id"]: one["role"] for one in members["items"]} == {
        ada.id: "owner",
        bea.id: "member",
    }
    assert (await ada.conversation(group["id"]))["title"] == "Choir"


async def test_forged_arguments_change_nothing(tab: Tab, ada: Person, group: Json) -> None:
    harmless = {
        "leave",
        "delete",
        "arrive",
        "close",
        "toggle",
        "follow",
        "load_more",
        "show_invites",
    }
    for handler, names in DETAILS.items():
        if handler in harmless:
            continue
        for forged in FORGED:
            await call(tab, handler, **dict.fromkeys(names, forged))
    await tab.settled()

    assert tab.redirects == []
    assert len(tab.var(GROUP, "failed_id")) <= 100
    assert (await ada.conversation(group["id"]))["title"] == "Choir"
    members = as_json(await ada.http.get(f"/api/conversations/{group['id']}/members"))
    assert [one["role"] for one in members["items"]] == ["owner", "member"]


async def test_an_anonymous_tab_does_nothing(ada: Person, group: Json) -> None:
    async with Tab.open(ada.url) as tab:
        await tab.hydrate("/login")
        for handler, names in DETAILS.items():
            await call(tab, handler, **dict.fromkeys(names, group["id"]))
        for name in ("open_new", "dismiss", "add"):
            await tab.send(f"{ADDING}.{name}", {})
        await tab.send(f"{CHANNELS}.load", {})
        await tab.send(f"{CHANNELS}.join", {"group_id": group["id"]})
        await tab.settled()

        assert tab.lists.get("members") is None
        assert tab.var(ADDING, "purpose") in {None, ""}
        assert tab.var(CHANNELS, "loaded") in {None, False}


async def test_the_page_of_an_invitation_is_shown_without_a_session(ada: Person) -> None:
    async with Tab.open(ada.url) as tab:
        await tab.hydrate("/invite/whatever")
        await tab.until(lambda: tab.var("reflex___state____state", "is_hydrated"))

        assert tab.redirects == []
        assert tab.fact("account", "user_id") in {None, ""}


async def test_a_group_is_made_with_the_people_chosen(
    ada: Person, bea: Person, eve: Person
) -> None:
    await eve.http.patch("/api/users/me", json={"accept_messages_from": "friends"})
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/")
        await tab.send(f"{ADDING}.open_new", {})
        for person in (bea, eve):
            await tab.send(f"{ADDING}.search", {"text": person.username})
            await tab.until(
                lambda person=person: ids(tab, "found") == [person.id]  # type: ignore[misc]  # of this round
            )
            await tab.send(f"{ADDING}.choose", {"user_id": person.id})
        await tab.until(lambda: ids(tab, "chosen") == [bea.id, eve.id])
        await tab.send(f"{ADDING}.create", {"form": {"new_title": " "}})
        await tab.until(lambda: "title" in (tab.var(ADDING, "errors") or {}))
        await tab.send(f"{ADDING}.create", {"form": {"new_title": "Choir"}})
        await tab.until(lambda: tab.var(ADDING, "problem") == "Eve cannot be added by you.")
        assert [row["refused"] for row in tab.var(ADDING, "chosen")] == [False, True]
        await tab.send(f"{ADDING}.drop", {"user_id": eve.id})
        await tab.send(f"{ADDING}.create", {"form": {"new_title": "Choir"}})
        await tab.until(lambda: tab.redirects)

    made = await ada.conversation(tab.redirects[0].removeprefix("/chat/"))
    assert (made["title"], made["members_count"], made["me"]["role"]) == ("Choir", 2, "owner")


async def test_an_open_group_is_found_and_joined(ada: Person, bea: Person) -> None:
    title = f"Open {uuid4().hex}"
    group = await ada.make_group(title=title, visibility="open")
    async with Tab.open(bea.url, cookie=bea.cookie) as tab:
        await find_channel(tab, title)
        assert tab.rows("channels")[0]["joined"] is False
        await tab.send(f"{CHANNELS}.join", {"group_id": str(uuid4())}, path="/channels")
        await tab.until(lambda: tab.var(CHANNELS, "failed"))
        await tab.send(f"{CHANNELS}.join", {"group_id": group["id"]}, path="/channels")
        await tab.until(lambda: tab.redirects == [f"/chat/{group['id']}"])
        await tab.until(lambda: tab.rows("channels")[0]["joined"])


async def find_channel(tab: Tab, title: str) -> None:
    """Open the screen of open groups, and search for the one with this title."""
    await tab.hydrate("/channels")
    await tab.until(lambda: tab.fact("channels", "loaded"))
    # The last letter is missing: a part of the title is enough.
    await tab.send(f"{CHANNELS}.search", {"text": title[:-1]}, path="/channels")
    await tab.until(lambda: [row["name"] for row in tab.rows("channels")] == [title])


async def test_the_open_groups_follow_what_becomes_of_them(ada: Person, bea: Person) -> None:
    title = f"Open {uuid4().hex}"
    group = await ada.make_group(bea, title=title, visibility="open")
    path = f"/api/conversations/{group['id']}"
    async with Tab.open(bea.url, cookie=bea.cookie) as tab:
        await find_channel(tab, title)
        assert tab.rows("channels")[0]["joined"]
        (await bea.http.delete(f"{path}/members/{bea.id}")).raise_for_status()
        await tab.until(lambda: tab.rows("channels")[0]["joined"] is False)
        assert tab.rows("channels")[0]["members"] == "1 member"
        (await bea.http.post(f"{path}/join")).raise_for_status()
        await tab.until(lambda: tab.rows("channels")[0]["joined"])
        (await ada.http.patch(path, json={"description": "Of the lake"})).raise_for_status()
        await tab.until(lambda: tab.rows("channels")[0]["description"] == "Of the lake")
        (await ada.http.delete(path)).raise_for_status()
        await tab.until(lambda: tab.rows("channels") == [])


async def test_an_open_group_that_is_gone_cannot_be_joined_and_is_listed_no_more(
    ada: Person, bea: Person
) -> None:
    """Delete a group of which nobody tells the reader."""
    title = f"Open {uuid4().hex}"
    group = await ada.make_group(title=title, visibility="open")
    async with Tab.open(bea.url, cookie=bea.cookie) as tab:
        await find_channel(tab, title)
        (await ada.http.delete(f"/api/conversations/{group['id']}")).raise_for_status()
        await tab.send(f"{CHANNELS}.join", {"group_id": group["id"]}, path="/channels")
        await tab.until(lambda: tab.rows("channels") == [])
        assert tab.redirects == []


async def test_open_groups_are_followed_while_they_are_shown(ada: Person) -> None:
    title = f"Open {uuid4().hex}"
    await ada.make_group(title=title, visibility="open")
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await find_channel(tab, title)
        await tab.send(f"{CHANNELS}.close", path="/people")
        await tab.until(lambda: tab.rows("channels") == [])
        other = f"Other {uuid4().hex}"
        await ada.make_group(title=other, visibility="open")
        await tab.settled()
        assert tab.rows("channels") == []
        await tab.send(f"{CHANNELS}.load_again", path="/channels")
        await tab.until(lambda: other in [row["name"] for row in tab.rows("channels")])
