"""Logs: request ids across nodes, node names, levels, and no private data."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.harness import chats, clients
from tests.harness.chats import SECRET, Farm
from tests.harness.clients import PASSWORD, http_client, log_in
from tests.harness.log_lines import lines, logged
from tests.harness.servers import ChatServer

METRICS_TOKEN = f"token-{uuid4().hex}"
Nodes = tuple[ChatServer, ChatServer]


@pytest.fixture(scope="module")
def talkative_nodes(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Yield two named nodes of one chat that log at the lowest level."""
    storage = farm.storage("postgres+redis", tmp_path_factory.mktemp("logs"), own_redis=True)
    settings = {"CHAT_LOG_LEVEL": "DEBUG", "CHAT_METRICS_TOKEN": METRICS_TOKEN}
    with ExitStack() as stack:
        nodes = []
        for name in ("node-one", "node-two"):
            nodes.append(chats.start(storage, CHAT_NODE_NAME=name, **settings))
            stack.callback(nodes[-1].stop)
        yield nodes[0], nodes[1]


async def test_one_id_leads_from_a_request_to_the_other_node(talkative_nodes: Nodes) -> None:
    asked = f"request-{uuid4().hex}"
    one, other = talkative_nodes
    alice, bob = await clients.register(one.url), await clients.register(one.url)
    async with bob.at(other.url).socket() as socket:
        reply = await alice.http.post(
            "/api/messages",
            json={"receiver_id": bob.id, "content": "hello"},
            headers={"X-Request-ID": asked},
        )
        assert reply.headers["x-request-id"] == asked
        await socket.expect("message.created")
        here = await logged(one, event="request", request_id=asked)
        there = await logged(other, event="change_log.delivered", request_id=asked)

        assert (here["node"], there["node"]) == ("node-one", "node-two")
        assert here["path"] == "/api/messages"

        async with alice.socket() as sending:
            await sending.send(
                {"type": "message", "id": "1", "receiver_id": bob.id, "content": "hello"}
            )
            await sending.expect("ack", id="1")
        await socket.expect("message.created")
        frame = await logged(one, event="frame", kind="send")
        socket_id, _, number = frame["request_id"].rpartition(".")
        await logged(one, event="request", path="/ws", request_id=socket_id)
        await logged(other, event="change_log.delivered", request_id=frame["request_id"])

    assert number == "1"


async def test_no_secret_and_no_text_is_logged_on_any_node(talkative_nodes: Nodes) -> None:
    """Check the lowest level (E2): live, over the bus, replayed, edited and refused."""
    text = f"private-{uuid4().hex}"
    password = f"secret-{uuid4().hex}"
    one, other = talkative_nodes
    alice = await clients.register(one.url, password=password)
    bob = await clients.register(one.url)
    again = await log_in(other.url, alice, password=password)
    async with bob.at(other.url).socket() as socket:
        message = await alice.write(bob, text)
        await socket.expect("message.created")
        await again.http.patch(f"/api/messages/{message['id']}", json={"content": text + "!"})
        await socket.expect("message.updated")
        await socket.send({"type": "resume", "cursors": {}})
        await socket.expect("resumed")
        await socket.send({"type": "message", "id": "1", "receiver_id": 5, "content": text})
        await socket.expect("error", id="1")
    for path in ("/api/users", "/api/search", "/search"):
        await again.http.get(path, params={"q": text[:60]})
    await alice.http.post("/api/messages", json={"receiver_id": bob.id, "content": text * 500})
    async with http_client(other.url) as client:
        await client.get(
            "/api/metrics", headers={"Via": "x", "Authorization": f"Bearer {METRICS_TOKEN}"}
        )
        wrong = {"username": alice.username, "password": password + "x"}
        await client.post("/api/auth/login", json=wrong)
        await client.post("/api/auth/refresh", json={"refresh_token": alice.refresh_token})

    for chat in (one, other):
        log = chat.log()
        assert lines(chat, event="request")
        for secret in (text[:20], password, PASSWORD, METRICS_TOKEN, SECRET, "$argon2"):
            assert secret not in log
        for person in (alice, bob, again):
            assert person.access_token.split(".")[2] not in log
            assert person.refresh_token not in log
            assert person.cookie.partition("=")[2] not in log


@pytest.mark.parametrize("pair", ["sqlite+memory"])
async def test_every_line_names_its_node_and_its_level(restartable_chat: ChatServer) -> None:
    chat = restartable_chat
    before = len(lines(chat))
    alice = await clients.register(chat.url)
    await alice.http.get("/api/auth/me")
    async with http_client(chat.url) as client:
        await client.get("/api/health/live")
        await client.get("/api/metrics")
        reply = await client.get("/api/no-such-place")
    await logged(chat, event="request", request_id=reply.headers["x-request-id"])

    written = lines(chat)[before:]
    [node] = {line["node"] for line in written}
    assert node
    assert all(line["level"] and line["timestamp"].endswith("Z") for line in written)
    levels = {line["path"]: line["level"] for line in written if line["event"] == "request"}
    assert levels["/api/auth/me"] == "info"
    assert levels["/api/no-such-place"] == "info"
    # Health checks, which come all the time, are logged at debug level.
    assert levels["/api/health/live"] == levels["/api/metrics"] == "debug"


@pytest.mark.parametrize("pair", ["sqlite+memory"])
async def test_a_request_id_that_is_not_well_formed_is_replaced(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        for given in ("short", "x" * 65, "with spaces in it", 'quotes"and\\more', ""):
            reply = await client.get("/api/auth/me", headers={"X-Request-ID": given})

            issued = reply.headers["x-request-id"]
            assert issued != given
            assert reply.json()["request_id"] == issued, given
            await logged(chat, request_id=issued)


@pytest.mark.parametrize("pair", ["sqlite+memory"])
async def test_a_slow_request_is_a_warning(chat: ChatServer) -> None:
    """Send the body slowly, which is enough for a slow request."""

    async def body() -> Any:  # noqa: ANN401  # what httpx streams
        yield b'{"username": '
        await asyncio.sleep(1.2)
        yield b'"x"}'

    async with http_client(chat.url) as client:
        reply = await client.post(
            "/api/auth/login", content=body(), headers={"Content-Type": "application/json"}
        )

    request_id = reply.headers["x-request-id"]
    line = await logged(chat, path="/api/auth/login", request_id=request_id)
    assert line["level"] == "warning"
    assert line["slow"] is True
    assert line["ms"] > 1000
