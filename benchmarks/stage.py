"""A private chat to measure: people, sessions and groups are written before its server starts."""

import contextlib
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import insert

from benchmarks import machine
from benchmarks.names import Name
from chat_app.accounts.names import part_rows
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.core.settings import Settings
from chat_app.core.tokens import Claims, fingerprint, new_secret, sign_access_token
from chat_app.models import AuthSession, NamePart, User
from chat_app.node.node import Node
from tests.harness import servers

TOKEN_S = 86_400
BUILD_S = 300
AT_ONCE = 1_000


@dataclass(frozen=True)
class Person:
    """Somebody signed in: a program has the token, a browser the cookie."""

    id: UUID
    token: str
    cookie: str


@dataclass(frozen=True)
class Storage:
    """Where the chat keeps things. The embedded default is SQLite in `folder`."""

    folder: Path
    database_url: str = ""
    redis_url: str = ""

    @property
    def redis_prefix(self) -> str:
        """What keeps several chats of one measurement apart, which share a Redis."""
        return f"{self.folder.name}:"

    def settings(self) -> Settings:
        """Return the settings of a node on this storage."""
        path = self.folder / "secret"
        if not path.exists():
            path.write_text(secrets.token_urlsafe(48))
        return Settings(
            data_dir=self.folder,
            database_url=self.database_url,
            redis_url=self.redis_url,
            redis_prefix=self.redis_prefix,
            secret_key=SecretStr(path.read_text()),
            limits="off",
            access_token_seconds=TOKEN_S,
        )

    def environment(self) -> dict[str, str]:
        """Return the same settings as the server's environment."""
        return {
            "CHAT_DATABASE_URL": self.database_url,
            "CHAT_REDIS_URL": self.redis_url,
            "CHAT_REDIS_PREFIX": self.redis_prefix,
            "CHAT_SECRET_KEY": self.settings().secret_key.get_secret_value(),
            "CHAT_LIMITS": "off",
            "CHAT_LOG_LEVEL": "WARNING",
        }


class Relay(NamedTuple):
    """A running bare relay."""

    url: str
    pid: int


@contextlib.contextmanager
def storage(database_url: str = "", redis_url: str = "") -> Iterator[Storage]:
    """Give fresh storage: an own folder, or the given servers with every table in place."""
    with tempfile.TemporaryDirectory(prefix="chat-bench-") as folder:
        if database_url:
            servers.migrate(database_url)
        yield Storage(Path(folder), database_url, redis_url)


async def add_people(node: Node, count: int) -> list[Person]:
    """Write `count` people, each signed in on one device."""
    secret = node.settings.secret_key.get_secret_value()
    people, users, sessions = [], [], []
    for _ in range(count):
        user_id, session_id, cookie = new_id(), new_id(), new_secret()
        users.append(_user(user_id))
        sessions.append(_session(session_id, user_id, cookie))
        token = sign_access_token(Claims(user_id, session_id), secret=secret, seconds=TOKEN_S)
        people.append(Person(user_id, token, f"{node.settings.cookie_name}={cookie}"))
    async with node.database.transaction() as connection:
        await connection.execute(insert(User), users)
        await connection.execute(insert(AuthSession), sessions)
    return people


async def add_crowd(node: Node, crowd: Sequence[Name]) -> None:
    """Write people who can be found, and never sign in."""
    async with node.database.transaction() as connection:
        for start in range(0, len(crowd), AT_ONCE):
            ids = {new_id(): name for name in crowd[start : start + AT_ONCE]}
            people = [
                _user(user_id)
                | {
                    "username": name.username,
                    "username_key": name.username,
                    "display_name": name.display_name,
                }
                for user_id, name in ids.items()
            ]
            parts = [row for user_id, name in ids.items() for row in part_rows(user_id, *name)]
            await connection.execute(insert(User), people)
            await connection.execute(insert(NamePart), parts)


async def add_rooms(node: Node, people: list[Person], size: int) -> list[UUID]:
    """Divide people into groups of `size`."""
    return [
        await node.conversations.create_group(
            actor_id=people[start].id,
            title="Room",
            member_ids=[person.id for person in people[start : start + size]],
        )
        for start in range(0, len(people), size)
    ]


@contextlib.contextmanager
def chat_server(
    storage: Storage, *, pinned: bool = False, library: str = ""
) -> Iterator[servers.ChatServer]:
    """Give the API and the live socket of a chat on `storage`, served as in production.

    Another server `library` is one of `benchmarks/serving.py`.
    """
    port = servers.free_port()
    module = ["benchmarks.serving", library] if library else ["tests.harness.api_server"]
    command = [sys.executable, "-m", *module, str(port)]
    with _served(storage, command, port, pinned=pinned) as chat:
        yield chat


@contextlib.contextmanager
def chat_servers(storage: Storage, count: int) -> Iterator[list[servers.ChatServer]]:
    """Give the nodes of a chat on `storage`; one alone has a core for itself."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(chat_server(storage, pinned=count == 1)) for _ in range(count)]


@contextlib.contextmanager
def full_server(storage: Storage, *, library: str = "") -> Iterator[servers.ChatServer]:
    """Give the whole chat, screens included; builds them first where they have changed."""
    port = servers.free_port()
    start = f"run --env prod --backend-port {port} --frontend-port {port}".split()
    command = [str(Path(sys.executable).parent / "reflex"), *start]
    if library:
        command = [sys.executable, "-m", "benchmarks.serving", library, *start]
    with _served(storage, command, port, ready_within_s=BUILD_S) as chat:
        yield chat


@contextlib.contextmanager
def _served(
    storage: Storage,
    command: Sequence[str],
    port: int,
    *,
    pinned: bool = False,
    ready_within_s: float = servers.START_S,
) -> Iterator[servers.ChatServer]:
    with machine.on(machine.SERVER_CORES if pinned else machine.ALL_CORES):
        chat = servers.ChatServer(
            command, folder=storage.folder, port=port, **storage.environment()
        )
    try:
        yield chat.wait_until_ready(seconds=ready_within_s)
    finally:
        chat.stop()


@contextlib.contextmanager
def relay_server(folder: Path) -> Iterator[Relay]:
    """Give the bare relay."""
    port = servers.free_port()
    command = [sys.executable, "-m", "benchmarks.relay", str(port)]
    with machine.on(machine.SERVER_CORES):
        relay = servers.Server(command, log=folder / f"relay-{port}.log")
    try:
        relay.wait_until(lambda: answers(port))
        yield Relay(f"http://{servers.LOOPBACK}:{port}", relay.process.pid)
    finally:
        relay.stop()


def answers(port: int) -> bool:
    """Whether somebody listens on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex((servers.LOOPBACK, port)) == 0


def _user(user_id: UUID) -> dict[str, object]:
    name = f"load-{user_id.hex[-12:]}"
    return {
        "id": user_id,
        "username": name,
        "username_key": name,
        "display_name": name,
        "password_hash": "none",
        "bio": "",
        "status_text": "",
        "accept_messages_from": "everyone",
        "share_presence": True,
        "sound": True,
        "created_at": utc_now(),
        "deleted_at": None,
    }


def _session(session_id: UUID, user_id: UUID, cookie: str) -> dict[str, object]:
    return {
        "id": session_id,
        "user_id": user_id,
        "cookie_hash": fingerprint(cookie),
        "user_agent": "benchmark",
        "address": servers.LOOPBACK,
        "created_at": utc_now(),
        "last_used_at": utc_now(),
        "expires_at": utc_now() + timedelta(days=1),
        "ended_at": None,
    }
