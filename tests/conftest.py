"""Fixtures for every test: the two pairs of storage and bus, running chats, people.

Unit tests take `storage` (an own migrated database, an emptied bus). Tests of the doors take
`chat`, one server per pair that they share: they make their own people and touch no others'.
`limited_chat`, `refilling_chat`, `costly_chat` and `restartable_chat` are shared likewise, and
start when a test first asks for them. `start_chat` is for settings of one test. With
`--behind-nginx` each of these chats is three nodes behind nginx; tests marked `one_process` are
left out then.
"""

import asyncio
import contextlib
import inspect
import signal
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import pytest_asyncio

from tests.harness import clients, servers
from tests.harness.chats import (
    LIMITED,
    PAIRS,
    REFILLING,
    Farm,
    NewPerson,
    StartChat,
    Storage,
    build_front_end,
    start_built,
)
from tests.harness.cheap_hashes import cheap_hashes
from tests.harness.s3 import TestBucket

STRIKES_EVERY_S = 60

# The groups that take longest begin first, so that no test process ends with one alone. Those that
# mostly wait stand between those that keep a core busy.
LONGEST = (
    "api/test_openapi",
    "browser/test_files",
    "trust postgres+redis",
    "ui/test_updates postgres+redis",
    "browser/test_message_menu",
    "change_log/test_tail postgres+redis",
    "browser/test_finding_messages",
    "shell/test_archives postgres+redis",
    "browser/test_later",
    "presence/test_service postgres+redis",
    "browser/test_settings",
    "search/test_corpus postgres+redis",
    "browser/test_words_are_kept",
    "benchmarks/test_measuring",
    "browser/test_history",
    "deploy/test_image",
    "browser/test_avatars",
    "trust sqlite+memory",
    "browser/test_messages",
    "core/test_pooler",
    "browser/test_undo",
    "ui/test_updates sqlite+memory",
    "browser/test_sign_in",
    "api/test_avatars postgres+redis",
    "browser/test_sound",
    "socket/test_half_open",
    "browser/test_groups",
    "api/test_avatars sqlite+memory",
    "browser/test_missing_files",
    "files/test_bucket postgres+redis",
    "browser/test_accessibility",
    "node/test_hot_statements postgres+redis",
    "browser/test_drafts",
    "socket/test_client postgres+redis",
    "browser/test_offline",
    "friends/test_search postgres+redis",
    "browser/test_actions",
    "messages/test_reach postgres+redis",
    "browser/test_killed_tabs",
    "reflex",
    "browser/test_presence",
    "files/test_bucket sqlite+memory",
    "browser/test_trouble",
    "node/test_hot_statements sqlite+memory",
    "browser/test_voice",
    "search/test_indexer postgres+redis",
    "shell/test_archives sqlite+memory",
    "node/test_failing_tasks postgres+redis",
    "browser/test_go_to",
    "demo/test_demo sqlite+memory",
    "socket/test_opening postgres+redis",
    "browser/test_outbox",
    "archive/test_files postgres+redis",
    "browser/test_people",
    "files/test_pictures",
    "browser/test_connection",
    "conversations/test_badges postgres+redis",
    "archive/test_round_trip postgres+redis",
    "archive/test_round_trip sqlite+memory",
    "api/test_loop_holds postgres+redis",
    "trust/test_01_killed sqlite",
    "browser/test_markdown",
    "browser/test_static_hosting",
    "browser/test_emoji",
    "browser/test_receipts",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--behind-nginx`."""
    parser.addoption(
        "--behind-nginx",
        action="store_true",
        help="give the tests of the doors three nodes behind nginx for every server",
    )


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(
    item: pytest.Item,
    settings: Any,  # noqa: ANN401  # the plugin's own
) -> Generator[None, object, object]:
    """Let the time limit of a test strike again, and tell where all its tasks are.

    It raises in whatever runs at that moment: a callback of the event loop swallows that.
    """
    del item
    result = yield
    strike = signal.getsignal(signal.SIGALRM)
    assert callable(strike)

    def tell_and_strike(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # no event loop runs
            for task in asyncio.all_tasks():
                task.print_stack(file=sys.stderr)
        strike(number, frame)

    signal.signal(signal.SIGALRM, tell_and_strike)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, STRIKES_EVERY_S)
    return result


def pytest_configure() -> None:
    """Restore Ctrl-C for the programs we start: a shell lets its background jobs ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)  # before xdist reads the groups, in the same hook
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None]:
    """Keep a file's tests of one pair on one test process, where they share what they start.

    Those of `LONGEST` come first.
    """
    if config.getoption("--behind-nginx"):
        items[:] = [item for item in items if _is_for_many(item)]
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            name = f"{item.path.stem} {_parameters(item).get('pair', '')}".strip()
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{name}"))
    items.sort(key=_turn)
    yield


def _turn(item: pytest.Item) -> int:
    """Return the place of the test's group in `LONGEST`, or the place after them all."""
    marker = item.get_closest_marker("xdist_group")
    group = marker.args[0] if marker else ""
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


def _is_for_many(item: pytest.Item) -> bool:
    """Return whether a test makes sense with several nodes."""
    is_for_one = item.get_closest_marker("one_process") is not None
    return not is_for_one and _parameters(item).get("pair") != "sqlite+memory"


def _parameters(item: pytest.Item) -> dict[str, object]:
    return getattr(getattr(item, "callspec", None), "params", {})


@pytest.fixture(scope="module", autouse=True)
def hashes() -> Iterator[None]:
    """Let nodes in this process hash passwords cheaply: each hashes one when it starts."""
    with cheap_hashes():
        yield


@pytest.fixture(scope="session")
def farm(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Farm]:
    """Yield the outside servers, and stop them at the end whatever happened."""
    behind_nginx = request.config.getoption("--behind-nginx")
    farm = Farm(tmp_path_factory.mktemp("servers"), behind_nginx=behind_nginx)
    bad: list[str] = []
    try:
        yield farm
    finally:
        bad = farm.stop()
    assert not bad, "\n".join(log[-4000:] for log in bad)


@pytest.fixture(scope="module", params=PAIRS)
def pair(request: pytest.FixtureRequest) -> str:
    """Return the pair of storage and bus that the test runs on; such tests run on both."""
    return str(request.param)


@pytest.fixture
def storage(farm: Farm, pair: str, tmp_path: Path) -> Storage:
    """Return a fresh database with every table, and an empty bus."""
    if pair != "sqlite+memory":
        farm.redis.empty()
    return farm.storage(pair, tmp_path)


@pytest.fixture(scope="session")
def redis_url(farm: Farm) -> str:
    """Return the address of a private Redis."""
    return farm.redis.url


@pytest.fixture
def bucket(farm: Farm) -> TestBucket:
    """Return an empty bucket of S3."""
    return farm.s3.new_bucket()


@pytest.fixture
def empty_database_urls(farm: Farm, tmp_path: Path) -> dict[str, str]:
    """Return the addresses of an SQLite and a PostgreSQL database without any table."""
    return {
        "sqlite": f"sqlite+aiosqlite:///{tmp_path}/empty.db",
        "postgres": farm.postgres.new_database(),
    }


@pytest_asyncio.fixture
async def everybody_leaves() -> AsyncIterator[None]:
    """Close the HTTP clients of everybody who took part."""
    yield
    await clients.close_kept()


@pytest.fixture(autouse=True)
def _tidy(request: pytest.FixtureRequest) -> None:
    # Only where the test has an event loop of its own: Playwright's may be running otherwise.
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("everybody_leaves")


@pytest.fixture
def chat(farm: Farm, pair: str) -> servers.ChatServer:
    """Return the shared chat of this pair; its rate limits are off."""
    return farm.shared_chat(pair)


@pytest.fixture
def limited_chat(farm: Farm, pair: str) -> servers.ChatServer:
    """Return the shared chat whose limits are on; `LIMITED` holds those that are not defaults."""
    return farm.shared_chat(pair, **LIMITED)


@pytest.fixture
def refilling_chat(farm: Farm, pair: str) -> servers.ChatServer:
    """Return the shared chat that refuses a sixth message, for less than a second."""
    return farm.shared_chat(pair, **REFILLING)


@pytest.fixture
def costly_chat(farm: Farm, pair: str) -> servers.ChatServer:
    """Return the shared chat whose passwords cost what they cost in production."""
    return farm.shared_chat(pair, TEST_CHEAP_HASHES="")


@pytest.fixture
def restartable_chat(farm: Farm, pair: str) -> servers.ChatServer:
    """Return the shared chat that its tests stop, kill and restart; it logs everything."""
    chat = farm.shared_chat(pair, CHAT_LOG_LEVEL="DEBUG")
    if not chat.is_running:
        chat.restart()
    return chat


@pytest.fixture
def two_nodes(farm: Farm) -> tuple[servers.ChatServer, servers.ChatServer]:
    """Return the shared chat of PostgreSQL and Redis, and another node of it."""
    one = farm.shared_chat(PAIRS[1])
    return one, farm.shared_chat(PAIRS[1], **one.joining)


@pytest.fixture
def start_chat(farm: Farm, pair: str, tmp_path: Path) -> Iterator[StartChat]:
    """Yield a function that starts a chat of the test's own, with the settings it asks for."""
    started: list[servers.ChatServer] = []

    def start_one(*, pair: str = pair, **settings: str) -> servers.ChatServer:
        folder = tmp_path / f"chat-{len(started)}"
        folder.mkdir()
        started.append(farm.new_chat(pair, folder, **settings))
        return started[-1]

    try:
        yield start_one
    finally:
        for chat in started:
            chat.stop()


@pytest.fixture
def new_person(chat: servers.ChatServer) -> NewPerson:
    """Return a function that registers somebody at the shared chat."""

    async def register(**fields: object) -> clients.Person:
        return await clients.register(chat.url, **fields)

    return register


@pytest_asyncio.fixture
async def alice(new_person: NewPerson) -> clients.Person:
    """Return a registered user."""
    return await new_person()


@pytest_asyncio.fixture
async def bob(new_person: NewPerson) -> clients.Person:
    """Return another registered user."""
    return await new_person()


@pytest_asyncio.fixture
async def carol(new_person: NewPerson) -> clients.Person:
    """Return a registered user who is a stranger to the others."""
    return await new_person()


@pytest.fixture(scope="session")
def front_end() -> Path:
    """Return the folder of the built pages; chats started afterwards build nothing."""
    build_front_end()
    return servers.ROOT / ".web" / "build" / "client"


@pytest.fixture(scope="session")
def built_storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, farm: Farm
) -> Storage:
    """Return the storage of the whole chat, screens included."""
    pair = PAIRS[1] if request.config.getoption("--behind-nginx") else PAIRS[0]
    return farm.storage(pair, tmp_path_factory.mktemp("built"), own_redis=True)


@pytest.fixture(scope="session")
def built_server(request: pytest.FixtureRequest, built_storage: Storage) -> Iterator[str]:
    """Yield the address of the whole chat in production, screens included (limits are off)."""
    behind_nginx = request.config.getoption("--behind-nginx")
    chat = start_built(built_storage, behind_nginx=behind_nginx, CHAT_LIMITS="off")
    try:
        # The first account is admin, whom no test may meet by chance.
        clients.register_owner(chat.url)
        yield chat.url
    finally:
        chat.stop()
