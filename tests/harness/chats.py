"""Running chats over the two pairs of storage and bus, in processes of their own."""

import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from tests.harness import clients, servers
from tests.harness.cluster import NODES, Cluster, OneChat
from tests.harness.forks import API_SERVER
from tests.harness.s3 import S3

PAIRS = ("sqlite+memory", "postgres+redis")
FRONT_END = "tests.harness.front_end"
FRONT_END_BUILD_S = 300
# Shared chats that run at the same time. On a busy machine an idle one takes some hundredths of a
# core, in half a minute as much as a start.
SHARED_AT_ONCE = 2
METRICS_TOKEN = "a-token-of-the-tests"
# A fixed key, so that tests can forge tokens with it.
SECRET = "kXw3_vB7qLr0ZtYdP9mNcHs5Ua-J2eGfT8oIi4RzQbW6xEyVjAhSgDlKuMpOnC1k"


@dataclass(frozen=True)
class Storage:
    """The storage and bus settings of a chat."""

    pair: str
    database_url: str
    redis_url: str
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings as environment variables."""
        return {
            "CHAT_DATA_DIR": str(self.folder),
            "CHAT_DATABASE_URL": self.database_url,
            "CHAT_REDIS_URL": self.redis_url,
        }


class StartChat(Protocol):
    """Starts a chat on fresh storage; `pair` overrides the test's own pair."""

    def __call__(self, *, pair: str = ..., **settings: str) -> servers.ChatServer: ...


# Limits on: low where a test of one person meets them, and out of the way where an address counts,
# which all tests share. What was used up hardly comes back, so that a slow machine changes nothing.
LIMITED = {
    "CHAT_LIMITS": "on",
    "CHAT_LIMIT_FRAMES_PER_SECOND": "1",
    "CHAT_LIMIT_FRIEND_REQUESTS_PER_HOUR": "3",
    "CHAT_LIMIT_LOGIN_FAILURES_PER_ADDRESS": "1000",
    "CHAT_LIMIT_MESSAGES_PER_SECOND": "0.01",
    "CHAT_LIMIT_PROFILE_CHANGES_PER_MINUTE": "3",
    "CHAT_LIMIT_REGISTRATIONS_PER_HOUR": "1000",
}
# Limits that one person meets soon and that give way soon.
REFILLING = {
    "CHAT_LIMITS": "on",
    "CHAT_LIMIT_MESSAGE_BURST": "5",
    "CHAT_LIMIT_MESSAGES_PER_SECOND": "2",
    "CHAT_LIMIT_REGISTRATIONS_PER_HOUR": "1000",
}

NewPerson = Callable[..., Awaitable[clients.Person]]


class Farm:
    """The outside servers of this test process, each started on first use."""

    def __init__(self, folder: Path, *, behind_nginx: bool, durable: bool = False) -> None:
        self._folder = folder
        self._durable = durable
        self._behind_nginx = behind_nginx
        self._postgres: servers.Postgres | None = None
        self._redis: servers.Redis | None = None
        self._sqlite: Path | None = None
        self._own_redis: list[servers.Redis] = []
        self._s3: S3 | None = None
        # The one used last stands at the end.
        self._chats: dict[tuple[str, frozenset[tuple[str, str]]], servers.ChatServer] = {}
        self._bad: list[str] = []

    @property
    def postgres(self) -> servers.Postgres:
        if self._postgres is None:
            self._postgres = servers.Postgres(self._folder, durable=self._durable)
        return self._postgres

    def new_redis(self) -> servers.Redis:
        self._own_redis.append(servers.Redis(self._folder))
        return self._own_redis[-1]

    @property
    def redis(self) -> servers.Redis:
        """Return the Redis that tests empty, never that of a shared chat, which would interfere."""
        if self._redis is None:
            self._redis = servers.Redis(self._folder)
        return self._redis

    @property
    def s3(self) -> S3:
        if self._s3 is None:
            self._s3 = S3(self._folder)
        return self._s3

    def storage(self, pair: str, folder: Path, *, own_redis: bool = False) -> Storage:
        if pair == "sqlite+memory":
            shutil.copy(self._migrated_sqlite(), folder)
            return Storage(pair, "", "", folder)
        redis = self.new_redis() if own_redis else self.redis
        return Storage(pair, self.postgres.new_chat_database(), redis.url, folder)

    def _migrated_sqlite(self) -> Path:
        """Return a database file with every table, to be copied: its migration takes longer."""
        if self._sqlite is None:
            folder = self._folder / "migrated"
            folder.mkdir()
            self._sqlite = folder / "chat.db"
            servers.migrate(f"sqlite+aiosqlite:///{self._sqlite}")
        return self._sqlite

    def shared_chat(self, pair: str, **settings: str) -> servers.ChatServer:
        """Return the chat of this pair and these settings, which runs until others are used."""
        key = (pair, frozenset(settings.items()))
        chat = self._chats.pop(key, None)
        if chat is None:
            while len(self._chats) >= SHARED_AT_ONCE:
                self._stop(self._chats.pop(next(iter(self._chats))))
            folder = self._folder / uuid4().hex
            folder.mkdir()
            chat = self.new_chat(pair, folder, **settings)
            if not settings.keys() >= servers.JOINING:
                # The first account is admin, whom no test may meet by chance.
                clients.register_owner(chat.url)
        self._chats[key] = chat
        return chat

    def new_chat(self, pair: str, folder: Path, **settings: str) -> servers.ChatServer:
        """Start a chat on fresh storage, or on the database and bus that the settings name."""
        if settings.keys() >= servers.JOINING:
            return self.start(Storage(pair, "", "", folder), **settings)
        # Channels reach every database of one Redis: a chat that stays has its own.
        return self.start(self.storage(pair, folder, own_redis=True), **settings)

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
        """Stop everything; return the logs of chats that failed to stop cleanly."""
        for chat in self._chats.values():
            self._stop(chat)
        for redis in [*self._own_redis, *([self._redis] if self._redis else [])]:
            redis.stop()
        if self._postgres is not None:
            self._postgres.stop()
        if self._s3 is not None:
            self._s3.stop()
        return self._bad

    def _stop(self, chat: servers.ChatServer) -> None:
        if chat.stop() != 0 or "Traceback" in chat.log():
            self._bad.append(chat.log())


def start(storage: Storage, **settings: str) -> servers.ChatServer:
    """Start the API and the live socket, without the screens, and wait until they answer.

    Rate limits are off and hashes cheap unless `settings` override that.
    """
    return launch(storage, **settings).wait_until_ready()


def launch(storage: Storage, **settings: str) -> servers.ChatServer:
    """Start a chat as `start` does, without waiting."""
    return _launch(None, servers.free_port(), storage, **settings)


def launch_program(storage: Storage, **settings: str) -> servers.ChatServer:
    """Start a chat as `launch` does, from a program of its own, for those who measure it."""
    port = servers.free_port()
    return _launch([sys.executable, "-m", API_SERVER, str(port)], port, storage, **settings)


def _launch(
    command: Sequence[str] | None, port: int, storage: Storage, **settings: str
) -> servers.ChatServer:
    usual = {"CHAT_LIMITS": "off", "CHAT_SECRET_KEY": SECRET, "TEST_CHEAP_HASHES": "1"}
    everything = {**usual, **storage.settings, **settings}
    everything.pop("CHAT_DATA_DIR")
    return servers.ChatServer(command, folder=storage.folder, port=port, **everything)


def built_cluster(
    storage: Storage, *, tls: bool, settings: Mapping[str, str], count: int = NODES
) -> Cluster:
    """Start nodes as in production, screens included, behind nginx."""
    return Cluster(
        storage.folder / "nginx",
        partial(launch_built, storage),
        count=count,
        tls=tls,
        settings=settings,
    )


def start_built(storage: Storage, *, behind_nginx: bool, **settings: str) -> servers.ChatServer:
    """Start the whole chat, behind nginx on several nodes, and wait until it answers."""
    if behind_nginx:
        build_front_end()
        chat: servers.ChatServer = OneChat(built_cluster(storage, tls=False, settings=settings))
    else:
        chat = launch_built(storage, port=None, **settings)
    return chat.wait_until_ready(seconds=FRONT_END_BUILD_S)


def build_front_end() -> None:
    """Build the front end of this checkout, unless it is there and current."""
    command = [sys.executable, "-m", FRONT_END]
    done = subprocess.run(  # noqa: S603  # our own program
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=servers.ROOT,
        env=servers.chat_environment(),
        timeout=FRONT_END_BUILD_S,
    )
    if done.returncode:
        raise servers.ServerFailed(done.stdout + done.stderr)


def launch_built(
    storage: Storage, *, port: int | None = None, **settings: str
) -> servers.ChatServer:
    """Start the whole chat as in production, without waiting; what is not built yet is built.

    Hashes are cheap unless `settings` override that.
    """
    port = port or servers.free_port()
    command = [sys.executable, "-m", FRONT_END, str(port)]
    usual = {"CHAT_SECRET_KEY": SECRET, "TEST_CHEAP_HASHES": "1"}
    everything = {**usual, **storage.settings, **settings}
    everything.pop("CHAT_DATA_DIR")
    return servers.ChatServer(command, folder=storage.folder, port=port, **everything)
