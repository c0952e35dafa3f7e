"""The shell commands for accounts and sessions, while the chat runs."""

import asyncio

import pytest

from chat_app.core import database
from tests.harness.chats import StartChat
from tests.harness.clients import PASSWORD, Person, http_client, log_in, new_username, register
from tests.harness.servers import ChatServer
from tests.harness.shells import done, refused, shell

SESSION_OVER = 4401
NEW_PASSWORD = "another horse battery"


async def test_a_created_user_can_sign_in(chat: ChatServer, alice: Person) -> None:
    name = new_username()

    output = await asyncio.to_thread(
        done, chat.settings, "create-user", name, "--display-name", "Zoë 👋", typed=PASSWORD + "\n"
    )
    again = await asyncio.to_thread(
        refused, chat.settings, "create-user", name.upper(), typed=PASSWORD
    )

    assert output == f"{name} can sign in now.\n"
    assert again == "Error: This username is taken."
    async with http_client(chat.url) as client:
        body = {"username": name, "password": PASSWORD}
        reply = await client.post("/api/auth/login", json=body)
        assert reply.status_code == 200
        assert reply.json()["user"]["display_name"] == "Zoë 👋"
    found = await alice.http.get("/api/users", params={"q": name})
    assert [card["username"] for card in found.json()["items"]] == [name]


async def test_an_invitation_to_the_chat_admits_as_many_as_it_says(chat: ChatServer) -> None:
    output = await asyncio.to_thread(done, chat.settings, "invite", "--uses", "2", "--days", "1")

    url, token = output.strip().rsplit("/", 1)
    assert url == f"{chat.url}/invite"
    async with http_client(chat.url) as client:
        shown = await client.get(f"/api/invites/{token}")
        assert (shown.status_code, shown.json()["inviter"]) == (200, None)
        for status in (201, 201, 404):
            body = {"username": new_username(), "password": PASSWORD, "invite": token}
            reply = await client.post("/api/auth/register", json=body)
            assert reply.status_code == status, reply.text


async def test_create_user_follows_the_rules_of_registering(chat: ChatServer) -> None:
    output = await asyncio.to_thread(
        refused, chat.settings, "create-user", "é n", "--display-name", "\u202e", typed="short"
    )

    assert "Use letters a to z" in output
    assert "at least 10 characters" in output
    assert "cannot be seen" in output


async def test_an_account_is_made_admin(chat: ChatServer, alice: Person) -> None:
    for _ in range(2):  # the second time changes nothing
        output = await asyncio.to_thread(
            done, chat.settings, "make-admin", f"@{alice.username.upper()}"
        )
        assert output == f"{alice.username} is an admin.\n"

    assert (await alice.http.get("/api/auth/me")).json()["admin"] is True
    newest = (await alice.http.get("/api/admin/audit")).json()["items"][0]
    assert (newest["action"], newest["actor"], newest["address"]) == ("made_admin", None, "")
    assert newest["target"] == {"id": alice.id, "username": alice.username}
    unknown = await asyncio.to_thread(refused, chat.settings, "make-admin", "nobody.here")
    assert unknown == "Error: There is nobody of this name."
    await alice.http.patch(f"/api/admin/users/{alice.id}", json={"admin": False})


async def test_a_reset_replaces_the_password_and_ends_the_sessions(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    async with alice.socket() as socket, bob.socket() as other:
        output = await asyncio.to_thread(
            done,
            chat.settings,
            "reset-password",
            alice.username.upper(),
            typed=NEW_PASSWORD + "\n",
        )
        # By the event, or from the database where there is no bus.
        ended = await socket.expect("session.ended")
        assert ended["reason"] == "password_changed"
        assert await socket.close_code() == SESSION_OVER
        await other.settled()

    assert "Signed out at 1 place." in output
    assert NEW_PASSWORD not in output
    assert (await alice.http.get("/api/auth/me")).status_code == 401
    assert (await bob.http.get("/api/auth/me")).status_code == 200
    async with http_client(chat.url) as client:
        body = {"username": alice.username, "password": PASSWORD}
        assert (await client.post("/api/auth/login", json=body)).status_code == 401
    await log_in(chat.url, alice, password=NEW_PASSWORD)


async def test_a_bad_password_is_not_set(chat: ChatServer, alice: Person) -> None:
    output = await asyncio.to_thread(
        refused, chat.settings, "reset-password", alice.username, typed="password12"
    )

    assert "everybody tries first" in output
    assert (await alice.http.get("/api/auth/me")).status_code == 200


async def test_sessions_of_one_user_end(chat: ChatServer, alice: Person, bob: Person) -> None:
    await log_in(chat.url, alice)

    output = await asyncio.to_thread(done, chat.settings, "sessions", "end", alice.username)

    assert output.startswith("Signed out at 2 places.\n")
    assert (await alice.http.get("/api/auth/me")).status_code == 401
    assert (await bob.http.get("/api/auth/me")).status_code == 200


async def test_sessions_of_all_users_end(start_chat: StartChat) -> None:
    chat = start_chat()
    people = [await register(chat.url) for _ in range(3)]
    async with people[0].socket() as socket:
        output = await asyncio.to_thread(done, chat.settings, "sessions", "end", "--all")
        assert await socket.close_code() == SESSION_OVER

    assert output.startswith("Signed out at 3 places.\n")
    for person in people:
        assert (await person.http.get("/api/auth/me")).status_code == 401


async def test_acts_of_the_operator_are_in_the_audit_log(start_chat: StartChat) -> None:
    chat = start_chat()
    admin = await register(chat.url)
    commands = [
        ("create-user", "zoe"),
        ("reset-password", "zoe"),
        ("invite",),
        ("sessions", "end", "zoe"),
        ("sessions", "end", "--all"),
    ]
    for command in commands:
        await asyncio.to_thread(done, chat.settings, *command, typed=NEW_PASSWORD + "\n")

    again = await log_in(chat.url, admin)
    log = (await again.http.get("/api/admin/audit")).json()["items"]
    acts = [(one["action"], (one["target"] or {}).get("username")) for one in reversed(log)]
    assert acts == [
        ("created", "zoe"),
        ("password_set", "zoe"),
        ("invite_made", None),
        ("sessions_ended", "zoe"),
        ("all_sessions_ended", None),
    ]
    assert {one["actor"] for one in log} == {None}


async def test_an_unknown_name_is_refused_in_one_line(
    chat: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may take longer than the limits that the chat has for its database.
    monkeypatch.setattr(database, "ANSWER_S", 60.0)
    monkeypatch.setattr(database, "POOL_WAIT_S", 60)
    for name in ("nobody-here", "\u202e", "a" * 500, "--", ""):
        ran = await asyncio.to_thread(shell, chat.settings, "sessions", "end", "--", name)
        assert ran.returncode == 1, name
        assert ran.stderr == "Error: There is nobody of this name.\n"


async def test_wrong_use_exits_with_2(chat: ChatServer) -> None:
    for arguments in (("sessions", "end"), ("sessions", "end", "x", "--all"), ("no-such-command",)):
        ran = await asyncio.to_thread(shell, chat.settings, *arguments)
        assert ran.returncode == 2, arguments
        assert "Traceback" not in ran.stderr
