"""Changing the password (A2, A4, M6)."""

import asyncio
from collections import Counter
from itertools import pairwise

import httpx

from tests.harness.cases import case
from tests.harness.clients import (
    PASSWORD,
    Person,
    assert_invalid,
    assert_problem,
    http_client,
    log_in,
    register,
)
from tests.harness.servers import ChatServer

NEW = "a horse of another colour"


async def change(person: Person, old: object = PASSWORD, new: object = NEW) -> httpx.Response:
    body = {"current_password": old, "new_password": new}
    return await person.http.post("/api/auth/password", json=body)


async def login_status(url: str, person: Person, password: str) -> int:
    body = {"username": person.username, "password": password}
    async with http_client(url) as client:
        return (await client.post("/api/auth/login", json=body)).status_code


async def test_only_the_new_password_signs_in(chat: ChatServer, alice: Person) -> None:
    reply = await change(alice)

    assert reply.status_code == 204
    assert await login_status(chat.url, alice, PASSWORD) == 401
    assert await login_status(chat.url, alice, NEW) == 200


async def test_all_other_sessions_end_and_this_one_goes_on(chat: ChatServer, alice: Person) -> None:
    others = [await log_in(chat.url, alice) for _ in range(2)]
    async with others[0].socket() as ended, alice.socket() as kept:
        assert (await change(alice)).status_code == 204

        assert await ended.close_code(seconds=1) == 4401
        assert await kept.settled() == []
    async with http_client(chat.url) as client:
        for other in others:
            assert_problem(await other.http.get("/api/auth/me"), 401)
            body = {"refresh_token": other.refresh_token}
            assert_problem(await client.post("/api/auth/refresh", json=body), 401)
        body = {"refresh_token": alice.refresh_token}
        assert (await client.post("/api/auth/refresh", json=body)).status_code == 200
    async with alice.browser() as page:
        assert (await page.get("/api/auth/me")).status_code == 200


async def test_a_wrong_current_password_is_named_and_signs_nobody_out(
    chat: ChatServer, alice: Person
) -> None:
    body = assert_invalid(await change(alice, "not the password"), "current_password")

    assert body["code"] == "invalid_credentials"
    assert (await alice.http.get("/api/auth/me")).status_code == 200
    assert await login_status(chat.url, alice, PASSWORD) == 200


async def test_a_bad_new_password_is_named_and_not_repeated(alice: Person) -> None:
    for new in ("", "short", "x" * 129, "password123", "aaaaaaaaaaaa", "nul\x00nul-nul-nul"):
        with case(new):
            reply = await change(alice, PASSWORD, new)

            assert_invalid(reply, "new_password")
            assert not new or new not in reply.text


async def test_the_new_password_is_neither_the_old_one_nor_the_username(alice: Person) -> None:
    assert_invalid(await change(alice, PASSWORD, PASSWORD), "new_password")
    assert_invalid(await change(alice, PASSWORD, alice.username.upper()), "new_password")


async def test_a_wrong_password_change_body_is_named(alice: Person) -> None:
    reply = await alice.http.post("/api/auth/password", json={"current_password": 1, "extra": 2})

    assert_invalid(reply, "current_password", "new_password", "extra")
    assert_invalid(await change(alice, "x" * 1_000_000, NEW), "current_password")


async def test_a_password_is_not_changed_without_signing_in_or_by_another_site(
    chat: ChatServer, alice: Person
) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    async with http_client(chat.url) as client:
        assert_problem(await client.post("/api/auth/password", json=body), 401)
    async with alice.browser(origin="https://evil.example") as page:
        assert_problem(await page.post("/api/auth/password", json=body), 403, "cross_site")
    assert await login_status(chat.url, alice, PASSWORD) == 200


async def test_a_borrowed_session_cannot_guess_the_password(limited_chat: ChatServer) -> None:
    alice = await register(limited_chat.url)

    replies = await asyncio.gather(*(change(alice, f"guess number {n}") for n in range(10)))

    assert Counter(reply.status_code for reply in replies) == {422: 5, 429: 5}
    refused = await change(alice)
    assert_problem(refused, 429, "rate_limited")
    assert int(refused.headers["retry-after"]) >= 1
    # Both endpoints that check the password share one limit.
    assert await login_status(limited_chat.url, alice, PASSWORD) == 429


async def test_right_passwords_do_not_count_against_the_limit(limited_chat: ChatServer) -> None:
    alice = await register(limited_chat.url)

    passwords = [PASSWORD, *(f"{NEW} {number}" for number in range(7))]
    for old, new in pairwise(passwords):
        assert (await change(alice, old, new)).status_code == 204


async def test_concurrent_password_changes_have_one_winner(chat: ChatServer, alice: Person) -> None:
    other = await log_in(chat.url, alice)

    replies = await asyncio.gather(
        change(alice, PASSWORD, f"{NEW} one"), change(other, PASSWORD, f"{NEW} two")
    )

    statuses = [reply.status_code for reply in replies]
    assert sorted(statuses) in ([204, 401], [204, 422])
    alice_won = statuses[0] == 204
    assert await login_status(chat.url, alice, f"{NEW} one") == (200 if alice_won else 401)
    assert await login_status(chat.url, alice, f"{NEW} two") == (401 if alice_won else 200)


async def test_no_sign_in_with_the_old_password_outlives_the_change(
    chat: ChatServer, alice: Person
) -> None:
    """Open no session after the change for a password that was checked before it."""
    body = {"username": alice.username, "password": PASSWORD}
    async with http_client(chat.url) as client:
        changing = asyncio.create_task(change(alice))
        logins = [asyncio.create_task(client.post("/api/auth/login", json=body)) for _ in range(20)]
        assert (await changing).status_code == 204
        replies = await asyncio.gather(*logins)

        for reply in replies:
            assert reply.status_code in {200, 401}
            if reply.status_code == 200:
                token = reply.json()["access_token"]
                headers = {"Authorization": f"Bearer {token}"}
                assert_problem(await client.get("/api/auth/me", headers=headers), 401)
