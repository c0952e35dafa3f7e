"""Fixtures for every test: the two pairs of storage and bus, running chats, people.

Unit tests take `storage` (an own migrated database, an emptied bus). Tests of the doors take
`chat`, one server per pair that they share: they make their own people and touch no others'.
Whoever needs special settings, or kills the server, takes `start_chat`. With `--behind-nginx` each
of these chats is three nodes behind nginx; tests marked `one_process` are left out then.
"""

import inspect
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from tests.harness import clients, servers
from tests.harness.cluster import NODES, Cluster, OneChat

PAIRS = ("sqlite+memory", "postgres+redis")
FRONT_END_BUILD_S = 300
METRICS_TOKEN = "a-token-of-the-tests"
# Known to the tests, so that they can forge tokens with it.
SECRET = "kXw3_vB7qLr0ZtYdP9mNcHs5Ua-J2eGfT8oIi4RzQbW6xEyVjAhSgDlKuMpOnC1k"


@dataclass(frozen=True)
class Storage:
    """Where a chat keeps things: the settings that say so."""

    pair: str
    database_url: str
    redis_url: str
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """The settings as the environment would name them."""
        return {
            "CHAT_DATA_DIR": str(self.folder),
            "CHAT_DATABASE_URL": self.database_url,
            "CHAT_REDIS_URL": self.redis_url,
        }


class StartChat(Protocol):
    """Starts a chat on fresh storage; `pair` overrides the test's own pair."""

    def __call__(self, *, pair: str = ..., **settings: str) -> servers.ChatServer: ...


NewPerson = Callable[..., Awaitable[clients.Person]]


class _Farm:
    """The outside servers of this test process, each started when it is first asked for."""

    def __init__(self, folder: Path, *, behind_nginx: bool) -> None:
        self._folder = folder
        self._behind_nginx = behind_nginx
        self._postgres: servers.Postgres | None = None
        self._redis: servers.Redis | None = None
        self._own_redis: list[servers.Redis] = []
        self._chats: dict[str, servers.ChatServer] = {}

    @property
    def postgres(self) -> servers.Postgres:
        if self._postgres is None:
            self._postgres = servers.Postgres(self._folder)
        return self._postgres

    def new_redis(self) -> servers.Redis:
        self._own_redis.append(servers.Redis(self._folder))
        return self._own_redis[-1]

    @property
    def redis(self) -> servers.Redis:
        """The one that tests empty; never that of a chat which stays and would meddle in it."""
        if self._redis is None:
            self._redis = servers.Redis(self._folder)
        return self._redis

    def storage(self, pair: str, folder: Path, *, own_redis: bool = False) -> Storage:
        if pair == "sqlite+memory":
            return Storage(pair, "", "", folder)
        redis = self.new_redis() if own_redis else self.redis
        return Storage(pair, self.postgres.new_chat_database(), redis.url, folder)

    def shared_chat(self, pair: str) -> servers.ChatServer:
        if pair not in self._chats:
            folder = self._folder / pair
            folder.mkdir()
            # Channels reach every database of one Redis: a chat that stays has its own.
            storage = self.storage(pair, folder, own_redis=True)
            self._chats[pair] = self.start(storage)
        return self._chats[pair]

    def start(self, storage: Storage, **settings: str) -> servers.ChatServer:
        """Start a chat over `storage`, of as many processes as this run is about."""
        if not self._behind_nginx:
            return start(storage, **settings)
        launch_node = partial(launch, storage)
        folder = storage.folder / "nginx"
        # Behind a proxy only the token opens the metrics.
        settings = {"CHAT_METRICS_TOKEN": METRICS_TOKEN, **settings}
        return OneChat(Cluster(folder, launch_node, tls=False, settings=settings))

    def stop(self) -> list[str]:
        """Stop everything; return the logs of chats that did not end well."""
        bad = [
            chat.log()
            for chat in self._chats.values()
            if chat.stop() != 0 or "Traceback" in chat.log()
        ]
        for redis in [*self._own_redis, *([self._redis] if self._redis else [])]:
            redis.stop()
        if self._postgres is not None:
            self._postgres.stop()
        return bad


def start(storage: Storage, **settings: str) -> servers.ChatServer:
    """Start the API and the live socket, without the screens, and wait until they answer.

    Rate limits are off and hashes cheap unless `settings` say otherwise.
    """
    return launch(storage, **settings).wait_until_ready()


def launch(storage: Storage, **settings: str) -> servers.ChatServer:
    """Do as `start`, without waiting."""
    port = servers.free_port()
    command = [sys.executable, "-m", "tests.harness.api_server", str(port)]
    usual = {"CHAT_LIMITS": "off", "CHAT_SECRET_KEY": SECRET, "TEST_CHEAP_HASHES": "1"}
    everything = {**usual, **storage.settings, **settings}
    everything.pop("CHAT_DATA_DIR")
    return servers.ChatServer(command, folder=storage.folder, port=port, **everything)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--behind-nginx`."""
    parser.addoption(
        "--behind-nginx",
        action="store_true",
        help="give the tests of the doors three nodes behind nginx for every server",
    )


def pytest_configure() -> None:
    """Have the programs we start hear Ctrl-C: a shell lets its background jobs ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that share the built chat on one test process."""
    if config.getoption("--behind-nginx"):
        items[:] = [item for item in items if _is_for_many(item)]
    for item in items:
        if "built_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("built"))


def _is_for_many(item: pytest.Item) -> bool:
    """Whether a test makes sense with several nodes."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return parameters.get("pair") != "sqlite+memory" and not item.get_closest_marker("one_process")


@pytest.fixture(scope="session")
def farm(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Farm]:
    """Give the outside servers, and stop them at the end whatever happened."""
    behind_nginx = request.config.getoption("--behind-nginx")
    farm = _Farm(tmp_path_factory.mktemp("servers"), behind_nginx=behind_nginx)
    bad: list[str] = []
    try:
        yield farm
    finally:
        bad = farm.stop()
    assert not bad, "\n".join(log[-4000:] for log in bad)


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> str:
    """Name the pair of storage and bus that the test runs on; every such test runs on both."""
    return str(request.param)


@pytest.fixture
def storage(farm: _Farm, pair: str, tmp_path: Path) -> Storage:
    """Give a fresh database with every table, and an empty bus."""
    if pair != "sqlite+memory":
        farm.redis.empty()
    return farm.storage(pair, tmp_path)


@pytest.fixture(scope="session")
def redis_url(farm: _Farm) -> str:
    """Give the address of a private Redis."""
    return farm.redis.url


@pytest.fixture
def empty_database_urls(farm: _Farm, tmp_path: Path) -> dict[str, str]:
    """Give the addresses of an SQLite and a PostgreSQL database without any table."""
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
def chat(farm: _Farm, pair: str) -> servers.ChatServer:
    """Give the shared chat of this pair; its rate limits are off."""
    return farm.shared_chat(pair)


@pytest.fixture
def start_chat(farm: _Farm, pair: str, tmp_path: Path) -> Iterator[StartChat]:
    """Give a function that starts a chat of the test's own, with the settings it asks for."""
    started: list[servers.ChatServer] = []

    def start_one(*, pair: str = pair, **settings: str) -> servers.ChatServer:
        folder = tmp_path / f"chat-{len(started)}"
        folder.mkdir()
        storage = farm.storage(pair, folder, own_redis=True)
        started.append(farm.start(storage, **settings))
        return started[-1]

    try:
        yield start_one
    finally:
        for chat in started:
            chat.stop()


@pytest.fixture
def new_person(chat: servers.ChatServer) -> NewPerson:
    """Give a function that registers somebody at the shared chat."""

    async def register(**fields: object) -> clients.Person:
        return await clients.register(chat.url, **fields)

    return register


@pytest_asyncio.fixture
async def alice(new_person: NewPerson) -> clients.Person:
    """Give somebody."""
    return await new_person()


@pytest_asyncio.fixture
async def bob(new_person: NewPerson) -> clients.Person:
    """Give somebody else."""
    return await new_person()


@pytest_asyncio.fixture
async def carol(new_person: NewPerson) -> clients.Person:
    """Give a stranger to the others."""
    return await new_person()


@pytest.fixture(scope="session")
def built_storage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, farm: _Farm
) -> Storage:
    """Give where the whole chat keeps what it knows."""
    pair = PAIRS[1] if request.config.getoption("--behind-nginx") else PAIRS[0]
    return farm.storage(pair, tmp_path_factory.mktemp("built"), own_redis=True)


@pytest.fixture(scope="session")
def built_server(request: pytest.FixtureRequest, built_storage: Storage) -> Iterator[str]:
    """Give the address of the whole chat in production, screens included (limits are off)."""
    chat: servers.ChatServer
    if request.config.getoption("--behind-nginx"):
        chat = OneChat(built_cluster(built_storage, tls=False, settings={"CHAT_LIMITS": "off"}))
    else:
        chat = launch_built(built_storage, CHAT_LIMITS="off")
    try:
        chat.wait_until_ready(seconds=FRONT_END_BUILD_S)
        yield chat.url
    finally:
        chat.stop()


def built_cluster(
    storage: Storage, *, tls: bool, settings: Mapping[str, str], count: int = NODES
) -> Cluster:
    """Start nodes as in production, screens included, behind nginx."""
    return Cluster(
        storage.folder / "nginx",
        partial(launch_built, storage),
        count=count,
        tls=tls,
        one_first=FRONT_END_BUILD_S,
        settings=settings,
    )


def launch_built(
    storage: Storage, *, port: int | None = None, **settings: str
) -> servers.ChatServer:
    """Start the whole chat as in production, without waiting; what is not built yet is built."""
    port = port or servers.free_port()
    reflex = str(Path(sys.executable).parent / "reflex")
    command = [reflex, *f"run --env prod --backend-port {port} --frontend-port {port}".split()]
    everything = {"CHAT_SECRET_KEY": SECRET, **storage.settings, **settings}
    everything.pop("CHAT_DATA_DIR")
    return servers.ChatServer(command, folder=storage.folder, port=port, **everything)
