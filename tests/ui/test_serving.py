"""The whole chat in production: how it starts, what its replies carry, and how it ends."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.harness import servers
from tests.harness.clients import Socket, register
from tests.harness.tabs import CONVERSATIONS, HYDRATE, Tab

REFLEX = Path(sys.executable).parent / "reflex"
STOP_S = 10

Run = Callable[..., servers.ChatServer]


def command(port: int) -> list[str]:
    """Return the command that operators use."""
    return [str(REFLEX), *f"run --env prod --backend-port {port} --frontend-port {port}".split()]


@pytest.fixture
def run(built_server: str, tmp_path: Path) -> Iterator[Run]:
    """Give a function that starts a chat of the test's own from the front end already built."""
    assert built_server
    started: list[servers.ChatServer] = []

    def run_one(**settings: str) -> servers.ChatServer:
        port = servers.free_port()
        chat = servers.ChatServer(command(port), folder=tmp_path, port=port, **settings)
        started.append(chat)
        return chat.wait_until_ready()

    yield run_one
    for chat in started:
        chat.stop()


def outcome_of_start(folder: Path, port: int, **settings: str) -> tuple[int, str]:
    """Start a chat that cannot run; return its exit status and what it said."""
    chat = servers.ChatServer(command(port), folder=folder, port=port, **settings)
    try:
        return chat.server.process.wait(30), chat.log()
    finally:
        chat.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_it_ends_in_order_with_sockets_open(run: Run, number: signal.Signals) -> None:
    chat = run()
    person = await register(chat.url)
    process = psutil.Process(chat.server.process.pid)
    async with (
        Tab.open(chat.url, cookie=person.cookie) as tab,
        Tab.open(chat.url) as anonymous,
        person.socket() as socket,
    ):
        await tab.hydrate()
        await tab.until(lambda: tab.var(CONVERSATIONS, "loaded"))
        await anonymous.hydrate("/login")
        children = process.children(recursive=True)

        chat.server.process.send_signal(number)

        assert chat.server.process.wait(STOP_S) == 0
        assert await tab.close_code() == 1012
        assert await anonymous.close_code() == 1012
        assert await socket.close_code() == 1012
    assert "Traceback" not in chat.log()
    assert "ERROR" not in chat.log().upper().replace("UVICORN.ERROR", "")
    assert not [child for child in children if child.is_running()]
    await person.http.aclose()


async def test_the_log_holds_no_secret(run: Run) -> None:
    chat = run(CHAT_LOG_LEVEL="DEBUG")
    person = await register(chat.url)
    async with Tab.open(chat.url, cookie=person.cookie) as tab, Socket.open(chat.url):
        await tab.hydrate()
        await tab.until(lambda: tab.var(CONVERSATIONS, "loaded"))
        token = tab.token
        await tab.send_raw(f'42/_event,["event",{{"name":"no.such","payload":{{"x":"{token}"}}}}]')
        await tab.close_code()
    await person.write(person_to := await register(chat.url), "not for the log")

    chat.stop()

    log = chat.log()
    assert "/_event" in log
    secrets = [token, person.access_token, person.refresh_token, "not for the log"]
    secrets.append(person.cookie.partition("=")[2])
    assert [secret for secret in secrets if secret in log] == []
    await person.http.aclose()
    await person_to.http.aclose()


async def test_a_flood_ends_the_tab_that_makes_it(run: Run) -> None:
    chat = run(CHAT_LIMIT_FRAME_BURST="50", CHAT_LIMIT_FRAMES_PER_SECOND="1")
    async with Tab.open(chat.url) as flooding, Tab.open(chat.url) as other:
        await flooding.hydrate("/login")
        for _ in range(60):
            await flooding.send(HYDRATE, path="/login")

        assert await flooding.close_code() == 4429
        await other.hydrate("/login")
        await other.settled()
    assert "Traceback" not in chat.log()


def test_a_restart_without_changes_builds_nothing(run: Run) -> None:
    chat = run()

    assert "Compiling" not in chat.log()
    assert "Creating Production Build" not in chat.log()


def test_a_taken_port_is_said_so(built_server: str, tmp_path: Path) -> None:
    port = int(built_server.rpartition(":")[2])

    status, log = outcome_of_start(tmp_path, port)

    assert status == 1
    assert f"{port} is already in use" in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_LIMITS", "maybe"),
        ("CHAT_PUBLIC_URL", "localhost:3000"),
        ("CHAT_DATABASE_URL", "mysql://chat"),
        ("CHAT_SECRET_KEY", "short"),
        ("CHAT_NO_SUCH_THING", "1"),
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    status, log = outcome_of_start(tmp_path, servers.free_port(), **{name: value})

    assert status == 1
    assert len(log.strip().splitlines()) == 1
    assert log.startswith(f"{name}: ")


def test_reflex_never_gets_a_redis(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "REFLEX_REDIS_URL"):
        monkeypatch.setenv(name, "redis://127.0.0.1:1/0")

    chat = run()

    assert psutil.Process(chat.server.process.pid).children() == []
    assert os.environ["REDIS_URL"] not in chat.log()


async def test_every_reply_has_its_headers(built_server: str) -> None:
    async with httpx.AsyncClient(base_url=built_server) as client:
        page = await client.get("/login", headers={"Origin": "https://evil.example"})
        script = page.text.partition('href="/assets/')[2].partition('"')[0]
        asset = await client.get(f"/assets/{script}")
        api = await client.get("/api/auth/me", headers={"Origin": "https://evil.example"})
        missing = await client.get("/assets/nothing.js")

    for reply in (page, asset, api, missing):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["x-request-id"]
        assert [name for name in reply.headers if name.startswith("access-control-")] == []
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-cache"
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-encoding"] == "gzip"
    assert api.headers["cache-control"] == "no-store"
    assert missing.status_code == 404
    assert "immutable" not in missing.headers["cache-control"]


async def test_a_preflight_from_elsewhere_gets_no_leave(built_server: str) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    async with httpx.AsyncClient(base_url=built_server) as client:
        for path in ("/api/messages", "/_event/", "/"):
            reply = await client.options(path, headers=headers)
            assert [name for name in reply.headers if name.startswith("access-control-")] == []
