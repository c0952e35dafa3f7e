"""Registering an account (A1, A4)."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import (
    PASSWORD,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    new_username,
)
from tests.harness.servers import ChatServer


async def post(chat: ChatServer, body: Any) -> httpx.Response:  # noqa: ANN401  # any JSON, wrong ones too
    async with http_client(chat.url) as client:
        return await client.post("/api/auth/register", json=body)


async def test_a_newcomer_is_signed_in_both_ways(chat: ChatServer) -> None:
    username = new_username()

    reply = await post(chat, {"username": username, "password": PASSWORD, "display_name": " Zoë "})

    assert reply.status_code == 201
    body = as_json(reply)
    assert body.keys() == {"user", "access_token", "token_type", "expires_in", "refresh_token"}
    assert body["token_type"] == "bearer"
    assert body["user"]["username"] == username
    assert body["user"]["display_name"] == "Zoë"
    cookie = reply.headers["set-cookie"].partition(";")[0]
    for headers in ({"Authorization": f"Bearer {body['access_token']}"}, {"Cookie": cookie}):
        async with http_client(chat.url, headers=headers) as client:
            assert as_json(await client.get("/api/auth/me"))["id"] == body["user"]["id"]


async def test_the_reply_holds_what_the_contract_names(alice: Person) -> None:
    public = {"id", "username", "display_name", "avatar_url", "bio", "status_text", "created_at"}
    private = {"accept_messages_from", "share_presence", "sound", "admin"}
    private |= {"push_preview", "quiet_hours", "locale"}

    assert alice.user.keys() == public | private
    assert alice.user["created_at"].endswith("Z")


async def test_a_page_asks_for_no_tokens_and_sees_none(chat: ChatServer) -> None:
    body = {"username": new_username(), "password": PASSWORD, "tokens": False}

    reply = await post(chat, body)

    assert reply.status_code == 201
    assert as_json(reply).keys() == {"user"}
    assert "HttpOnly" in reply.headers["set-cookie"]


@pytest.mark.parametrize(
    "spelling",
    [
        str,
        str.upper,
        lambda name: "".join(chr(ord(letter) + 0xFEE0) for letter in name),
    ],
    ids=["same", "upper case", "full width"],
)
async def test_a_taken_name_is_taken_in_every_spelling(
    chat: ChatServer, alice: Person, spelling: Callable[[str], str]
) -> None:
    reply = await post(chat, {"username": spelling(alice.username), "password": PASSWORD})

    body = assert_problem(reply, 409, "username_taken")
    assert "username" in body["detail"].lower()


async def test_a_wrong_username_is_named(chat: ChatServer) -> None:
    for username in (
        "",
        "ab",
        "a" * 33,
        "a" * 100_000,
        "zoë_1",
        "with space",
        ".dot",
        "-dash",
        "nul\x00nul",
        "zero\u200bwidth",
        "bidi\u202ename",
        "line\nbreak",
        "\u0430lice",  # a Cyrillic letter
        "a\U0001f600b",
    ):
        with case(username):
            assert_invalid(
                await post(chat, {"username": username, "password": PASSWORD}), "username"
            )


async def test_a_bad_password_is_named_and_not_repeated(chat: ChatServer) -> None:
    for password in (
        "",
        "short",
        "123456789",
        "a" * 129,
        "password123",
        "1234567890",
        "nul\x00nul-nul-nul",
    ):
        with case(password):
            reply = await post(chat, {"username": new_username(), "password": password})

            assert_invalid(reply, "password")
            assert not password or password not in reply.text


async def test_the_password_is_not_the_username(chat: ChatServer) -> None:
    name = new_username()

    assert_invalid(await post(chat, {"username": name, "password": name.upper()}), "password")


async def test_a_name_that_deceives_is_refused(chat: ChatServer) -> None:
    for display_name in (
        "x" * 101,
        "a\u202eb",
        "a\u200bb",
        "a\x00b",
        "a\nb",
        "\u3164",
        "\ufeffx",
        "a\x85b",
    ):
        with case(display_name):
            body = {"username": new_username(), "password": PASSWORD, "display_name": display_name}

            assert_invalid(await post(chat, body), "display_name")


async def test_a_name_may_be_in_any_script(new_person: NewPerson) -> None:
    for display_name in ("李雷", "محمد", "O'Brien-Łukasz", "<b>x</b>", "🦊"):
        with case(display_name):
            person = await new_person(display_name=display_name)

            assert person.user["display_name"] == display_name


async def test_a_wrong_type_is_named(chat: ChatServer) -> None:
    kinds: tuple[object, ...] = (1, None, True, [], {}, 1.5)
    for wrong in kinds:
        with case(wrong):
            assert_invalid(
                await post(chat, {"username": wrong, "password": wrong}), "username", "password"
            )


async def test_every_wrong_field_has_its_entry(chat: ChatServer) -> None:
    body = {"username": "x", "password": "y", "display_name": 7, "tokens": "yes", "admin": True}

    reply = await post(chat, body)

    assert_invalid(reply, "username", "password", "display_name", "tokens", "admin")


async def test_an_empty_body_lacks_both_fields(chat: ChatServer) -> None:
    assert_invalid(await post(chat, {}), "username", "password")


async def test_ten_concurrent_registrations_make_one_account(chat: ChatServer) -> None:
    body = {"username": new_username(), "password": PASSWORD}

    replies = await asyncio.gather(*(post(chat, body) for _ in range(10)))

    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 9


async def test_a_megabyte_of_password_is_refused_before_hashing(costly_chat: ChatServer) -> None:
    """Check that a refusal takes less than half the CPU time of as many hashes."""
    chat = costly_chat
    async with http_client(chat.url) as client:

        async def seconds(path: str, password: str) -> float:
            before = chat.cpu_seconds()
            for _ in range(5):
                body = {"username": new_username(), "password": password}
                reply = await client.post(path, json=body)
                if len(password) > len(PASSWORD):
                    assert_invalid(reply, "password")
            return chat.cpu_seconds() - before

        for path in ("/api/auth/register", "/api/auth/login"):
            hashed = await seconds(path, PASSWORD)
            refused = await seconds(path, "x" * 1_000_000)
            assert refused < hashed / 2, path


async def test_a_refused_registration_leaves_the_name_free(chat: ChatServer) -> None:
    name = new_username()
    await post(chat, {"username": name, "password": "short"})

    reply = await post(chat, {"username": name, "password": PASSWORD})

    assert reply.status_code == 201


async def test_no_reply_holds_a_hash(alice: Person) -> None:
    me = await alice.http.get("/api/auth/me")
    card = await alice.http.get(f"/api/users/{alice.id}")

    for text in (me.text, card.text):
        assert "argon2" not in text
        assert "password" not in text


async def test_the_rule_of_usernames_is_told_as_a_whole_sentence(chat: ChatServer) -> None:
    async with http_client(chat.url) as http:
        body = {"username": "-abc", "password": PASSWORD}
        reply = await http.post("/api/auth/register", json=body)

    assert reply.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    # The catalogues have this very sentence.
    sentence = "Use letters a to z, digits, and _ . or -, and start with a letter or digit."
    assert [error["message"] for error in reply.json()["errors"]] == [sentence]
