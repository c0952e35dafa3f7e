"""Listing and ending a user's sessions (A2, M6)."""

import asyncio
from datetime import datetime
from uuid import uuid4

import pytest

from tests.harness.clients import (
    NUL_IN_A_PATH,
    PASSWORD,
    Json,
    Person,
    Socket,
    as_json,
    assert_problem,
    http_client,
    log_in,
    register,
)
from tests.harness.servers import ChatServer


async def sessions(person: Person) -> list[Json]:
    reply = await person.http.get("/api/auth/sessions")
    assert reply.status_code == 200, reply.text
    items: list[Json] = as_json(reply)["items"]
    return items


async def is_signed_in(person: Person) -> bool:
    status = (await person.http.get("/api/auth/me")).status_code
    assert status in {200, 401}
    return status == 200


async def test_each_sign_in_is_listed_with_what_is_known_of_it(
    chat: ChatServer, alice: Person
) -> None:
    again = await log_in(chat.url, alice)

    listed = await sessions(again)

    assert [one["id"] for one in listed] == [again.session_id, alice.session_id]
    assert [one["current"] for one in listed] == [True, False]
    for one in listed:
        assert one.keys() == {
            "id",
            "user_agent",
            "address",
            "created_at",
            "last_used_at",
            "current",
        }
        assert one["user_agent"].startswith("python-httpx")
        assert one["address"] == "127.0.0.1"
        assert datetime.fromisoformat(one["created_at"]) <= datetime.fromisoformat(
            one["last_used_at"]
        )
        assert one["created_at"].endswith("Z")


async def test_a_cookie_and_its_tokens_are_one_session(alice: Person) -> None:
    async with alice.browser() as page:
        listed = as_json(await page.get("/api/auth/sessions"))["items"]

    assert [(one["id"], one["current"]) for one in listed] == [(alice.session_id, True)]


async def test_sessions_of_others_are_not_listed(alice: Person, bob: Person) -> None:
    assert {one["id"] for one in await sessions(bob)} == {bob.session_id}
    assert alice.session_id != bob.session_id


async def test_ending_another_session_ends_its_cookie_and_tokens(
    chat: ChatServer, alice: Person
) -> None:
    lost = await log_in(chat.url, alice)

    reply = await alice.http.delete(f"/api/auth/sessions/{lost.session_id}")

    assert reply.status_code == 204
    assert "set-cookie" not in reply.headers
    assert_problem(await lost.http.get("/api/auth/me"), 401)
    async with lost.browser() as page:
        assert_problem(await page.get("/api/auth/me"), 401)
    async with http_client(chat.url) as client:
        body = {"refresh_token": lost.refresh_token}
        assert_problem(await client.post("/api/auth/refresh", json=body), 401)
    assert [one["id"] for one in await sessions(alice)] == [alice.session_id]


async def test_ending_the_own_session_is_signing_out(alice: Person) -> None:
    async with alice.browser() as page:
        reply = await page.delete(f"/api/auth/sessions/{alice.session_id}")

    assert reply.status_code == 204
    assert reply.headers["set-cookie"].startswith("chat_session=")
    assert "max-age=0" in reply.headers["set-cookie"].lower()
    assert not await is_signed_in(alice)


@pytest.mark.parametrize(
    "made_up", ["01930000-0000-7000-8000-000000000000", "not-an-id", "1", NUL_IN_A_PATH]
)
async def test_an_unknown_session_is_not_found(alice: Person, made_up: str) -> None:
    assert_problem(await alice.http.delete(f"/api/auth/sessions/{made_up}"), 404)


async def test_the_session_of_another_user_looks_unknown(alice: Person, bob: Person) -> None:
    theirs = assert_problem(await alice.http.delete(f"/api/auth/sessions/{bob.session_id}"), 404)
    nobodys = assert_problem(await alice.http.delete(f"/api/auth/sessions/{uuid4()}"), 404)

    for body in (theirs, nobodys):
        del body["request_id"]
    assert theirs == nobodys
    assert await is_signed_in(bob)


async def test_a_session_ends_once(chat: ChatServer, alice: Person) -> None:
    lost = await log_in(chat.url, alice)
    path = f"/api/auth/sessions/{lost.session_id}"

    replies = await asyncio.gather(*(alice.http.delete(path) for _ in range(10)))

    assert sorted(reply.status_code for reply in replies) == [204] + [404] * 9


async def test_another_sites_page_ends_no_session(alice: Person) -> None:
    async with alice.browser(origin="https://evil.example") as page:
        reply = await page.delete(f"/api/auth/sessions/{alice.session_id}")

    assert_problem(reply, 403, "cross_site")
    assert await is_signed_in(alice)


async def test_sessions_are_not_listed_or_ended_without_signing_in(
    chat: ChatServer, alice: Person
) -> None:
    async with http_client(chat.url) as client:
        assert_problem(await client.get("/api/auth/sessions"), 401)
        assert_problem(await client.delete(f"/api/auth/sessions/{alice.session_id}"), 401)


async def test_the_sockets_of_an_ended_session_close_and_no_others(
    chat: ChatServer, alice: Person
) -> None:
    lost = await log_in(chat.url, alice)
    async with lost.socket() as ended, lost.socket() as also_ended, alice.socket() as kept:
        await alice.http.delete(f"/api/auth/sessions/{lost.session_id}")

        for socket in (ended, also_ended):
            assert await socket.close_code(seconds=1) == 4401
            assert [frame["type"] for frame in socket.passed] == ["session.ended"]
        assert await kept.settled() == []


async def test_a_session_ends_on_every_node(two_nodes: tuple[ChatServer, ChatServer]) -> None:
    """End a session at one node; the other refuses it within a second."""
    one, other = two_nodes
    alice = await register(one.url)
    lost = await log_in(one.url, alice)
    async with Socket.open(other.url) as socket:
        await socket.send({"type": "auth", "content": lost.access_token})
        await socket.expect("ready")

        await alice.http.delete(f"/api/auth/sessions/{lost.session_id}")

        assert await socket.close_code(seconds=1) == 4401
    headers = {"Authorization": f"Bearer {lost.access_token}"}
    async with http_client(other.url, headers=headers) as client:
        assert_problem(await client.get("/api/auth/me"), 401)


def secret_of(person: Person) -> str:
    return person.cookie.partition("=")[2]


@pytest.mark.parametrize(
    "others",
    ['prefs={"a":1}; ', 'a"b; ', "flag; ", "chat_session=stale; ", "session=of-another-program; "],
)
async def test_cookies_of_other_programs_do_not_matter(alice: Person, others: str) -> None:
    headers = {"Cookie": f"{others}{alice.cookie}", "Origin": alice.url}
    async with http_client(alice.url, headers=headers) as client:
        reply = await client.get("/api/auth/me")
        assert reply.status_code == 200, reply.text
        assert "set-cookie" not in reply.headers
        changed = await client.patch("/api/users/me", json={"bio": "hello"})
        assert changed.status_code == 200, changed.text


async def test_a_cookie_of_the_earlier_name_is_moved_to_the_present_one(alice: Person) -> None:
    earlier = {"Cookie": f"session={secret_of(alice)}", "Origin": alice.url}
    async with http_client(alice.url, headers=earlier) as client:
        reply = await client.get("/api/auth/me")

    assert reply.json()["id"] == alice.id
    removed, moved = sorted(reply.headers.get_list("set-cookie"), key=len)
    assert removed.startswith('session="";')
    assert "Max-Age=0" in removed
    assert moved.startswith(f"{alice.cookie};")
    assert "HttpOnly" in moved


async def test_signing_in_or_out_leaves_no_session_under_the_earlier_name(
    alice: Person, bob: Person
) -> None:
    both = {"Cookie": f"session={secret_of(bob)}; {alice.cookie}", "Origin": alice.url}
    async with http_client(alice.url, headers=both) as client:
        credentials = {"username": alice.username, "password": PASSWORD}
        replies = [
            await client.post("/api/auth/login", json=credentials),
            await client.post("/api/auth/logout"),
        ]

    for reply in replies:
        cookies = reply.headers.get_list("set-cookie")
        assert [one.partition("=")[0] for one in cookies] == ["chat_session", "session"]
        assert cookies[1].startswith('session="";')
