"""Groups over HTTP: making, changing and deleting them, and their members and roles."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem

BAD_TITLES = [
    "Z\u0301\u0302\u0303\u0304",
    "",
    "   ",
    "x" * 101,
    "\u200b",
    "a\nb",
    "\u202eevil",
    "nul\x00",
]
GOOD_TITLES = ["🎉", "مجموعة العائلة", "x" * 100, "  Rowing club  "]


def path(group: Json, *parts: str) -> str:
    return "/".join(["/api/conversations", group["id"], *parts])


async def members(person: Person, group: Json, **query: str | int) -> Json:
    reply = await person.http.get(path(group, "members"), params=query)
    assert reply.status_code == 200, reply.text
    return as_json(reply)


async def set_role(owner: Person, group: Json, who: Person, role: str) -> None:
    reply = await owner.http.patch(path(group, "members", who.id), json={"role": role})
    assert reply.status_code == 200, reply.text
    assert as_json(reply)["role"] == role


async def notices(person: Person, group: Json) -> list[Json]:
    items = (await person.history(group["id"]))["items"]
    return [item["notice"] for item in items if item["kind"] == "notice"]


async def test_a_new_group_belongs_to_the_user_who_made_it(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, carol, title=" Lake ", description="Every Sunday")

    assert group["kind"] == "group"
    assert (group["title"], group["description"]) == ("Lake", "Every Sunday")
    assert (group["visibility"], group["history"], group["posting"]) == (
        "private", "all", "everyone",
    )  # fmt: skip
    assert group["members_count"] == 3
    assert group["me"] == {
        "role": "owner",
        "muted_until": None,
        "favourite": False,
        "archived": False,
        "since_seq": 0,
    }
    assert group["unread"] == group["unread_mentions"] == 0
    seen = await bob.conversation(group["id"])
    assert seen["me"]["role"] == "member"
    assert seen["unread"] == 0
    assert {one["id"] for one in seen["members"]} == {alice.id, bob.id, carol.id}
    [created] = await notices(bob, group)
    assert created["event"] == "created"
    assert created["actor_id"] == alice.id
    assert set(created["user_ids"]) == {bob.id, carol.id}
    assert seen["last_message"]["content"] == ""
    assert seen["last_message"]["sender"]["display_name"] == alice.user["display_name"]


async def test_titles_are_something_that_can_be_seen(alice: Person) -> None:
    for title in GOOD_TITLES:
        with case(title):
            group = await alice.make_group(title=title)
            assert group["title"] == title.strip()
    for title in BAD_TITLES:
        with case(title):
            body = {"kind": "group", "title": title, "member_ids": []}
            assert_invalid(await alice.http.post("/api/conversations", json=body), "title")


async def test_people_who_cannot_be_added_are_named_and_nothing_is_made(
    alice: Person, bob: Person, carol: Person, new_person: NewPerson
) -> None:
    dave = await new_person()
    await carol.block(alice)
    await dave.http.patch("/api/users/me", json={"accept_messages_from": "friends"})
    unknown = str(uuid4())
    gone = await new_person()
    await gone.leave()

    async def make(*ids: str) -> Any:  # noqa: ANN401  # a reply
        body = {"kind": "group", "title": "Group", "member_ids": list(ids)}
        return await alice.http.post("/api/conversations", json=body)

    for ids, wrong in (
        ([bob.id, bob.id], bob.id),
        ([bob.id, alice.id], alice.id),
        ([bob.id, unknown], unknown),
        ([bob.id, gone.id], gone.id),
    ):
        body = assert_problem(await make(*ids), 422)
        assert [wrong in error["message"] for error in body["errors"]] == [True], wrong
    refused = assert_problem(await make(bob.id, carol.id, dave.id), 403, "cannot_add")
    named = " ".join(error["message"] for error in refused["errors"])
    assert carol.id in named
    assert dave.id in named
    assert bob.id not in named
    assert_invalid(await make(*[str(uuid4()) for _ in range(501)]), "member_ids")
    assert as_json(await bob.http.get("/api/conversations"))["items"] == []


async def test_a_group_is_not_opened_with_fields_of_a_direct_conversation(
    alice: Person, bob: Person
) -> None:
    for body, field in (
        ({"kind": "group", "member_ids": []}, "title"),
        ({"kind": "direct", "title": "x", "member_ids": []}, "kind"),
        ({"kind": "group", "title": "x", "member_ids": [], "user_id": bob.id}, "user_id"),
        ({"user_id": bob.id, "title": "x"}, "title"),
        ({"kind": "group", "title": "x", "member_ids": [], "history": "some"}, "history"),
    ):
        with case(body):
            assert_invalid(await alice.http.post("/api/conversations", json=body), field)


async def test_admins_change_a_group_and_members_do_not(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob)
    changes = {"title": "Sea", "posting": "admins", "visibility": "open", "history": "joining"}

    assert_problem(await bob.http.patch(path(group), json={"title": "x"}), 403, "not_allowed")
    assert_problem(await carol.http.patch(path(group), json={"title": "x"}), 404)
    for name in (*changes, "description"):
        assert_problem(await alice.http.patch(path(group), json={name: None}), 422)
    await set_role(alice, group, bob, "admin")
    reply = await bob.http.patch(path(group), json=changes)
    assert reply.status_code == 200, reply.text

    assert as_json(reply).items() >= changes.items()
    assert (await alice.conversation(group["id"])).items() >= changes.items()
    events = [notice["event"] for notice in await notices(alice, group)]
    assert events[:2] == ["created", "role"]
    assert sorted(events[2:]) == ["history", "posting", "renamed", "visibility"]
    direct = await alice.opened(bob)
    assert_problem(await alice.http.patch(path(direct), json={"title": "x"}), 409, "not_a_group")


async def test_only_admins_write_where_posting_is_theirs(alice: Person, bob: Person) -> None:
    group = await alice.make_group(bob, posting="admins")
    body = {"conversation_id": group["id"], "content": "hello"}

    assert_problem(await bob.http.post("/api/messages", json=body), 403, "not_allowed")
    await alice.write_in(group["id"], "hello")
    await set_role(alice, group, bob, "admin")
    message = await bob.write_in(group["id"], "hello")
    await set_role(alice, group, bob, "member")
    edit = await bob.http.patch(f"/api/messages/{message['id']}", json={"content": "other"})
    assert_problem(edit, 403, "not_allowed")


async def test_members_are_added_once(alice: Person, bob: Person, carol: Person) -> None:
    group = await alice.make_group(bob)
    url, both = path(group, "members"), [carol.id, bob.id]

    assert_problem(await bob.http.post(url, json={"user_ids": both}), 403, "not_allowed")
    assert_problem(await carol.http.post(url, json={"user_ids": both}), 404)
    assert_problem(await alice.http.post(url, json={"user_ids": [str(uuid4())]}), 422)
    reply = await alice.http.post(url, json={"user_ids": both})

    assert reply.status_code == 200, reply.text
    assert as_json(reply) == {"added": [carol.id], "already": [bob.id]}
    assert (await carol.conversation(group["id"]))["members_count"] == 3
    again = await alice.http.post(url, json={"user_ids": both})
    assert as_json(again) == {"added": [], "already": both}
    assert [notice["event"] for notice in await notices(carol, group)] == ["created", "added"]


async def test_members_are_listed_by_role_and_name_and_searched(
    alice: Person, bob: Person, new_person: NewPerson
) -> None:
    others = [await new_person(display_name=name) for name in ("Zoé", "ärmel", "Émile", "Bo")]
    group = await alice.make_group(bob, *others)
    await set_role(alice, group, others[0], "admin")

    page = await members(alice, group, limit=3)
    assert page["total"] == 6
    rest = await members(alice, group, limit=3, after=page["next_after"])
    names = [one["user"]["display_name"] for one in [*page["items"], *rest["items"]]]
    assert rest["next_after"] is None
    assert names[:2] == [alice.user["display_name"], "Zoé"]
    assert [name for name in names[2:] if name != bob.user["display_name"]] == [
        "ärmel", "Bo", "Émile",
    ]  # fmt: skip
    roles = [one["role"] for one in [*page["items"], *rest["items"]]]
    assert roles == ["owner", "admin", "member", "member", "member", "member"]
    found = await members(bob, group, q="emi")
    assert [one["user"]["display_name"] for one in found["items"]] == ["Émile"]
    assert (await members(bob, group, q="%"))["items"] == []
    for after in ("%", "abc", "0-", f"3-{rest['items'][0]['user']['id']}"):
        reply = await alice.http.get(path(group, "members"), params={"after": after})
        assert_invalid(reply, "after")


async def test_roles_are_given_by_owners_and_the_last_one_stays(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob)
    mine, theirs = path(group, "members", alice.id), path(group, "members", bob.id)

    assert_problem(await bob.http.patch(theirs, json={"role": "owner"}), 403, "not_allowed")
    assert_problem(await alice.http.patch(mine, json={"role": "member"}), 409, "last_owner")
    stranger = path(group, "members", carol.id)
    assert_problem(await alice.http.patch(stranger, json={"role": "admin"}), 404)
    assert_invalid(await alice.http.patch(theirs, json={"role": "king"}), "role")
    await set_role(alice, group, bob, "owner")
    await set_role(alice, group, alice, "member")
    assert (await alice.conversation(group["id"]))["me"]["role"] == "member"


async def test_of_two_owners_who_step_down_at_once_one_stays(alice: Person, bob: Person) -> None:
    for _ in range(5):
        group = await alice.make_group(bob)
        await set_role(alice, group, bob, "owner")
        replies = await asyncio.gather(
            *(
                one.http.patch(path(group, "members", one.id), json={"role": "member"})
                for one in (alice, bob)
            )
        )
        assert sorted(reply.status_code for reply in replies) == [200, 409]
        roles = [one["role"] for one in (await members(alice, group))["items"]]
        assert roles == ["owner", "member"]


async def test_members_are_removed_by_admins_of_no_lower_role(
    alice: Person, bob: Person, carol: Person, new_person: NewPerson
) -> None:
    dave = await new_person()
    group = await alice.make_group(bob, carol, dave)
    await set_role(alice, group, bob, "admin")

    async def remove(actor: Person, who: Person) -> Any:  # noqa: ANN401  # a reply
        return await actor.http.delete(path(group, "members", who.id))

    assert_problem(await remove(carol, dave), 403, "not_allowed")
    assert_problem(await remove(bob, alice), 403, "not_allowed")
    assert (await remove(bob, dave)).status_code == 204
    assert_problem(await remove(bob, dave), 404)
    assert_problem(await dave.http.get(path(group)), 404)
    assert_problem(await alice.http.delete(path(group, "members", alice.id)), 409, "last_owner")
    assert (await remove(carol, carol)).status_code == 204
    assert [notice["event"] for notice in await notices(alice, group)] == [
        "created", "role", "removed", "left",
    ]  # fmt: skip


async def test_the_last_member_takes_the_group_along(alice: Person, bob: Person) -> None:
    group = await alice.make_group(bob)
    assert (await bob.http.delete(path(group, "members", bob.id))).status_code == 204

    assert (await alice.http.delete(path(group, "members", alice.id))).status_code == 204

    for one in (alice, bob):
        assert_problem(await one.http.get(path(group)), 404)
        assert as_json(await one.http.get("/api/conversations"))["items"] == []


async def test_owners_delete_a_group_for_all(alice: Person, bob: Person, carol: Person) -> None:
    group = await alice.make_group(bob, carol, visibility="open")
    await set_role(alice, group, bob, "admin")
    message = await bob.write_in(group["id"], "hello")

    assert_problem(await bob.http.delete(path(group)), 403, "not_allowed")
    assert (await alice.http.delete(path(group))).status_code == 204

    for one in (alice, bob, carol):
        assert_problem(await one.http.get(path(group)), 404)
        assert_problem(await one.http.get(path(group, "messages")), 404)
    assert_problem(await bob.http.delete(f"/api/messages/{message['id']}"), 404)
    assert_problem(await bob.http.post(path(group, "join")), 404)


async def test_nothing_is_done_with_a_notice(alice: Person, bob: Person) -> None:
    group = await alice.make_group(bob)
    [notice] = (await alice.history(group["id"]))["items"]
    assert notice["kind"] == "notice"
    here = f"/api/messages/{notice['id']}"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    # Alice is an owner and the actor of the notice, Bob is a member.
    for person in (alice, bob):
        for part, body in (
            ("reactions/👍", None),
            ("pin", None),
            ("save", None),
            ("reminder", {"at": later}),
        ):
            reply = await person.http.put(f"{here}/{part}", json=body)
            assert_problem(reply, 404, "not_found")
        to = {"conversation_id": group["id"]}
        forward = {**to, "forward_of": notice["id"]}
        assert_problem(await person.http.post("/api/messages", json=forward), 404, "not_found")
        reply_to = {"content": "x", "reply_to": notice["id"]}
        for method, address, fields in (
            ("POST", "/api/messages", to),
            ("POST", "/api/scheduled", {**to, "client_id": "later", "send_at": later}),
            ("PUT", path(group, "draft"), {"base": 0}),
        ):
            reply = await person.http.request(method, address, json=reply_to | fields)
            assert_problem(reply, 404, "reply_not_found")
        # Nothing is there to be taken back, as of any message.
        for part, status in (
            ("reactions/👍", 200),
            ("pin", None),
            ("save", 204),
            ("reminder", 204),
        ):
            reply = await person.http.delete(f"{here}/{part}")
            assert reply.status_code == (status or (200 if person is alice else 403)), reply.text
    page = await bob.history(group["id"])
    assert page["items"] == [notice]


async def test_history_from_joining_on_is_all_that_a_newcomer_reads(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, history="joining")
    old = await alice.write_in(group["id"], "before")
    await alice.http.post(path(group, "members"), json={"user_ids": [carol.id]})
    new = await alice.write_in(group["id"], "after")

    seen = await carol.conversation(group["id"])
    items = (await carol.history(group["id"]))["items"]
    assert seen["me"]["since_seq"] == items[0]["seq"] == new["seq"] - 1
    assert [item["content"] for item in items] == ["", "after"]
    for page in ({"before": old["seq"] + 1}, {"before": 10**6}, {"after": 0}):
        shown = [item["content"] for item in (await carol.history(group["id"], **page))["items"]]
        assert "before" not in shown
    assert_problem(await carol.http.post(path(group, "unread"), json={"seq": old["seq"]}), 422)
    # What was hidden stays hidden.
    await alice.http.patch(path(group), json={"history": "all"})
    items = (await carol.history(group["id"]))["items"]
    assert "before" not in [item["content"] for item in items]
    assert len((await bob.history(group["id"]))["items"]) == len(items) + 2


async def test_what_is_mine_alone(alice: Person, bob: Person) -> None:
    group = await alice.make_group(bob)
    mine = path(group, "me")

    async def change(**fields: object) -> Json:
        reply = await alice.http.patch(mine, json=fields)
        assert reply.status_code == 200, reply.text
        return dict(as_json(reply)["me"])

    assert (await change(favourite=True))["favourite"]
    assert (await change(muted_until="forever"))["muted_until"] == "forever"
    assert (await change(archived=True))["archived"]
    await bob.write_in(group["id"], "hello")
    # A muted one stays in the archive.
    assert (await alice.conversation(group["id"]))["me"]["archived"]
    assert (await change(muted_until=None))["muted_until"] is None
    assert not (await alice.conversation(group["id"]))["me"]["archived"]
    assert (await change(archived=True))["archived"]
    await bob.write_in(group["id"], "hello again")
    assert not (await alice.conversation(group["id"]))["me"]["archived"]
    assert not (await change(muted_until="forever"))["archived"]
    assert not (await change(muted_until=None))["archived"]
    later = "2999-01-01T00:00:00Z"
    assert (await change(muted_until=later))["muted_until"] == later
    for wrong in ("2001-01-01T00:00:00Z", "tomorrow", 5, "2999-01-01T00:00:00"):
        assert_problem(await alice.http.patch(mine, json={"muted_until": wrong}), 422)
    for name in ("favourite", "archived"):
        assert_problem(await alice.http.patch(mine, json={name: None}), 422)
    assert not (await bob.conversation(group["id"]))["me"]["favourite"]
    direct = await alice.opened(bob)
    assert (await alice.http.patch(path(direct, "me"), json={"archived": True})).status_code == 200
    stranger = path({"id": str(uuid4())}, "me")
    assert_problem(await alice.http.patch(stranger, json={"archived": True}), 404)


async def test_who_has_read_is_told_to_the_sender_alone(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, carol)
    message = await alice.write_in(group["id"], "hello")
    url = f"/api/messages/{message['id']}/receipts"

    assert as_json(await alice.http.get(url)) == {
        "read": [], "read_count": 0, "delivered_count": 0, "next_after": None,
    }  # fmt: skip
    await bob.http.post(path(group, "read"), json={"seq": message["seq"]})
    page = as_json(await alice.http.get(url))
    assert [one["user"]["id"] for one in page["read"]] == [bob.id]
    assert (page["read_count"], page["delivered_count"]) == (1, 1)
    assert_problem(await bob.http.get(url), 404)
    receipts = (await alice.conversation(group["id"]))["receipts"]
    assert {one["user_id"]: one["read_seq"] for one in receipts}[bob.id] == message["seq"]


async def test_deleted_accounts_leave_their_groups_to_an_heir(
    alice: Person, bob: Person, carol: Person, new_person: NewPerson
) -> None:
    owner = await new_person()
    group = await owner.make_group(bob, carol, alice)
    await set_role(owner, group, carol, "admin")
    message = await owner.write_in(group["id"], "my last words")

    assert (await owner.leave()).status_code == 204

    assert (await carol.conversation(group["id"]))["me"]["role"] == "owner"
    listed = await members(bob, group)
    assert listed["total"] == 3
    assert "Deleted user" not in [one["user"]["display_name"] for one in listed["items"]]
    items = (await bob.history(group["id"]))["items"]
    [kept] = [item for item in items if item["id"] == message["id"]]
    assert kept["sender"]["display_name"] == "Deleted user"
    assert kept["content"] == "my last words"


@pytest.mark.parametrize("call", ["members", "invites"])
async def test_a_direct_conversation_is_no_group(alice: Person, bob: Person, call: str) -> None:
    direct = await alice.opened(bob)

    assert_problem(await alice.http.get(path(direct, call)), 409, "not_a_group")
    body: Json = {"user_ids": [bob.id]} if call == "members" else {}
    assert_problem(await alice.http.post(path(direct, call), json=body), 409, "not_a_group")
    member = path(direct, "members", bob.id)
    assert_problem(await alice.http.delete(member), 409, "not_a_group")
    assert_problem(await alice.http.patch(member, json={"role": "admin"}), 409, "not_a_group")
