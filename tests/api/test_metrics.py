"""Prometheus metrics (`/api/metrics`): access from this machine or by token, and values."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness import clients
from tests.harness.chats import StartChat
from tests.harness.clients import PATIENCE_S, assert_problem, http_client
from tests.harness.servers import ChatServer

TOKEN = "a-token-of-the-monitoring"
SQLITE = "sqlite+memory"

Labels = dict[str, str]


class Scrape:
    """A scrape of a chat's metrics, summed over its nodes."""

    def __init__(self, *texts: str) -> None:
        families = [one for text in texts for one in text_string_to_metric_families(text)]
        self.families = {family.name for family in families}
        self.samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of that name with these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


async def read(process: ChatServer) -> str:
    """Request one process directly, past the proxy, as a monitoring system does."""
    async with http_client(process.url, headers=process.monitoring) as client:
        reply = await client.get("/api/metrics")
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/plain")
    return reply.text


async def scrape(chat: ChatServer) -> Scrape:
    return Scrape(*[await read(process) for process in chat.processes])


async def ask(chat: ChatServer, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http_client(chat.url) as client:
        return await client.get("/api/metrics", headers=names)


async def test_sends_refusals_and_requests_are_counted(chat: ChatServer) -> None:
    before = await scrape(chat)
    alice, bob = await clients.register(chat.url), await clients.register(chat.url)
    key = uuid4().hex
    message = await alice.write(bob, "hello", client_id=key)
    await alice.http.post(
        "/api/messages", json={"receiver_id": bob.id, "content": "hello", "client_id": key}
    )
    await alice.http.patch(f"/api/messages/{message['id']}", json={"content": "hello there"})
    refused = {"receiver_id": alice.id, "content": "to myself"}
    assert (await alice.http.post("/api/messages", json=refused)).status_code == 422
    after = await scrape(chat)

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    # Others may write to the shared chat at the same time.
    assert more("chat_messages_stored_total") >= 1
    assert more("chat_messages_changed_total") >= 1
    assert more("chat_messages_replayed_total") >= 1
    assert more("chat_acks_total") >= 3
    assert more("chat_sends_refused_total", code="receiver_is_self") >= 1
    assert more("chat_commit_seconds_count") >= 4
    assert more("chat_batch_messages_sum") >= 4
    assert more("chat_delivery_seconds_count") >= 2
    for route, method, status in (
        ("/api/messages", "POST", "201"),
        ("/api/messages", "POST", "200"),
        ("/api/messages", "POST", "422"),
    ):
        requests = {"route": route, "method": method, "status": status}
        assert more("chat_http_requests_total", **requests) >= 1, requests
    assert more("chat_http_requests_total", method="PATCH", status="200") >= 1
    assert more("chat_http_request_seconds_count", route="/api/messages") >= 3


async def test_open_sockets_are_counted(chat: ChatServer) -> None:
    alice = await clients.register(chat.url)
    before = await scrape_without_sockets(chat)
    async with alice.socket() as socket:
        await socket.send({"type": "ping"})
        await socket.expect("pong")
        await socket.send("{")
        await socket.expect("error")
        with_one = await scrape(chat)

    after = await scrape_without_sockets(chat)

    def more(metrics: Scrape, name: str, **labels: str) -> float:
        return metrics.value(name, **labels) - before.value(name, **labels)

    assert with_one.value("chat_sockets") == 1
    assert with_one.value("chat_outlets") == 1
    assert more(with_one, "chat_frames_received_total") == 2
    assert more(with_one, "chat_frames_refused_total", code="malformed_json") == 1
    assert more(after, "chat_outlets_closed_total", code="1012") == 1


async def scrape_without_sockets(chat: ChatServer) -> Scrape:
    """Wait until every socket, earlier tests' included, is closed; return the scrape."""
    async with asyncio.timeout(2 * PATIENCE_S):
        metrics = await scrape(chat)
        while metrics.value("chat_outlets") or metrics.value("chat_sockets"):
            await asyncio.sleep(0.05)
            metrics = await scrape(chat)
    return metrics


async def test_the_state_of_each_node_is_exported(chat: ChatServer, pair: str) -> None:
    for process in chat.processes:
        metrics = Scrape(await read(process))

        assert metrics.value("chat_bus_up") == 1
        assert metrics.value("chat_database_pool_size") >= 1
        assert metrics.value("chat_event_loop_lag_seconds_count") >= 0
        assert metrics.value("chat_change_log_read_age_seconds") < 60
        assert metrics.value("chat_build_info") == 1
        assert {"process_cpu_seconds", "process_resident_memory_bytes"} <= metrics.families
        assert ("chat_bus_queue_parcels" in metrics.families) == (pair != SQLITE)


async def test_no_label_value_comes_from_client_input(chat: ChatServer) -> None:
    """Bound the label values: otherwise clients could fill the memory of chat and monitoring."""
    mark = f"x{uuid4().hex}"
    alice = await clients.register(chat.url)
    async with http_client(chat.url) as client:
        await client.get(f"/api/{mark}")
        await client.get(f"/api/users/{alice.id}")
        await client.get(f"/{mark}?{mark}={mark}")
        await client.request("PROPFIND", f"/api/{mark}")
    await alice.http.get(f"/api/users/{alice.id}")
    async with alice.socket() as socket:
        await socket.send({"type": mark, mark: mark})
        await socket.expect("error")

    metrics = await scrape(chat)

    values = [value for sample in metrics.samples for value in sample.labels.values()]
    assert not [value for value in values if mark in value or alice.id in value]
    assert metrics.value("chat_http_requests_total", method="other") >= 1
    assert metrics.value("chat_http_requests_total", route="unknown") >= 1


@pytest.mark.parametrize("pair", [SQLITE])
async def test_metrics_through_a_proxy_need_the_token(chat: ChatServer) -> None:
    """Require it even when a header claims a local address: anybody can forge that."""
    for header in ("X_Forwarded_For", "X_Real_IP", "Forwarded", "Via", "X_Forwarded_Proto"):
        assert_problem(await ask(chat, **{header: "127.0.0.1"}), 401, "not_authenticated")
    assert_problem(await ask(chat, Host="chat.example.org"), 401, "not_authenticated")


@pytest.mark.parametrize("pair", [SQLITE])
async def test_without_a_token_set_no_token_opens(chat: ChatServer) -> None:
    alice = await clients.register(chat.url)
    for token in ("none", alice.access_token):
        reply = await ask(chat, Via="1.1 proxy", Authorization=f"Bearer {token}")
        assert_problem(reply, 401, "not_authenticated")


@pytest.mark.parametrize("pair", [SQLITE])
async def test_behind_https_only_the_token_opens(start_chat: StartChat) -> None:
    """Trust no local address: every request through the proxy in front may look local."""
    chat = start_chat(
        CHAT_PUBLIC_URL="https://chat.example.org", CHAT_METRICS_TOKEN=TOKEN, CHAT_LIMITS="on"
    )

    assert_problem(await ask(chat), 401, "not_authenticated")
    assert_problem(await ask(chat, Authorization=f"Bearer {TOKEN}x"), 401, "not_authenticated")
    assert_problem(await ask(chat, Authorization=f"Basic {TOKEN}"), 401, "not_authenticated")
    for more in ({}, {"X_Forwarded_For": "203.0.113.9"}):
        reply = await ask(chat, Authorization=f"Bearer {TOKEN}", **more)
        assert reply.status_code == 200, reply.text
    assert TOKEN not in chat.log()


@pytest.mark.parametrize("pair", [SQLITE])
async def test_a_scrape_does_not_wait_for_the_database(start_chat: StartChat) -> None:
    """Return complete metrics while the only database connection is busy."""
    chat = start_chat(CHAT_DATABASE_POOL_SIZE="1")
    alice, bob = await clients.register(chat.url), await clients.register(chat.url)

    async def write(number: int) -> dict[str, Any]:
        return await alice.write(bob, f"message {number}")

    writing = asyncio.gather(*(write(number) for number in range(100)))
    scrapes = [await scrape(chat) for _ in range(10)]
    await writing

    assert all("chat_messages_stored" in metrics.families for metrics in scrapes)
    assert (await scrape(chat)).value("chat_messages_stored_total") == 100


async def test_metric_names_follow_the_prometheus_convention(chat: ChatServer) -> None:
    """Check that names carry their units and only counters end in `_total`."""
    text = await read(chat.processes[0])
    described = re.findall(r"# HELP (chat_\w+) \S", text)
    kinds = dict(re.findall(r"# TYPE (chat_\w+) (\w+)", text))

    assert sorted(described) == sorted(kinds)
    for name, kind in kinds.items():
        assert (kind == "counter") == name.endswith("_total"), name
        assert kind != "histogram" or name.endswith(("_seconds", "_messages", "_marks")), name
