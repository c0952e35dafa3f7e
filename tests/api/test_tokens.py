"""Access and refresh tokens (A3): signatures, forgeries and renewal."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from tests.harness.cases import case
from tests.harness.chats import SECRET
from tests.harness.clients import Person, as_json, assert_problem, http_client, short
from tests.harness.servers import ChatServer
from tests.harness.tls import trusted


def claims_of(person: Person) -> dict[str, Any]:
    claims = jwt.decode(person.access_token, options={"verify_signature": False})
    assert isinstance(claims, dict)
    return claims


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


async def me(chat: ChatServer, token: str) -> httpx.Response:
    async with http_client(chat.url, headers={"Authorization": f"Bearer {token}"}) as client:
        return await client.get("/api/auth/me")


async def refresh(chat: ChatServer, token: object) -> httpx.Response:
    async with http_client(chat.url) as client:
        return await client.post("/api/auth/refresh", json={"refresh_token": token})


async def test_token_claims_match_the_contract(alice: Person) -> None:
    claims = claims_of(alice)

    assert claims.keys() == {"sub", "sid", "iat", "exp", "aud", "jti"}
    assert claims["sub"] == alice.id
    assert claims["exp"] - claims["iat"] == 900


def forgeries() -> dict[str, Any]:
    now = datetime.now(UTC)

    def signed(**changes: object) -> Any:  # noqa: ANN401  # a function of the true claims
        def forge(true: dict[str, Any]) -> str:
            claims = {name: value for name, value in {**true, **changes}.items() if value}
            return jwt.encode(claims, SECRET)

        return forge

    return {
        "expired": signed(exp=now - timedelta(minutes=1)),
        "another audience": signed(aud="other"),
        "no audience": signed(aud=None),
        "no expiry": signed(exp=None),
        "no session": signed(sid=None),
        "a made-up session": signed(sid=str(uuid4())),
        "another user": signed(sub=str(uuid4())),
        "a user who is no id": signed(sub="admin"),
        "a list as session": signed(sid=["a", "b"]),
        "a number as user": signed(sub=7),
        "a text as expiry": signed(exp="tomorrow"),
        "an endless expiry": signed(exp=float("inf")),
        "no number as expiry": signed(exp=float("nan")),
        "an object as id": signed(jti={"a": 1}),
        "a list as time": signed(iat=[1]),
        "alg none": lambda true: unsigned(true, "none"),
        "alg None": lambda true: unsigned(true, "None"),
        "HS256 without signature": lambda true: unsigned(true, "HS256"),
        "another key": lambda true: jwt.encode(true, SECRET[::-1]),
        "another algorithm": lambda true: jwt.encode(true, SECRET, "HS512"),
    }


async def test_a_token_signed_with_the_real_key_is_accepted(
    chat: ChatServer, alice: Person
) -> None:
    assert (await me(chat, jwt.encode(claims_of(alice), SECRET))).status_code == 200


async def test_a_forged_token_opens_nothing(chat: ChatServer, alice: Person) -> None:
    for kind in forgeries():
        with case(kind):
            token = forgeries()[kind](claims_of(alice))

            assert_problem(await me(chat, token), 401)


async def test_an_altered_token_opens_nothing(chat: ChatServer, alice: Person, bob: Person) -> None:
    header, _, signature = alice.access_token.split(".")
    token = ".".join([header, bob.access_token.split(".")[1], signature])

    assert_problem(await me(chat, token), 401)


async def test_a_junk_token_is_refused(chat: ChatServer) -> None:
    for token in ("a.b.c", "x" * 8000, "....", "é" * 10, "a b c", "..."):
        with case(token):
            headers = {b"Authorization": f"Bearer {token}".encode()}
            async with httpx.AsyncClient(
                base_url=chat.url, headers=headers, verify=trusted()
            ) as client:
                assert_problem(await client.get("/api/auth/me"), 401)


async def test_a_bad_token_is_not_saved_by_a_good_cookie(alice: Person) -> None:
    """Refuse the request: falling back to the cookie would hide that the token has expired."""
    async with alice.browser() as page:
        reply = await page.get("/api/auth/me", headers={"Authorization": "Bearer junk"})

    assert_problem(reply, 401)


async def test_a_refresh_gives_a_new_pair_of_the_same_session(
    chat: ChatServer, alice: Person
) -> None:
    reply = await refresh(chat, alice.refresh_token)

    assert reply.status_code == 200
    pair = as_json(reply)
    assert pair["refresh_token"] != alice.refresh_token
    assert (await me(chat, pair["access_token"])).status_code == 200
    fresh = jwt.decode(pair["access_token"], options={"verify_signature": False})
    assert fresh["sid"] == claims_of(alice)["sid"]
    assert fresh["jti"] != claims_of(alice)["jti"]


async def test_two_tabs_may_refresh_at_once(chat: ChatServer, alice: Person) -> None:
    replies = await asyncio.gather(*(refresh(chat, alice.refresh_token) for _ in range(2)))

    assert [reply.status_code for reply in replies] == [200, 200]
    for reply in replies:
        assert (await refresh(chat, as_json(reply)["refresh_token"])).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "x" * 100_000, "a\x00b"], ids=short)
async def test_a_made_up_refresh_token_is_refused(chat: ChatServer, token: str) -> None:
    reply = await refresh(chat, token)

    assert reply.status_code in {401, 422}
    assert_problem(reply, reply.status_code)


async def test_an_access_token_does_not_refresh(chat: ChatServer, alice: Person) -> None:
    reply = await refresh(chat, alice.access_token)

    assert reply.status_code in {401, 422}
