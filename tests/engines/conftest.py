"""Fixtures of the walks in Firefox and WebKit: a chat, windows of each engine, people."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.harness.chats import FRONT_END_BUILD_S, Farm, launch_built
from tests.harness.clients import PASSWORD
from tests.harness.engines import ENGINES
from tests.harness.servers import ChatServer
from tests.harness.windows import Person, Window, new_username


@pytest.fixture(scope="module")
def engine_chat(
    farm: Farm, front_end: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChatServer]:
    """Yield a chat with its screens that a test may stop and start again."""
    assert front_end.is_dir()
    storage = farm.storage("sqlite+memory", tmp_path_factory.mktemp("engines"))
    chat = launch_built(storage, CHAT_LIMITS="off")
    try:
        yield chat.wait_until_ready(seconds=FRONT_END_BUILD_S)
    finally:
        chat.stop()


@pytest.fixture(params=ENGINES)
def window(
    request: pytest.FixtureRequest, engine_chat: ChatServer, tmp_path: Path
) -> Iterator[Window]:
    """Yield a window of each engine, in an empty profile."""
    engine = ENGINES[request.param](tmp_path)
    try:
        yield Window(engine, engine_chat.url)
    finally:
        engine.close()


@pytest.fixture
def other_window(window: Window, tmp_path: Path) -> Iterator[Window]:
    """Yield a window of the same engine on another device: its profile is empty, too."""
    folder = tmp_path / "other"
    folder.mkdir()
    engine = type(window.engine)(folder)
    try:
        yield Window(engine, window.url)
    finally:
        engine.close()


@pytest.fixture
def people(engine_chat: ChatServer) -> Iterator[tuple[Person, Person]]:
    """Yield two registered people."""
    found = []
    for name in ("Mira Lind", "Tomas Okafor"):
        http = httpx.Client(base_url=engine_chat.url, headers={"Origin": engine_chat.url})
        body = {"username": new_username(), "password": PASSWORD, "display_name": name}
        reply = http.post("/api/auth/register", json={**body, "tokens": False}).raise_for_status()
        found.append(Person(http, reply.json()["user"]))
    yield found[0], found[1]
    for person in found:
        person.http.close()
