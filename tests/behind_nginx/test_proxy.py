"""The configuration of nginx: TLS, addresses, sizes, packing, and answers without a node."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import (
    PASSWORD,
    as_json,
    assert_problem,
    http_client,
    new_username,
    register,
)
from tests.harness.cluster import Cluster
from tests.harness.devices import until
from tests.harness.nginx import Nginx
from tests.harness.servers import LOOPBACK, free_port

pytestmark = [pytest.mark.only_in_test_all, pytest.mark.xdist_group("cluster")]

FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Real-IP": "203.0.113.7",
    "Forwarded": "for=192.0.2.1",
}
FAILURES_OF_AN_ADDRESS = 20


@asynccontextmanager
async def client_at(cluster: Cluster, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client at another address of this machine."""
    trusted = ssl.create_default_context(cafile=str(cluster.nginx.certificate))
    transport = httpx.AsyncHTTPTransport(verify=trusted, local_address=address)
    url = cluster.url.replace("localhost", LOOPBACK)
    trusted.check_hostname = False  # the certificate names the host, not its address
    async with httpx.AsyncClient(transport=transport, base_url=url, timeout=30) as client:
        yield client


async def failed(client: httpx.AsyncClient, **headers: str) -> int:
    """Sign in with a name that does not exist; return the status."""
    body = {"username": new_username(), "password": "wrong-password"}
    return (await client.post("/api/auth/login", json=body, headers=headers)).status_code


async def test_plain_http_is_sent_to_https(cluster: Cluster) -> None:
    async with http_client(f"http://localhost:{cluster.nginx.plain_port}") as client:
        reply = await client.get("/chat/1?x=y")

    assert reply.status_code == 308
    assert reply.headers["location"] == "https://localhost/chat/1?x=y"


async def test_a_sign_in_travels_over_tls_only(cluster: Cluster) -> None:
    async with http_client(cluster.url) as client:
        body = {"username": new_username(), "password": PASSWORD, "tokens": False}
        reply = await client.post("/api/auth/register", json=body)

    assert reply.status_code == 201
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert reply.headers["strict-transport-security"]


async def test_an_address_is_counted_over_all_nodes_and_cannot_be_forged(cluster: Cluster) -> None:
    async with client_at(cluster, "127.0.0.3") as guesser, client_at(cluster, "127.0.0.4") as other:
        tried = [await failed(guesser, **FORGED) for _ in range(FAILURES_OF_AN_ADDRESS)]

        assert set(tried) == {401}
        assert await failed(guesser) == 429
        assert await failed(guesser, **{"X-Forwarded-For": "198.51.100.9"}) == 429
        assert await failed(other, **FORGED) == 401


async def test_a_session_remembers_the_address_it_was_opened_from(cluster: Cluster) -> None:
    async with client_at(cluster, "127.0.0.5") as client:
        body = {"username": new_username(), "password": PASSWORD}
        token = (await client.post("/api/auth/register", json=body, headers=FORGED)).json()
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        sessions = as_json(await client.get("/api/auth/sessions", headers=bearer))

    assert [one["address"] for one in sessions["items"]] == ["127.0.0.5"]


async def test_a_request_id_is_in_every_log(cluster: Cluster) -> None:
    async with http_client(cluster.url) as client:
        mine = await client.get("/api/auth/me", headers={"X-Request-ID": "my-request-0001"})
        evil = await client.get("/api/auth/me", headers={"X-Request-ID": "no good\x01"})

    assert assert_problem(mine, 401)["request_id"] == "my-request-0001"
    named = assert_problem(evil, 401)["request_id"]
    # Both write their line when the answer is on its way already.
    await until(lambda: "my-request-0001" in cluster.nginx.requests())
    await until(lambda: named in cluster.nginx.requests())
    await until(lambda: any(named in node.log() for node in cluster.nodes))


async def test_the_log_of_requests_holds_no_query(cluster: Cluster) -> None:
    async with http_client(cluster.url) as client:
        await client.get("/api/users", params={"q": "somebody-private"})

    await until(lambda: "GET /api/users" in cluster.nginx.requests())
    assert "somebody-private" not in cluster.nginx.requests()


async def test_a_huge_body_is_refused(cluster: Cluster) -> None:
    async with http_client(cluster.url) as client:
        reply = await client.post("/api/auth/login", content=b" " * (2 * 1024 * 1024 + 1))

    assert_problem(reply, 413, "body_too_large")
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_long_answers_are_packed_and_those_with_tokens_are_not(cluster: Cluster) -> None:
    alice, bob = await register(cluster.url), await register(cluster.url)
    for _ in range(4):
        await alice.write(bob, "packed " * 100)

    page = await alice.http.get(f"/api/messages/{bob.id}")
    sessions = await alice.http.get("/api/auth/sessions")

    assert page.headers["content-encoding"] == "gzip"
    assert len(as_json(page)["items"]) == 4
    assert "content-encoding" not in sessions.headers


async def test_nginx_answers_502_without_any_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nginx = Nginx(tmp_path / "nginx")
    nginx.start([f"{LOOPBACK}:{free_port()}"])
    monkeypatch.setenv("SSL_CERT_FILE", str(nginx.certificate))
    try:
        async with http_client(nginx.url) as client:
            asked = await client.get("/api/auth/me")
            page = await client.get("/chat/1")
    finally:
        nginx.stop()

    assert_problem(asked, 502, "node_lost")
    assert asked.headers["retry-after"] == "1"
    assert page.status_code == 502
    assert "<h1>" in page.text
    for reply in (asked, page):
        assert "nginx" not in reply.text.lower()
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["cache-control"] == "no-store"
