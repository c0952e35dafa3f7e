"""A private chat to measure: people, sessions and groups are written before its server starts."""

import contextlib
import socket
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import insert

from benchmarks import machine
from benchmarks.names import Name
from benchmarks.workload import Plan
from chat_app.accounts.names import part_rows
from chat_app.core.clock import utc_now
from chat_app.core.ids import new_id
from chat_app.core.tokens import Claims, fingerprint, new_secret, sign_access_token
from chat_app.models import AuthSession, NamePart, User
from chat_app.node.node import Node
from tests.harness import chats
from tests.harness.nodes import new_users, open_node
from tests.harness.servers import LOOPBACK, START_S, ChatServer, Server, free_port

AT_ONCE = 1_000


@dataclass(frozen=True)
class Person:
    """A signed-in user: a program has the token, a browser the cookie."""

    id: UUID
    token: str
    cookie: str


@dataclass(frozen=True)
class Stage:
    """One chat on storage of its own: as a node in this process, or served as in production."""

    storage: chats.Storage

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings beside those of the storage."""
        # Several chats of one measurement share a Redis.
        prefix = f"{self.storage.folder.name}:"
        return {"CHAT_LIMITS": "off", "CHAT_LOG_LEVEL": "WARNING", "CHAT_REDIS_PREFIX": prefix}

    def node(self) -> AbstractAsyncContextManager[Node]:
        """Run a node in this process."""
        return open_node(self.storage, **self.settings)

    def server(self, *, pinned: bool = False) -> AbstractContextManager[ChatServer]:
        """Serve the API and the live socket, maybe `pinned` to the server's cores."""
        cores = machine.SERVER_CORES if pinned else machine.ALL_CORES
        return self._served(chats.launch_program, cores, START_S)

    def full_server(self) -> AbstractContextManager[ChatServer]:
        """Serve the whole chat, screens included; builds them first where they have changed."""
        return self._served(chats.launch_built, machine.ALL_CORES, chats.FRONT_END_BUILD_S)

    @contextlib.contextmanager
    def servers(self, count: int, *, pinned: bool = False) -> Iterator[list[ChatServer]]:
        """Serve from several nodes; only one alone can be `pinned`."""
        with contextlib.ExitStack() as stack:
            alone = pinned and count == 1
            yield [stack.enter_context(self.server(pinned=alone)) for _ in range(count)]

    @contextlib.contextmanager
    def _served(
        self, launch: Callable[..., ChatServer], cores: Collection[int], ready_within_s: float
    ) -> Iterator[ChatServer]:
        with machine.on(cores):
            chat = launch(self.storage, **self.settings)
        try:
            yield chat.wait_until_ready(seconds=ready_within_s)
        finally:
            chat.stop()


@contextlib.contextmanager
def fresh(plan: Plan) -> Iterator[Stage]:
    """Yield a chat on fresh storage."""
    with tempfile.TemporaryDirectory(prefix="chat-bench-") as folder:
        yield Stage(plan.new_storage(Path(folder)))


class Relay(NamedTuple):
    """A running bare relay."""

    url: str
    pid: int


@contextlib.contextmanager
def relay_server(folder: Path) -> Iterator[Relay]:
    """Yield the bare relay."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    with machine.on(machine.SERVER_CORES):
        command = [sys.executable, "-m", "benchmarks.relay", str(port)]
        relay = Server(command, log=folder / f"relay-{port}.log")
    try:
        relay.wait_until(lambda: _listens(port))
        yield Relay(url, relay.process.pid)
    finally:
        relay.stop()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


async def add_people(node: Node, count: int) -> list[Person]:
    """Write `count` people, each signed in on one device."""
    secret, day = node.settings.secret_key.get_secret_value(), timedelta(days=1)
    people, sessions = [], []
    for user_id in await new_users(node, count):
        session_id, cookie = new_id(), new_secret()
        session = AuthSession(
            id=session_id,
            user_id=user_id,
            cookie_hash=fingerprint(cookie),
            user_agent="benchmark",
            address=LOOPBACK,
            created_at=utc_now(),
            last_used_at=utc_now(),
            expires_at=utc_now() + day,
        )
        sessions.append(session.model_dump())
        claims = Claims(user_id, session_id)
        token = sign_access_token(claims, secret=secret, seconds=int(day.total_seconds()))
        people.append(Person(user_id, token, f"{node.settings.cookie_name}={cookie}"))
    async with node.database.transaction() as connection:
        await connection.execute(insert(AuthSession), sessions)
    return people


async def add_crowd(node: Node, crowd: Sequence[Name]) -> None:
    """Write people who can be found, and never sign in."""
    async with node.database.transaction() as connection:
        for start in range(0, len(crowd), AT_ONCE):
            ids = {new_id(): name for name in crowd[start : start + AT_ONCE]}
            people = [
                User(
                    id=user_id,
                    username=name.username,
                    username_key=name.username,
                    display_name=name.display_name,
                    password_hash="",
                    created_at=utc_now(),
                ).model_dump()
                for user_id, name in ids.items()
            ]
            parts = [row for user_id, name in ids.items() for row in part_rows(user_id, *name)]
            await connection.execute(insert(User), people)
            await connection.execute(insert(NamePart), parts)


async def add_rooms(node: Node, people: list[Person], size: int) -> list[UUID]:
    """Divide people into groups of `size`."""
    groups = [people[start : start + size] for start in range(0, len(people), size)]
    return [await add_group(node, group) for group in groups]


async def add_group(node: Node, members: Sequence[Person]) -> UUID:
    """Make a group of the first of its members."""
    ids = [person.id for person in members]
    return await node.conversations.create_group(actor_id=ids[0], title="Room", member_ids=ids)
