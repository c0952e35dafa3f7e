"""Signing in and out, and the current user (A2, A5, A7)."""

import httpx
import pytest

from tests.harness.cases import case
from tests.harness.chats import StartChat
from tests.harness.clients import (
    PASSWORD,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    log_in,
    new_username,
    register,
)
from tests.harness.servers import ChatServer


async def post(chat: ChatServer, username: str, password: str) -> httpx.Response:
    async with http_client(chat.url) as client:
        body = {"username": username, "password": password}
        return await client.post("/api/auth/login", json=body)


async def test_the_right_pair_opens_another_session(chat: ChatServer, alice: Person) -> None:
    again = await log_in(chat.url, alice)

    assert again.user == alice.user
    assert again.access_token != alice.access_token
    assert again.cookie != alice.cookie


async def test_the_name_may_be_typed_in_any_case(chat: ChatServer, alice: Person) -> None:
    reply = await post(chat, alice.username.upper(), PASSWORD)

    assert reply.status_code == 200


async def test_wrong_password_and_unknown_user_look_the_same(
    chat: ChatServer, alice: Person
) -> None:
    wrong = assert_problem(await post(chat, alice.username, "wrong-password"), 401)
    unknown = assert_problem(await post(chat, new_username(), "wrong-password"), 401)

    for body in (wrong, unknown):
        body.pop("request_id")
        body.pop("instance", None)
    assert wrong == unknown
    assert wrong["code"] == "invalid_credentials"


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(costly_chat: ChatServer) -> None:
    """Compare CPU time, which other programs do not affect."""
    chat = costly_chat
    alice = await register(chat.url)

    async def seconds(*usernames: str) -> float:
        before = chat.cpu_seconds()
        for username in usernames:
            assert_problem(await post(chat, username, "wrong-password"), 401)
        return chat.cpu_seconds() - before

    await seconds(new_username())
    known = await seconds(*[alice.username] * 5)
    unknown = await seconds(*(new_username() for _ in range(5)))

    # Without the hash a reply costs a few milliseconds.
    assert unknown > known / 3
    assert known > unknown / 3


async def test_an_impossible_name_never_signs_in(chat: ChatServer) -> None:
    for username in ("", "x" * 100_000, "a\x00b", "' OR 1=1 --", "%"):
        with case(username):
            reply = await post(chat, username, PASSWORD)

            assert reply.status_code in {401, 422}


async def test_wrong_sign_in_fields_are_named(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        reply = await client.post("/api/auth/login", json={"username": 1, "extra": 1})

    assert_invalid(reply, "username", "password", "extra")


async def test_a_page_gets_a_cookie_that_no_script_reads(chat: ChatServer, alice: Person) -> None:
    body = {"username": alice.username, "password": PASSWORD, "tokens": False}
    async with http_client(chat.url, headers={"Origin": chat.url}) as client:
        reply = await client.post("/api/auth/login", json=body)

    assert as_json(reply).keys() == {"user"}
    name, *attributes = reply.headers["set-cookie"].split(";")
    named = {attribute.strip().lower() for attribute in attributes}
    assert name.startswith("chat_session=")
    assert {"httponly", "samesite=lax", "path=/"} <= named
    assert "secure" not in named
    assert not any(attribute.startswith("domain") for attribute in named)


async def test_over_https_the_cookie_is_bound_to_the_host(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_PUBLIC_URL="https://chat.example.org", CHAT_LIMITS="on")
    body = {"username": new_username(), "password": PASSWORD}
    async with http_client(chat.url) as client:
        reply = await client.post("/api/auth/register", json=body)

    name, *attributes = reply.headers["set-cookie"].split(";")
    assert name.startswith("__Host-session=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {
        attribute.strip().lower() for attribute in attributes
    }


async def test_me_is_my_own_profile(alice: Person) -> None:
    reply = await alice.http.get("/api/auth/me")

    assert reply.status_code == 200
    assert as_json(reply) == alice.user


async def test_reads_without_signing_in_are_refused(chat: ChatServer) -> None:
    for path in (
        "/api/auth/me",
        "/api/users?q=a",
        "/api/users/01930000-0000-7000-8000-000000000000",
        "/api/conversations",
        "/api/conversations/01930000-0000-7000-8000-000000000000",
        "/api/conversations/01930000-0000-7000-8000-000000000000/messages",
        "/api/messages/01930000-0000-7000-8000-000000000000",
    ):
        for headers in (
            {},
            {"Cookie": "chat_session=x"},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic eDp5"},
        ):
            with case(path, headers):
                async with http_client(chat.url, headers=headers) as client:
                    assert_problem(await client.get(path), 401)


async def test_changes_without_signing_in_are_refused(chat: ChatServer) -> None:
    for path in (
        "/api/auth/logout",
        "/api/conversations",
        "/api/messages",
        "/api/conversations/01930000-0000-7000-8000-000000000000/read",
        "/api/conversations/01930000-0000-7000-8000-000000000000/unread",
    ):
        with case(path):
            async with http_client(chat.url, headers={"Origin": chat.url}) as client:
                assert_problem(await client.post(path, json={}), 401)


@pytest.mark.parametrize("by", ["token", "cookie"])
async def test_signing_out_ends_the_cookie_and_the_tokens(
    chat: ChatServer, alice: Person, by: str
) -> None:
    other_device = await log_in(chat.url, alice)
    async with alice.browser() as page:
        client = page if by == "cookie" else alice.http
        reply = await client.post("/api/auth/logout")

        assert reply.status_code == 204
        assert_problem(await page.get("/api/auth/me"), 401)
        assert_problem(await alice.http.get("/api/auth/me"), 401)
        assert_problem(
            await page.post("/api/auth/refresh", json={"refresh_token": alice.refresh_token}), 401
        )
    assert (await other_device.http.get("/api/auth/me")).status_code == 200


async def test_signing_out_takes_the_cookie_away(alice: Person) -> None:
    async with alice.browser() as page:
        reply = await page.post("/api/auth/logout")

    assert reply.headers["set-cookie"].startswith("chat_session=")
    assert "max-age=0" in reply.headers["set-cookie"].lower()
