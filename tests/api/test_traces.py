"""Traces: from a request or frame to the commit and to the other node; off unless asked for."""

import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.harness import chats, clients
from tests.harness.chats import StartChat, Storage
from tests.harness.clients import http_client
from tests.harness.collector import Collected, Span, collector
from tests.harness.servers import ROOT, ChatServer

SQLITE = "sqlite+memory"
# The trace of another system.
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


@pytest.fixture
def collected() -> Iterator[Collected]:
    """Yield a collector of spans."""
    with collector() as running:
        yield running


async def follow(collected: Collected, trace_id: str) -> Span:
    """Wait for the delivery on the other node that belongs to a trace."""
    return await collected.wait_until(
        lambda span: span.name == "change_log.deliver" and span.trace_id == trace_id
    )


async def commit_of(collected: Collected, trace_id: str) -> Span:
    """Wait for the transaction that stored what a trace is about."""
    return await collected.wait_until(
        lambda span: span.name == "messages.commit" and trace_id in span.links
    )


async def ask(chat: ChatServer, **headers: str) -> None:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http_client(chat.url) as client:
        assert (await client.get("/api/health/live", headers=names)).status_code == 200


@pytest.mark.parametrize("pair", ["postgres+redis"])
async def test_a_message_is_followed_to_the_other_node(
    storage: Storage, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    text = f"private-{uuid4().hex}"
    settings = {"CHAT_OTEL_ENDPOINT": collected.url}
    one = chats.start(storage, CHAT_NODE_NAME="node-one", **settings)
    other = chats.start(storage, CHAT_NODE_NAME="node-two", **settings)
    try:
        alice, bob = await clients.register(one.url), await clients.register(one.url)
        async with bob.at(other.url).socket() as socket:
            await alice.write(bob, text)
            await socket.expect("message.created")
            request = await collected.wait_for("POST /api/messages", http_route="/api/messages")
            delivery = await follow(collected, request.trace_id)
            commit = await commit_of(collected, request.trace_id)

            assert request.node == "node-one"
            assert request.values["http.response.status_code"] == "201"
            assert delivery.node == "node-two"
            assert delivery.parent_id == request.span_id
            assert commit.node == "node-one"
            assert commit.values["messages"] == "1"

            async with alice.socket() as sending:
                await sending.send(
                    {"type": "message", "id": "1", "receiver_id": bob.id, "content": text}
                )
                await sending.expect("ack", id="1")
            frame = await collected.wait_for("frame send")
            assert (await follow(collected, frame.trace_id)).parent_id == frame.span_id
            assert (await commit_of(collected, frame.trace_id)).values["messages"] == "1"
    finally:
        one.stop()
        other.stop()

    assert not any(text.encode() in body for body in collected.bodies)
    assert alice.access_token.encode() not in b"".join(collected.bodies)


@pytest.mark.parametrize("pair", [SQLITE])
async def test_the_trace_of_a_trusted_caller_goes_on(
    start_chat: StartChat, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    chat = start_chat(CHAT_OTEL_ENDPOINT=collected.url)
    by_us, by_a_stranger, broken = (f"request-{uuid4().hex}" for _ in range(3))

    await ask(chat, traceparent=TRACEPARENT, X_Request_ID=by_us)
    await ask(
        chat, traceparent=TRACEPARENT, X_Request_ID=by_a_stranger, X_Forwarded_For="203.0.113.9"
    )
    await ask(chat, traceparent=TRACEPARENT.upper(), X_Request_ID=broken)

    name = "GET /api/health/live"
    continued = await collected.wait_for(name, chat_request_id=by_us)
    assert (continued.trace_id, continued.parent_id) == (TRACE_ID, PARENT_ID)
    for request_id in (by_a_stranger, broken):
        fresh = await collected.wait_for(name, chat_request_id=request_id)
        assert fresh.trace_id != TRACE_ID
        assert not fresh.parent_id


@pytest.mark.parametrize("pair", [SQLITE])
async def test_a_proxy_may_be_trusted_to_clean_the_header(
    start_chat: StartChat, collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set it by OpenTelemetry's own environment variable."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
    chat = start_chat(CHAT_OTEL_CALLERS="all")

    await ask(chat, traceparent=TRACEPARENT, X_Forwarded_For="203.0.113.9")

    continued = await collected.wait_until(lambda span: span.trace_id == TRACE_ID)
    assert continued.parent_id == PARENT_ID


@pytest.mark.parametrize("pair", [SQLITE])
async def test_a_collector_that_is_away_costs_nothing_but_its_spans(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_OTEL_ENDPOINT="http://127.0.0.1:9")
    alice, bob = await clients.register(chat.url), await clients.register(chat.url)

    await alice.write_all(bob, "one", "two")

    assert chat.stop() == 0
    assert "Traceback" not in chat.log()


def test_the_tracing_library_is_optional() -> None:
    """Allow an install without the library; redis-py imports it wherever it is installed."""
    program = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import chat_app.api.app, chat_app.node.node, chat_app.core.traces
from chat_app.core.settings import Settings
from chat_app.core.traces import Traces
traces = Traces()
traces.start(Settings())
with traces.span("nothing"):
    assert not traces.are_on
print("fine")
"""
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "fine\n", done.stderr
