"""The admin's calls: accounts, reset links, invitations to register, figures, the audit log."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.harness.cases import case
from tests.harness.chats import NewPerson, StartChat
from tests.harness.clients import (
    PASSWORD,
    Json,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    log_in,
    log_in_owner,
    new_username,
    register_many,
)
from tests.harness.servers import ChatServer

NEW_PASSWORD = "another horse battery"


@pytest_asyncio.fixture
async def owner(chat: ChatServer) -> Person:
    """Return the admin of the shared chat."""
    return await log_in_owner(chat.url)


async def change(by: Person, user: Person, **fields: object) -> Any:  # noqa: ANN401  # a reply
    return await by.http.patch(f"/api/admin/users/{user.id}", json=fields)


async def sign_in(user: Person, password: str = PASSWORD) -> Any:  # noqa: ANN401  # a reply
    async with http_client(user.url) as client:
        body = {"username": user.username, "password": password}
        return await client.post("/api/auth/login", json=body)


async def audit(admin: Person, **page: str | int) -> Json:
    return as_json(await admin.http.get("/api/admin/audit", params=page))


async def acts_on(admin: Person, user: Person) -> list[str]:
    """Return the latest acts on somebody, the oldest first."""
    items = (await audit(admin, limit=100))["items"]
    found = [one for one in items if one["target"] and one["target"]["id"] == user.id]
    return [one["action"] for one in reversed(found)]


async def test_every_admin_call_is_not_found_by_a_member(alice: Person, bob: Person) -> None:
    calls: list[tuple[str, str, Json | None]] = [
        ("GET", "users", None),
        ("PATCH", f"users/{bob.id}", {"disabled": True}),
        ("PATCH", f"users/{alice.id}", {"admin": True}),
        ("PATCH", f"users/{bob.id}", {"nothing": 1}),
        ("DELETE", f"users/{bob.id}", None),
        ("DELETE", f"users/{bob.id}/sessions", None),
        ("POST", f"users/{bob.id}/reset", None),
        ("GET", "invites", None),
        ("POST", "invites", {}),
        ("DELETE", f"invites/{uuid4()}", None),
        ("GET", "reports", None),
        ("PATCH", f"reports/{uuid4()}", {"state": "resolved"}),
        ("GET", "overview", None),
        ("GET", "audit", None),
        ("GET", "backups", None),
        ("POST", "backups", None),
        ("GET", "backups/chat-20261130-120000.zip", None),
    ]
    for method, path, body in calls:
        with case(method, path):
            reply = await alice.http.request(method, f"/api/admin/{path}", json=body)
            assert_problem(reply, 404, "not_found")
            async with http_client(alice.url) as nobody:
                reply = await nobody.request(method, f"/api/admin/{path}", json=body)
                assert_problem(reply, 401)

    assert (await bob.http.get("/api/auth/me")).status_code == 200
    assert as_json(await alice.http.get("/api/auth/me"))["admin"] is False


async def test_of_many_who_register_at_once_one_is_admin(start_chat: StartChat) -> None:
    chat = start_chat()

    people = await register_many(chat.url, 5)

    admins = [one for one in people if one.user["admin"]]
    assert len(admins) == 1
    assert_problem(await admins[0].leave(), 409, "last_admin")
    other = next(one for one in people if one is not admins[0])
    assert as_json(await change(admins[0], other, admin=True))["admin"] is True
    assert (await admins[0].leave()).status_code == 204
    assert_problem(await other.leave(), 409, "last_admin")
    for fields in ({"disabled": True}, {"admin": False}):
        assert_problem(await change(other, other, **fields), 409, "last_admin")
    reply = await other.http.delete(f"/api/admin/users/{other.id}")
    assert_problem(reply, 409, "last_admin")


async def test_of_two_admins_who_demote_each_other_one_stays(owner: Person, alice: Person) -> None:
    await change(owner, alice, admin=True)

    replies = await asyncio.gather(
        change(owner, alice, admin=False), change(alice, owner, admin=False)
    )

    assert sorted(reply.status_code for reply in replies) == [200, 404]
    if replies[1].status_code == 200:  # the other tests need their owner
        assert (await change(alice, owner, admin=True)).status_code == 200
        assert (await change(owner, alice, admin=False)).status_code == 200


async def test_a_disabled_account_is_signed_out_and_cannot_sign_in(
    owner: Person, alice: Person, bob: Person
) -> None:
    later = {
        "receiver_id": bob.id,
        "content": "later",
        "client_id": "later",
        "send_at": "2027-06-01T00:00:00Z",
    }
    await alice.http.post("/api/scheduled", json=later)
    async with alice.socket() as socket:
        reply = await change(owner, alice, disabled=True)

        assert reply.status_code == 200, reply.text
        assert (await socket.expect("session.ended"))["reason"] == "account_disabled"
        assert await socket.close_code() == 4401
    assert as_json(reply)["disabled"] is True
    assert as_json(reply)["sessions"] == 0
    assert_problem(await alice.http.get("/api/auth/me"), 401)
    assert_problem(await sign_in(alice), 403, "account_disabled")
    # A wrong password says nothing about the account.
    assert_problem(await sign_in(alice, "wrong horse battery"), 401, "invalid_credentials")

    assert (await change(owner, alice, disabled=False)).status_code == 200

    again = await log_in(alice.url, alice)
    scheduled = as_json(await again.http.get("/api/scheduled"))["items"]
    assert [(one["state"], one["code"]) for one in scheduled] == [("refused", "account_disabled")]
    assert await acts_on(owner, alice) == ["disabled", "enabled"]


async def test_sessions_are_ended_and_accounts_deleted(
    owner: Person, new_person: NewPerson, bob: Person
) -> None:
    alice = await new_person()
    sent = await alice.write(bob, "remember me")
    path = f"/api/admin/users/{alice.id}"

    assert (await owner.http.delete(f"{path}/sessions")).status_code == 204
    assert_problem(await alice.http.get("/api/auth/me"), 401)
    await log_in(alice.url, alice)
    assert (await owner.http.delete(path)).status_code == 204

    assert_problem(await sign_in(alice), 401, "invalid_credentials")
    assert_problem(await owner.http.delete(path), 404)
    history = await bob.history(sent["conversation_id"])
    assert history["items"][0]["sender"]["display_name"] == "Deleted user"
    newest = (await audit(owner, limit=1))["items"][0]
    assert newest["action"] == "deleted"
    # The names of that time: the account has lost its own.
    assert newest["target"] == {"id": alice.id, "username": alice.username}
    assert newest["actor"] == {"id": owner.id, "username": owner.username}
    assert newest["address"] == "127.0.0.1"


@pytest.mark.one_process
async def test_a_reset_link_sets_a_password_once(
    chat: ChatServer, owner: Person, alice: Person
) -> None:
    first = as_json(await owner.http.post(f"/api/admin/users/{alice.id}/reset"))
    made = as_json(await owner.http.post(f"/api/admin/users/{alice.id}/reset"))
    token = made["url"].removeprefix(f"{chat.url}/reset/")
    async with http_client(chat.url) as client:

        async def reset(token: str, password: str = NEW_PASSWORD) -> Any:  # noqa: ANN401  # a reply
            body = {"token": token, "new_password": password}
            return await client.post("/api/auth/reset", json=body)

        # Only the newest link is good, and a refused password does not use it up.
        assert_problem(await reset(first["url"].rpartition("/")[2]), 404)
        assert_invalid(await reset(token, "password12"), "new_password")
        assert_invalid(await reset(token, "x"), "new_password")
        replies = await asyncio.gather(*(reset(token) for _ in range(4)))

        assert sorted(reply.status_code for reply in replies) == [204, 404, 404, 404]
        assert_problem(await reset("x" * 43), 404)
        await client.get(f"/reset/{token}")
    assert_problem(await alice.http.get("/api/auth/me"), 401)
    assert_problem(await sign_in(alice), 401, "invalid_credentials")
    await log_in(chat.url, alice, password=NEW_PASSWORD)
    acts = await acts_on(owner, alice)
    assert acts == ["reset_link_made", "reset_link_made", "password_reset"]
    assert token not in chat.log()


async def test_a_reset_link_ends_with_a_new_password_and_with_the_rights_of_an_admin(
    owner: Person, alice: Person, bob: Person
) -> None:
    async def link_for(person: Person) -> str:
        made = as_json(await owner.http.post(f"/api/admin/users/{person.id}/reset"))
        return str(made["url"].rpartition("/")[2])

    async with http_client(owner.url) as client:

        async def reset(token: str) -> Any:  # noqa: ANN401  # a reply
            body = {"token": token, "new_password": NEW_PASSWORD}
            return await client.post("/api/auth/reset", json=body)

        token = await link_for(alice)
        body = {"current_password": PASSWORD, "new_password": f"{PASSWORD} 2"}
        reply = await alice.http.post("/api/auth/password", json=body)
        assert reply.status_code == 204, reply.text
        assert_problem(await reset(token), 404)

        # It may be the demoted admin who has made the link.
        for loss in ({"admin": False}, {"disabled": True}):
            await change(owner, bob, admin=True)
            token = await link_for(alice)
            await change(owner, bob, **loss)
            with case(loss):
                assert_problem(await reset(token), 404)
        await change(owner, bob, admin=True, disabled=False)
        token = await link_for(alice)
        assert (await (await log_in(bob.url, bob)).leave()).status_code == 204
        assert_problem(await reset(token), 404)
        assert (await reset(await link_for(alice))).status_code == 204


async def test_people_are_found_and_paged(owner: Person, new_person: NewPerson) -> None:
    word = uuid4().hex[:12]
    people = [await new_person(display_name=f"{word} {name}") for name in ("Ärger", "Böll", "Zoë")]

    async def find(**query: str | int) -> Json:
        return as_json(await owner.http.get("/api/admin/users", params=query))

    first = await find(q=word, limit=2)
    rest = await find(q=word, limit=2, after=first["next_after"])
    assert [one["id"] for one in first["items"] + rest["items"]] == [
        one.id for one in reversed(people)
    ]
    assert rest["next_after"] is None
    by_name = await find(q=f"@{people[0].username.upper()}")
    assert by_name["items"][0]["id"] == people[0].id
    assert by_name["items"][0]["sessions"] == 1
    assert (await find(q=f"{word} %"))["items"] == []
    assert_invalid(await owner.http.get("/api/admin/users", params={"q": "\u0001"}), "q")


async def test_an_admin_invites_to_register(owner: Person, chat: ChatServer) -> None:
    reply = await owner.http.post("/api/admin/invites", json={"max_uses": 2})
    assert reply.status_code == 201, reply.text
    made = as_json(reply)
    async with http_client(chat.url) as client:
        body = {"username": new_username(), "password": PASSWORD, "invite": made["token"]}
        assert (await client.post("/api/auth/register", json=body)).status_code == 201

        listed = as_json(await owner.http.get("/api/admin/invites"))["items"]
        mine = next(one for one in listed if one["id"] == made["id"])
        assert (mine["uses"], mine["max_uses"]) == (1, 2)
        assert mine["created_by"]["id"] == owner.id
        path = f"/api/admin/invites/{made['id']}"
        assert (await owner.http.delete(path)).status_code == 204
        assert_problem(await owner.http.delete(path), 404)
        body["username"] = new_username()
        assert_problem(await client.post("/api/auth/register", json=body), 404)
    # An invitation of a group is not the admin's to withdraw.
    group = await owner.make_group()
    other = as_json(await owner.http.post(f"/api/conversations/{group['id']}/invites", json={}))
    assert_problem(await owner.http.delete(f"/api/admin/invites/{other['id']}"), 404)
    acts = [one["action"] for one in (await audit(owner, limit=2))["items"]]
    assert acts == ["invite_withdrawn", "invite_made"]


async def test_the_overview_has_figures_version_and_health(owner: Person, alice: Person) -> None:
    await alice.make_group()

    shown = as_json(await owner.http.get("/api/admin/overview"))

    assert shown["figures"]["people"] >= 2
    assert shown["figures"]["people_last_day"] >= 1
    assert shown["figures"]["messages"] >= 1
    assert shown["figures"]["database_bytes"] > 0
    assert shown["figures"]["registration"] == "open"
    assert shown["health"]["status"] == "ok"


async def test_the_audit_log_is_paged_and_takes_no_changes(owner: Person, alice: Person) -> None:
    for disabled in (True, False, True):
        await change(owner, alice, disabled=disabled)
    # A change to the same is no act.
    await change(owner, alice, disabled=True)

    page = await audit(owner, limit=2)
    older = await audit(owner, limit=1, before=page["next_before"])
    acts = [one["action"] for one in page["items"] + older["items"]]
    assert acts == ["disabled", "enabled", "disabled"]
    entry = f"/api/admin/audit/{page['items'][0]['id']}"
    for method in ("PUT", "PATCH", "DELETE"):
        assert (await owner.http.request(method, "/api/admin/audit")).status_code == 405
        assert (await owner.http.request(method, entry)).status_code == 404
