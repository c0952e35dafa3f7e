"""The whole chat in production: how it starts, what its replies carry, and how it ends."""

import json
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from chat_app.core.settings import SettingsError, read_settings
from chat_app.server.page_policy import INLINE_SCRIPT
from chat_app.ui.shell import EARLY
from tests.harness import servers
from tests.harness.clients import Socket, register
from tests.harness.tabs import HYDRATE, MESSAGE, Tab, state_name

# A checkout supports only one Reflex command at a time.
pytestmark = pytest.mark.xdist_group("reflex")

REFLEX = Path(sys.executable).parent / "reflex"
STOP_S = 10
SEARCH = state_name("search.state", "search_state")
REDIS = "redis://127.0.0.1:1/0"


def command(port: int) -> list[str]:
    """Return the command that operators use."""
    return [str(REFLEX), *f"run --env prod --backend-port {port} --frontend-port {port}".split()]


def launch(folder: Path, **settings: str) -> servers.ChatServer:
    """Start a chat with Reflex's own command, without waiting."""
    port = servers.free_port()
    return servers.ChatServer(command(port), folder=folder, port=port, **settings)


@pytest.fixture(scope="module")
def chat(front_end: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.ChatServer]:
    """Yield a chat with a low frame limit and a Reflex Redis URL in its environment."""
    assert front_end.is_dir()
    settings = {"CHAT_LIMIT_FRAME_BURST": "50", "CHAT_LIMIT_FRAMES_PER_SECOND": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REDIS_URL", "REFLEX_REDIS_URL"):
            patch.setenv(name, REDIS)
        chat = launch(tmp_path_factory.mktemp("serving"), **settings)
    try:
        yield chat.wait_until_ready()
    finally:
        chat.stop()


def outcome_of_start(folder: Path, port: int, **settings: str) -> tuple[int, str]:
    """Start a chat that cannot run; return its exit status and output."""
    chat = servers.ChatServer(command(port), folder=folder, port=port, **settings)
    try:
        return chat.server.process.wait(30), chat.log()
    finally:
        chat.stop()


@pytest.mark.usefixtures("front_end")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_a_chat_ends_in_order_with_sockets_open_and_a_log_without_secrets(
    tmp_path: Path, number: signal.Signals
) -> None:
    chat = launch(tmp_path, CHAT_LOG_LEVEL="DEBUG")
    try:
        await ends_in_order(chat.wait_until_ready(), number)
    finally:
        chat.stop()


async def ends_in_order(chat: servers.ChatServer, number: signal.Signals) -> None:
    person, other = await register(chat.url), await register(chat.url)
    await person.write(other, "not for the log")
    process = psutil.Process(chat.server.process.pid)
    async with (
        Tab.open(chat.url, cookie=person.cookie) as tab,
        Tab.open(chat.url) as anonymous,
        person.socket() as socket,
    ):
        await tab.hydrate()
        await tab.until(lambda: tab.fact("conversations", "loaded"))
        sought = {"text": "sought in silence", "scope": "", "question": 1, "least": 0}
        await tab.send(f"{SEARCH}.search", sought, path="/search")
        await tab.until(lambda: tab.fact("hits", "answered") == 1)
        await anonymous.hydrate("/login")
        children = process.children(recursive=True)
        async with Tab.open(chat.url, cookie=person.cookie) as forging, Socket.open(chat.url):
            event = {"name": "no.such", "payload": {"x": forging.token}}
            await forging.send_raw(MESSAGE + json.dumps(["event", event]))
            await forging.close_code()

        chat.server.process.send_signal(number)

        assert chat.server.process.wait(STOP_S) == 0
        assert await tab.close_code() == 1012
        assert await anonymous.close_code() == 1012
        assert await socket.close_code() == 1012
    log = chat.log()
    assert "Traceback" not in log
    assert "ERROR" not in log.upper().replace("UVICORN.ERROR", "")
    assert not [child for child in children if child.is_running()]
    assert "/_event" in log
    secrets = [forging.token, tab.token, person.access_token, person.refresh_token]
    secrets += [person.cookie.partition("=")[2], "not for the log", "sought"]
    assert [secret for secret in secrets if secret in log] == []


async def test_a_flood_ends_the_tab_that_makes_it(chat: servers.ChatServer) -> None:
    async with Tab.open(chat.url) as flooding, Tab.open(chat.url) as other:
        await flooding.hydrate("/login")
        for _ in range(60):
            await flooding.send(HYDRATE, path="/login")

        assert await flooding.close_code() == 4429
        await other.hydrate("/login")
        await other.settled()
    assert "Traceback" not in chat.log()


def test_a_restart_without_changes_builds_nothing(chat: servers.ChatServer) -> None:
    assert "Compiling" not in chat.log()
    assert "Creating Production Build" not in chat.log()


def test_a_taken_port_is_named_in_the_error(chat: servers.ChatServer, tmp_path: Path) -> None:
    status, log = outcome_of_start(tmp_path, chat.port)

    assert status == 1
    assert f"{chat.port} is already in use" in log
    assert "Traceback" not in log


def test_a_wrong_setting_stops_the_start_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, log = outcome_of_start(tmp_path, servers.free_port(), CHAT_NO_SUCH_THING="1")
    assert status == 1
    assert len(log.strip().splitlines()) == 1
    assert log.startswith("CHAT_NO_SUCH_THING: ")

    # The line is the error's text.
    assert f"{refusal(monkeypatch, 'CHAT_NO_SUCH_THING', '1')}\n" == log
    for name, value in (
        ("CHAT_LIMITS", "maybe"),
        ("CHAT_PUBLIC_URL", "localhost:3000"),
        ("CHAT_DATABASE_URL", "mysql://chat"),
        ("CHAT_SECRET_KEY", "short"),
    ):
        line = refusal(monkeypatch, name, value)
        assert len(line.splitlines()) == 1, name
        assert line.startswith(f"{name}: ")


def refusal(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """Return the error about a setting."""
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        with pytest.raises(SettingsError) as error:
            read_settings()
    return str(error.value)


def test_reflex_gets_no_redis_from_the_environment(chat: servers.ChatServer) -> None:
    assert psutil.Process(chat.server.process.pid).children() == []
    assert REDIS not in chat.log()


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


async def test_pages_run_their_own_inline_scripts_and_no_others(built_server: str) -> None:
    async with httpx.AsyncClient(base_url=built_server) as client:
        for path in ("/", "/login", "/people", "/settings", f"/chat/{uuid4()}", "/no/such.page"):
            page = await client.get(path)
            policy = page.headers["content-security-policy"]
            etag = {"If-None-Match": page.headers.get("etag", "")}
            again = await client.get(path, headers=etag)
            allowed = policy.partition("script-src ")[2].partition(";")[0].split()

            scripts = INLINE_SCRIPT.findall(page.text)
            hashes = [b64encode(sha256(one.encode()).digest()).decode() for one in scripts]
            assert len(scripts) >= 4
            assert {f"'sha256-{one}'" for one in hashes} <= set(allowed)
            assert not {"'unsafe-inline'", "'unsafe-eval'"} & set(allowed)
            assert again.headers["content-security-policy"] == policy
        api = await client.get("/api/docs")
    assert "script-src 'self';" in api.headers["content-security-policy"]


async def test_scripts_that_hold_the_page_back_are_requested_first(built_server: str) -> None:
    async with httpx.AsyncClient(base_url=built_server) as client:
        page = (await client.get("/login")).text
    modules = page.index('rel="modulepreload"')
    for path in EARLY:
        assert page.index(f'as="script" href="{path}"') < modules


async def test_a_preflight_of_another_origin_is_granted_nothing(built_server: str) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    async with httpx.AsyncClient(base_url=built_server) as client:
        for path in ("/api/messages", "/_event/", "/"):
            reply = await client.options(path, headers=headers)
            assert [name for name in reply.headers if name.startswith("access-control-")] == []
