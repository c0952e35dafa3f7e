"""Invitations by link, open groups, and registering with an invitation."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from chat_app.core.qr_code import picture_address
from tests.api.test_groups import path
from tests.harness.chats import NewPerson, StartChat
from tests.harness.clients import (
    PASSWORD,
    Json,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    new_username,
    register,
    register_many,
)
from tests.harness.servers import ChatServer


async def invite(person: Person, group: Json, **fields: object) -> Json:
    reply = await person.http.post(path(group, "invites"), json=fields)
    assert reply.status_code == 201, reply.text
    return as_json(reply)


async def accept(person: Person, token: str) -> Any:  # noqa: ANN401  # a reply
    return await person.http.post(f"/api/invites/{token}/accept")


async def test_an_invitation_is_shown_to_anybody_and_accepted_by_a_user(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    group = await alice.make_group(title="Lake", description="Sundays")
    made = await invite(alice, group, max_uses=1)
    url = f"/api/invites/{made['token']}"
    assert made["url"].endswith(f"/invite/{made['token']}")
    assert made["qr"] == picture_address(made["url"])
    async with http_client(chat.url) as nobody:
        shown = as_json(await nobody.get(url))
        assert (shown["title"], shown["description"]) == ("Lake", "Sundays")
        assert shown["members_count"] == 1
        assert shown["inviter"]["id"] == alice.id
        assert shown["conversation_id"] is None
        assert_problem(await nobody.post(f"{url}/accept"), 401)
        assert_problem(await nobody.get(f"/api/invites/{uuid4()}"), 404)

    assert as_json(await bob.http.get(url))["conversation_id"] is None
    assert as_json(await alice.http.get(url))["conversation_id"] == group["id"]

    joined = await accept(bob, made["token"])

    assert joined.status_code == 200, joined.text
    assert as_json(joined)["me"]["role"] == "member"
    # It is used up, and a member is in the group anyway.
    assert_problem(await bob.http.get(url), 404)
    assert (await accept(bob, made["token"])).status_code == 200
    items = (await alice.history(group["id"]))["items"]
    assert items[-1]["notice"]["event"] == "joined"


@pytest.mark.one_process
async def test_the_log_has_no_token_of_an_invitation(chat: ChatServer, alice: Person) -> None:
    group = await alice.make_group()
    made = await invite(alice, group)
    async with http_client(chat.url) as nobody:
        await nobody.get(f"/api/invites/{made['token']}")
        await nobody.get(f"/invite/{made['token']}")

    assert "/api/invites/*" in chat.log()
    assert made["token"] not in chat.log()


async def test_at_the_last_use_one_of_ten_joins(chat: ChatServer, alice: Person) -> None:
    group = await alice.make_group()
    made = await invite(alice, group, max_uses=1)
    ten = await register_many(chat.url, 10)

    replies = await asyncio.gather(*(accept(one, made["token"]) for one in ten))

    assert sorted(reply.status_code for reply in replies) == [200] + 9 * [404]
    assert (await alice.conversation(group["id"]))["members_count"] == 2


async def test_invitations_are_listed_and_withdrawn_by_admins(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob)
    made = await invite(alice, group)
    listed = as_json(await alice.http.get(path(group, "invites")))["items"]
    assert [(one["id"], one["uses"], one["max_uses"]) for one in listed] == [(made["id"], 0, None)]
    assert "token" not in listed[0]

    assert_problem(await bob.http.get(path(group, "invites")), 403, "not_allowed")
    assert_problem(await bob.http.post(path(group, "invites"), json={}), 403, "not_allowed")
    assert_problem(await carol.http.get(path(group, "invites")), 404)
    url = f"/api/invites/{made['id']}"
    assert_problem(await carol.http.delete(url), 404)
    assert_problem(await bob.http.delete(url), 403, "not_allowed")
    assert (await alice.http.delete(url)).status_code == 204
    assert_problem(await accept(carol, made["token"]), 404)
    assert_problem(await carol.http.get(f"/api/invites/{made['token']}"), 404)
    assert as_json(await alice.http.get(path(group, "invites")))["items"] == []
    # Whatever became of it, a member is in the group.
    assert (await accept(bob, made["token"])).status_code == 200
    for wrong in ({"expires_in": 59}, {"expires_in": 2_592_001}, {"max_uses": 0}):
        reply = await alice.http.post(path(group, "invites"), json=wrong)
        assert_invalid(reply, next(iter(wrong)))


async def test_a_removed_member_comes_back_by_an_admin_only(alice: Person, bob: Person) -> None:
    group = await alice.make_group(bob, visibility="open")
    made = await invite(alice, group)
    await alice.http.delete(path(group, "members", bob.id))

    assert_problem(await accept(bob, made["token"]), 403, "cannot_join")
    assert_problem(await bob.http.post(path(group, "join")), 403, "cannot_join")
    listed = as_json(await alice.http.get(path(group, "invites")))["items"]
    assert listed[0]["uses"] == 0
    reply = await alice.http.post(path(group, "members"), json={"user_ids": [bob.id]})
    assert as_json(reply)["added"] == [bob.id]
    # Whoever left by themselves may come back.
    await bob.http.delete(path(group, "members", bob.id))
    assert (await bob.http.post(path(group, "join"))).status_code == 200


async def test_who_is_blocked_by_an_owner_cannot_join(alice: Person, bob: Person) -> None:
    group = await alice.make_group(visibility="open")
    made = await invite(alice, group)
    await alice.block(bob)

    assert_problem(await accept(bob, made["token"]), 403, "cannot_join")
    assert_problem(await bob.http.post(path(group, "join")), 403, "cannot_join")


async def test_open_groups_are_found_and_joined_and_private_ones_are_not(
    alice: Person, bob: Person
) -> None:
    word = uuid4().hex[:12]
    opened = [
        await alice.make_group(title=f"{word} {name}", visibility="open")
        for name in ("Ärger", "Boote", "chess")
    ]
    private = await alice.make_group(title=f"{word} secret")

    first = as_json(await bob.http.get("/api/channels", params={"q": word, "limit": 2}))
    assert [one["title"] for one in first["items"]] == [f"{word} Ärger", f"{word} Boote"]
    after = {"q": word, "after": first["next_after"]}
    rest = as_json(await bob.http.get("/api/channels", params=after))
    assert [(one["title"], one["joined"]) for one in rest["items"]] == [(f"{word} chess", False)]
    assert rest["next_after"] is None
    assert_problem(await bob.http.post(path(private, "join")), 404)
    joined = await bob.http.post(path(opened[0], "join"))
    assert joined.status_code == 200, joined.text
    again = await bob.http.post(path(opened[0], "join"))
    assert as_json(again)["members_count"] == 2
    listed = as_json(await bob.http.get("/api/channels", params={"q": f"{word} arger"}))
    assert [one["joined"] for one in listed["items"]] == [True]


async def test_registering_by_invitation(start_chat: StartChat, pair: str) -> None:
    chat = start_chat(pair=pair, CHAT_REGISTRATION="open", CHAT_LIMITS="off")
    owner = await register(chat.url)
    group = await owner.make_group()
    made = await invite(owner, group, max_uses=1)
    newcomer = await register(chat.url, invite=made["token"])
    assert (await newcomer.conversation(group["id"]))["me"]["role"] == "member"
    assert (await accept(newcomer, made["token"])).status_code == 200


async def test_registration_can_need_an_invitation_or_be_closed(
    start_chat: StartChat, new_person: NewPerson
) -> None:
    del new_person
    for mode in ("invited", "closed"):
        chat = start_chat(CHAT_REGISTRATION=mode)
        async with http_client(chat.url) as client:
            body = {"username": new_username(), "password": PASSWORD}
            reply = await client.post("/api/auth/register", json=body)
            assert_problem(reply, 403, "registration_closed")
            if mode == "invited":
                wrong = await client.post("/api/auth/register", json={**body, "invite": "x"})
                assert_problem(wrong, 404)
