"""CORS (A6): only the configured static host's pages may call the API."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.harness.chats import Storage, start
from tests.harness.clients import (
    PASSWORD,
    Person,
    assert_problem,
    http_client,
    new_username,
    register,
)
from tests.harness.servers import ChatServer

PAGES = "http://app.example.org"
NEIGHBOUR = {"Origin": PAGES, "Sec-Fetch-Site": "same-site"}
ALLOW = "access-control-allow-"
ALLOWED = "Content-Type, X-Chat-User, Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset"
STRANGERS = [
    "http://evil.example.org",
    "https://app.example.org",
    "http://app.example.org:81",
    "null",
]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    """Yield a chat whose pages are served from another origin."""
    storage = Storage("sqlite+memory", "", "", tmp_path_factory.mktemp("split"))
    chat = start(storage, CHAT_PUBLIC_URL=PAGES, CHAT_API_URL="http://api.example.org")
    try:
        yield chat
    finally:
        chat.stop()


@asynccontextmanager
async def page_of(person: Person, headers: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client that sends the headers of a page."""
    async with http_client(person.url, headers={"Cookie": person.cookie, **headers}) as client:
        yield client


async def test_the_own_page_reads_and_writes_with_its_cookie(split: ChatServer) -> None:
    alice, bob = await register(split.url), await register(split.url)
    async with page_of(alice, NEIGHBOUR) as page:
        body = {"receiver_id": bob.id, "content": "from the other origin"}
        for reply in (
            await page.get("/api/auth/me"),
            await page.post("/api/messages", json=body),
            await page.post("/api/auth/logout"),
        ):
            assert reply.is_success
            assert reply.headers[f"{ALLOW}origin"] == PAGES
            assert reply.headers[f"{ALLOW}credentials"] == "true"
            assert reply.headers.get_list("vary", split_commas=True).count("Origin") == 1
        # The page must be able to read the refusal and its Retry-After.
        refused = await page.get("/api/auth/me")

    assert_problem(refused, 401)
    assert refused.headers[f"{ALLOW}origin"] == PAGES
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
    assert "Upload-Offset" in refused.headers["access-control-expose-headers"]


async def test_a_preflight_request_of_the_own_page_is_allowed(split: ChatServer) -> None:
    asks = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "content-type,x-chat-user",
    }
    async with http_client(split.url, headers={"Origin": PAGES, **asks}) as page:
        reply = await page.options("/api/users/me")

    assert reply.status_code == 204
    assert reply.headers[f"{ALLOW}origin"] == PAGES
    assert "PATCH" in reply.headers[f"{ALLOW}methods"]
    assert reply.headers[f"{ALLOW}headers"] == ALLOWED
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("origin", STRANGERS)
async def test_no_other_page_is_let_in(split: ChatServer, origin: str) -> None:
    alice, bob = await register(split.url), await register(split.url)
    body = {"receiver_id": bob.id, "content": "forged"}
    async with page_of(alice, {"Origin": origin, "Sec-Fetch-Site": "same-site"}) as page:
        asks = {"Access-Control-Request-Method": "POST"}
        replies = [
            await page.get("/api/auth/me"),
            await page.options("/api/messages", headers=asks),
            await page.post("/api/messages", json=body),
        ]

    assert_problem(replies[-1], 403, "cross_site")
    for reply in replies:
        assert not [name for name in reply.headers if name.startswith(ALLOW)]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": PAGES, "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://api.example.org", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_headers_that_do_not_match_the_configured_page_are_refused(
    split: ChatServer, headers: dict[str, str]
) -> None:
    alice = await register(split.url)
    async with page_of(alice, headers) as page:
        assert_problem(await page.post("/api/auth/logout"), 403, "cross_site")


async def test_a_sign_in_from_elsewhere_is_refused(split: ChatServer) -> None:
    body = {"username": new_username(), "password": PASSWORD, "tokens": False}
    async with http_client(split.url, headers={"Origin": "http://evil.example.org"}) as page:
        assert_problem(await page.post("/api/auth/register", json=body), 403, "cross_site")


async def test_without_the_setting_no_origin_may_read(tmp_path: Path) -> None:
    chat = start(Storage("sqlite+memory", "", "", tmp_path), CHAT_PUBLIC_URL=PAGES)
    try:
        async with http_client(chat.url, headers=NEIGHBOUR) as page:
            reply = await page.get("/api/auth/me")
    finally:
        chat.stop()

    assert not [name for name in reply.headers if name.startswith(ALLOW)]
