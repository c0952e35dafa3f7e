"""Deleting the account (M6): what is removed, what stays, and who is unreachable."""

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from tests.harness.chats import NewPerson
from tests.harness.clients import (
    PASSWORD,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    log_in,
    register,
)
from tests.harness.servers import ChatServer


async def test_the_account_is_gone_with_all_its_sessions(chat: ChatServer, alice: Person) -> None:
    elsewhere = await log_in(chat.url, alice)
    async with elsewhere.socket() as socket:
        reply = await alice.leave()

        assert reply.status_code == 204
        assert "max-age=0" in reply.headers["set-cookie"].lower()
        assert await socket.close_code(seconds=1) == 4401
    for person in (alice, elsewhere):
        assert_problem(await person.http.get("/api/auth/me"), 401)
        async with person.browser() as page:
            assert_problem(await page.get("/api/auth/me"), 401)
    async with http_client(chat.url) as client:
        body = {"username": alice.username, "password": PASSWORD}
        assert_problem(await client.post("/api/auth/login", json=body), 401, "invalid_credentials")
        body = {"refresh_token": elsewhere.refresh_token}
        assert_problem(await client.post("/api/auth/refresh", json=body), 401)


async def test_messages_stay_as_from_a_deleted_user(new_person: NewPerson, bob: Person) -> None:
    alice = await new_person(display_name="Alice Before")
    sent = await alice.write(bob, "remember me")

    await alice.leave()

    conversation = await bob.conversation(sent["conversation_id"])
    card = next(member for member in conversation["members"] if member["id"] == alice.id)
    assert card["display_name"] == "Deleted user"
    assert (card["username"], card["status_text"], card["online"]) == ("", "", None)
    page = await bob.history(sent["conversation_id"])
    assert [(item["content"], item["sender_id"]) for item in page["items"]] == [
        ("remember me", alice.id)
    ]


async def test_a_deleted_account_is_neither_found_nor_reached(
    chat: ChatServer, new_person: NewPerson, bob: Person, carol: Person
) -> None:
    alice = await new_person(display_name=f"Unmistakable {uuid4().hex}")
    known = await bob.write(alice, "hello")

    await alice.leave()

    assert_problem(await bob.http.get(f"/api/users/{alice.id}"), 404)
    for text in (alice.username, alice.user["display_name"], "deleted user"):
        found = as_json(await bob.http.get("/api/users", params={"q": text}))["items"]
        assert alice.id not in {card["id"] for card in found}
    assert_problem(await carol.http.post("/api/conversations", json={"user_id": alice.id}), 404)
    assert (await bob.opened(alice))["id"] == known["conversation_id"]
    for person in (bob, carol):
        body = {"receiver_id": alice.id, "content": "are you there?"}
        reply = await person.http.post("/api/messages", json=body)
        assert_problem(reply, 403, "cannot_message")
    body = {"conversation_id": known["conversation_id"], "content": "are you there?"}
    assert_problem(await bob.http.post("/api/messages", json=body), 403, "cannot_message")
    assert chat.url == bob.url


async def test_the_username_is_free_again(chat: ChatServer, alice: Person, bob: Person) -> None:
    sent = await alice.write(bob, "from the first of that name")
    await alice.leave()

    successor = await register(chat.url, username=alice.username.upper())

    assert successor.id != alice.id
    page = await bob.history(sent["conversation_id"])
    assert {item["sender_id"] for item in page["items"]} == {alice.id}
    assert as_json(await successor.http.get("/api/conversations"))["items"] == []


async def test_a_wrong_password_deletes_nothing(alice: Person) -> None:
    body = assert_invalid(await alice.leave(password="not the password"), "password")

    assert body["code"] == "invalid_credentials"
    assert as_json(await alice.http.get("/api/auth/me")) == alice.user


async def test_a_wrong_password_change_body_is_named(alice: Person) -> None:
    for body, fields in (
        ({}, ["password"]),
        ({"password": 1}, ["password"]),
        ({"password": PASSWORD, "sure": True}, ["sure"]),
        ({"password": "x" * 500_000}, ["password"]),
    ):
        reply = await alice.http.request("DELETE", "/api/auth/me", json=body)
        assert_invalid(reply, *fields)
    assert_problem(await alice.http.delete("/api/auth/me"), 400, "malformed_json")
    assert (await alice.http.get("/api/auth/me")).status_code == 200


async def test_an_account_is_not_deleted_without_signing_in_or_by_another_site(
    chat: ChatServer, alice: Person
) -> None:
    body = {"password": PASSWORD}
    async with http_client(chat.url) as client:
        assert_problem(await client.request("DELETE", "/api/auth/me", json=body), 401)
    async with alice.browser(origin="https://evil.example") as page:
        reply = await page.request("DELETE", "/api/auth/me", json=body)
        assert_problem(reply, 403, "cross_site")
    assert (await alice.http.get("/api/auth/me")).status_code == 200


async def test_a_borrowed_session_cannot_guess_the_password(limited_chat: ChatServer) -> None:
    alice = await register(limited_chat.url)

    replies = await asyncio.gather(*(alice.leave(password=f"guess {n}") for n in range(10)))

    assert Counter(reply.status_code for reply in replies) == {422: 5, 429: 5}
    assert_problem(await alice.leave(), 429, "rate_limited")
    assert (await alice.http.get("/api/auth/me")).status_code == 200


async def test_ten_concurrent_account_deletions_delete_once(alice: Person) -> None:
    replies = await asyncio.gather(*(alice.leave() for _ in range(10)))

    assert Counter(reply.status_code for reply in replies) == {204: 1, 401: 9}


@pytest.mark.parametrize("known", [False, True], ids=["first message", "in a conversation"])
async def test_a_message_sent_meanwhile_is_stored_or_refused(
    alice: Person, bob: Person, *, known: bool
) -> None:
    if known:
        await alice.write(bob, "before")
    body = {"receiver_id": alice.id, "content": "just now"}
    sends = [asyncio.create_task(bob.http.post("/api/messages", json=body)) for _ in range(5)]

    left = await alice.leave()
    sends += [asyncio.create_task(bob.http.post("/api/messages", json=body)) for _ in range(5)]
    replies = await asyncio.gather(*sends)

    assert left.status_code == 204
    assert {reply.status_code for reply in replies} <= {201, 403}
    assert {reply.status_code for reply in replies[5:]} == {403}


async def test_a_refresh_meanwhile_opens_nothing(chat: ChatServer, alice: Person) -> None:
    others = [await log_in(chat.url, alice) for _ in range(5)]
    async with http_client(chat.url) as client:
        refreshes = [
            asyncio.create_task(
                client.post("/api/auth/refresh", json={"refresh_token": other.refresh_token})
            )
            for other in others
        ]
        assert (await alice.leave()).status_code == 204
        for reply in await asyncio.gather(*refreshes):
            assert reply.status_code in {200, 401}
            if reply.status_code == 200:
                headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
                assert_problem(await client.get("/api/auth/me", headers=headers), 401)
