"""The client of push services, against servers that do not behave."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from chat_app.core.clock import utc_now
from chat_app.push import push_service
from chat_app.push.endpoint import Endpoint
from chat_app.push.push_service import Answer, PushService, Unreachable
from tests.harness.push import HOST, PushServer, trust_push_server


@pytest_asyncio.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PushServer]:
    """Give a push service that this process trusts."""
    trust_push_server(monkeypatch)
    async with PushServer.running() as server:
        yield server


async def post(server: PushServer, host: str = HOST) -> Answer:
    endpoint = Endpoint(host, server.port, f"https://{host}:{server.port}", "/push/one")
    return await PushService().post(endpoint, [HOST], {"TTL": "60"}, b"sealed")


async def test_a_body_arrives_with_its_headers(server: PushServer) -> None:
    assert await post(server) == Answer(201)

    [request] = server.received
    assert (request.name, request.body, request.headers["ttl"]) == ("one", b"sealed", "60")
    assert request.headers["host"] == f"{HOST}:{server.port}"


async def test_a_redirect_is_not_followed(server: PushServer) -> None:
    server.answer = lambda _request: f"307 There\r\nLocation: https://{HOST}:{server.port}/two"

    assert (await post(server)).status == 307
    assert len(server.received) == 1


async def test_an_answer_may_name_seconds_or_a_date(server: PushServer) -> None:
    moment = (utc_now() + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    answers = iter(["120", moment, "soon", "-5"])
    server.answer = lambda _request: f"429 Slow\r\nretry-after: {next(answers)}"

    seconds = [(await post(server)).retry_after_s for _ in range(4)]

    assert seconds[0] == 120
    assert seconds[1] is not None
    assert 60 < seconds[1] <= 90
    assert seconds[2:] == [None, None]


async def test_an_early_hint_is_no_answer(server: PushServer) -> None:
    server.answer = lambda _request: "103 Early Hints\r\n\r\nHTTP/1.1 201 Created"

    assert await post(server) == Answer(201)


@pytest.mark.parametrize("answer", [None, "no status", f"201 Created\r\nX: {'x' * 40_000}"])
async def test_an_answer_of_another_form_is_given_up(
    server: PushServer, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_service, "ANSWER_S", 0.5)
    server.answer = lambda _request: answer

    with pytest.raises(Unreachable):
        await post(server)


async def test_a_certificate_of_another_host_is_refused(server: PushServer) -> None:
    with pytest.raises(Unreachable):
        await post(server, host="push.example.org")
    assert server.received == []
