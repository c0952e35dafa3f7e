"""Operation: health checks, starts, stops, and logs without secrets."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from tests.harness import clients
from tests.harness.chats import SECRET
from tests.harness.clients import as_json, assert_problem, http_client, log_in
from tests.harness.log_lines import lines, logged
from tests.harness.servers import ROOT, ChatServer, chat_environment


async def test_health_checks_pass_on_a_running_chat(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        live = await client.get("/api/health/live")
        ready = await client.get("/api/health/ready")

    assert live.status_code == ready.status_code == 200
    assert as_json(ready)


async def test_head_works_where_get_does(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        for path in ("/api/health/live", "/api/health/ready", "/api/openapi.json", "/api/auth/me"):
            get, head = await client.get(path), await client.head(path)

            assert (head.status_code, head.content) == (get.status_code, b""), path
        assert_problem(await client.post("/api/health/live"), 405)
        assert (await client.head("/api/auth/login")).status_code == 405


async def test_the_description_of_the_api_is_served(chat: ChatServer) -> None:
    async with http_client(chat.url) as client:
        description = as_json(await client.get("/api/openapi.json"))
        page = await client.get("/api/docs")

    assert page.status_code == 200
    assert description["openapi"].startswith("3.")
    for path in ("/api/auth/register", "/api/messages", "/api/conversations"):
        assert "post" in description["paths"][path]


async def test_a_log_line_is_an_object_with_the_request_id(chat: ChatServer) -> None:
    request_id = f"request-{uuid4().hex}"
    async with http_client(chat.url) as client:
        await client.get("/api/auth/me?secret=query", headers={"X-Request-ID": request_id})

    line = await logged(chat, request_id=request_id)
    assert lines(chat, request_id=request_id) == [line]
    assert line["method"] == "GET"
    assert line["path"] == "/api/auth/me"
    assert line["status"] == 401


async def test_no_secret_and_no_text_is_ever_logged(restartable_chat: ChatServer) -> None:
    """Log at the lowest level, with refusals and errors among the requests."""
    chat = restartable_chat
    password = f"secret-{uuid4().hex}"
    text = f"private-{uuid4().hex}"
    alice = await clients.register(chat.url, password=password)
    bob = await clients.register(chat.url)
    again = await log_in(chat.url, alice, password=password)
    await alice.write(bob, text)
    async with http_client(chat.url) as client:
        wrong = {"username": alice.username, "password": password + "x", "extra": password}
        await client.post("/api/auth/login", json=wrong)
        await client.post("/api/auth/login", content=json.dumps(wrong) + "}")
        await client.post("/api/auth/refresh", json={"refresh_token": alice.refresh_token})
    await alice.http.post("/api/messages", json={"receiver_id": bob.id, "content": text * 500})
    await alice.http.get("/api/users", params={"q": text[:60]})
    async with alice.socket() as socket:
        await socket.send({"type": "message", "id": "1", "receiver_id": bob.id, "content": text})
        await socket.expect("ack")
        await socket.send({"type": "message", "id": "2", "receiver_id": 5, "content": text})
        await socket.send(f"{{broken {text}")
        await socket.expect("error", id="2")
    chat.end()

    log = chat.log()
    assert log
    for secret in (password, text[:20], SECRET, "$argon2"):
        assert secret not in log
    for person in (alice, again):
        assert person.access_token.split(".")[2] not in log
        assert person.refresh_token not in log
        assert person.cookie.partition("=")[2] not in log


async def test_acked_messages_survive_a_kill(restartable_chat: ChatServer) -> None:
    """Kill a node between acks and check that the messages are stored (M2)."""
    chat = restartable_chat
    alice, bob = await clients.register(chat.url), await clients.register(chat.url)
    messages = await alice.write_all(bob, "one", "two", "three")

    chat.restart(with_signal=9)

    page = await bob.history(messages[0]["conversation_id"])
    assert page["items"] == messages
    assert (await bob.conversation(messages[0]["conversation_id"]))["unread"] == 3


async def test_a_stop_is_quick_and_quiet_with_sockets_open(
    restartable_chat: ChatServer,
) -> None:
    chat = restartable_chat
    alice = await clients.register(chat.url)
    async with alice.socket() as socket:
        assert chat.stop() == 0
        assert await socket.close_code() == 1012

    assert "Traceback" not in chat.log()


def test_a_wrong_setting_stops_the_start_and_names_itself(tmp_path: Path) -> None:
    """Check the exit only: tests/core/test_settings.py covers which settings are wrong."""
    setting = {"CHAT_DATABASE_URL": "mysql://root:hunter2-hunter2@localhost/chat"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.api_server", "1"],
        env=chat_environment(**{"CHAT_DATA_DIR": str(tmp_path), **setting}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert next(iter(setting)) in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert not done.stdout
