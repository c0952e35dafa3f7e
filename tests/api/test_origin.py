"""Cross-site requests (A5, A6): another site's page can change nothing."""

import pytest

from tests.harness.cases import case
from tests.harness.clients import (
    PASSWORD,
    Person,
    as_json,
    assert_problem,
    http_client,
    new_username,
)
from tests.harness.servers import ChatServer

CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {},
]


async def test_a_cookie_on_a_cross_site_request_changes_nothing(alice: Person, bob: Person) -> None:
    for headers in CROSS_SITE:
        with case(headers):
            body = {"receiver_id": bob.id, "content": "forged"}
            async with http_client(alice.url, headers={"Cookie": alice.cookie, **headers}) as page:
                for path in ("/api/messages", "/api/conversations", "/api/auth/logout"):
                    assert_problem(await page.post(path, json=body), 403, "cross_site")
                form = {"receiver_id": bob.id, "content": "forged"}
                assert_problem(await page.post("/api/messages", data=form), 403, "cross_site")

            assert (await alice.http.get("/api/auth/me")).status_code == 200
            assert as_json(await alice.http.get(f"/api/messages/{bob.id}"))["items"] == []


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
async def test_the_own_page_may_change_things(alice: Person, bob: Person, header: str) -> None:
    value = {"Origin": alice.url, "Sec-Fetch-Site": "same-origin"}[header]
    headers = {"Cookie": alice.cookie, header: value}
    async with http_client(alice.url, headers=headers) as page:
        reply = await page.post("/api/messages", json={"receiver_id": bob.id, "content": "hi"})

    assert reply.status_code == 201


async def test_reading_with_the_cookie_needs_no_origin(alice: Person) -> None:
    async with alice.browser(origin="") as page:
        assert (await page.get("/api/auth/me")).status_code == 200


async def test_a_program_needs_no_origin(alice: Person, bob: Person) -> None:
    reply = await alice.http.post(
        "/api/messages",
        json={"receiver_id": bob.id, "content": "hi"},
        headers={"Origin": "https://elsewhere.example"},
    )

    assert reply.status_code == 201


async def test_a_request_with_a_token_beside_a_cookie_needs_no_origin(
    alice: Person, bob: Person
) -> None:
    headers = {"Cookie": alice.cookie, "Authorization": f"Bearer {alice.access_token}"}
    async with http_client(alice.url, headers=headers) as client:
        reply = await client.post("/api/messages", json={"receiver_id": bob.id, "content": "hi"})

    assert reply.status_code == 201


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register"])
async def test_another_site_signs_nobody_in(chat: ChatServer, path: str) -> None:
    """Refuse login CSRF: a site could sign its visitor in to its own account and read along."""
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with http_client(chat.url, headers=headers) as page:
        reply = await page.post(path, json={"username": new_username(), "password": PASSWORD})

    assert_problem(reply, 403, "cross_site")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "own"])
async def test_no_origin_gets_an_allow_header(alice: Person, origin: str) -> None:
    headers = {"Origin": alice.url if origin == "own" else origin, "Cookie": alice.cookie}
    preflight = {**headers, "Access-Control-Request-Method": "POST"}
    async with http_client(alice.url) as page:
        replies = [
            await page.get("/api/auth/me", headers=headers),
            await page.options("/api/messages", headers=preflight),
            await page.get("/api/nothing", headers=headers),
        ]

    for reply in replies:
        allowing = [name for name in reply.headers if name.startswith("access-control-")]
        assert allowing == []


@pytest.mark.parametrize("path", ["/api/health/live", "/api/auth/me", "/api/nothing"])
async def test_every_reply_has_the_security_headers(chat: ChatServer, path: str) -> None:
    async with http_client(chat.url) as client:
        headers = (await client.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"]
