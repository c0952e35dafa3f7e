"""A private chat to measure: people, sessions and groups are written before its server starts."""

import contextlib
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import UUID

from benchmarks import machine
from benchmarks.workload import Plan
from chat_app.accounts.schemas import Device
from chat_app.accounts.store import open_session
from chat_app.core.tokens import Claims, sign_access_token
from chat_app.node.node import Node
from tests.harness import chats, groups
from tests.harness.nodes import new_users, open_node
from tests.harness.servers import LOOPBACK, START_S, ChatServer, free_port

Result = TypeVar("Result")


class Person(NamedTuple):
    """A signed-in user: a program has the token, a browser the cookie."""

    id: UUID
    token: str
    cookie: str


@dataclass(frozen=True)
class Stage:
    """One chat on storage of its own: as a node in this process, or served as in production."""

    storage: chats.Storage
    settings: dict[str, str]

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

    def relay(self) -> AbstractContextManager[ChatServer]:
        """Serve the bare relay from the server's cores."""
        return self._served(_launch_relay, machine.SERVER_CORES, START_S)

    def plain_peer(self) -> AbstractContextManager[ChatServer]:
        """Serve the plain chat on this storage from the server's cores."""
        return self._served(_launch_plain_peer, machine.SERVER_CORES, START_S)

    @contextlib.contextmanager
    def servers(self, count: int, *, pinned: bool = False) -> Iterator[list[ChatServer]]:
        """Serve from several nodes; only one alone can be `pinned`."""
        with contextlib.ExitStack() as stack:
            pinned = pinned and count == 1
            yield [stack.enter_context(self.server(pinned=pinned)) for _ in range(count)]

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


def _launch_relay(storage: chats.Storage, **settings: str) -> ChatServer:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.relay", str(port)]
    return ChatServer(command, folder=storage.folder, port=port, **settings)


def _launch_plain_peer(storage: chats.Storage, **settings: str) -> ChatServer:
    port = free_port()
    urls = [storage.database_url, storage.redis_url]
    command = [sys.executable, "-m", "benchmarks.plain_peer", str(port), *urls]
    return ChatServer(command, folder=storage.folder, port=port, **settings)


@contextlib.contextmanager
def fresh(plan: Plan) -> Iterator[Stage]:
    """Yield a chat on fresh storage."""
    with tempfile.TemporaryDirectory(prefix="chat-bench-") as folder:
        # Several chats of one measurement share a Redis.
        prefix = f"{Path(folder).name}:"
        settings = {"CHAT_LIMITS": "off", "CHAT_LOG_LEVEL": "WARNING", "CHAT_REDIS_PREFIX": prefix}
        yield Stage(plan.new_storage(Path(folder)), settings)


async def add_people(node: Node, count: int) -> list[Person]:
    """Write `count` people, each signed in on one device."""
    secret, day = node.settings.secret_key.get_secret_value(), timedelta(days=1)
    device, seconds = Device("benchmark", LOOPBACK), int(day.total_seconds())
    people = []
    ids = await new_users(node, count)
    async with node.database.writing() as session:
        for user_id in ids:
            session_id, cookie = open_session(session, user_id=user_id, device=device, lifetime=day)
            token = sign_access_token(Claims(user_id, session_id), secret=secret, seconds=seconds)
            people.append(Person(user_id, token, f"{node.settings.cookie_name}={cookie}"))
    return people


async def add_group(node: Node, members: Sequence[Person], others: Sequence[UUID] = ()) -> UUID:
    """Make a group of the first of its members, with others who never sign in."""
    ids = [*(person.id for person in members), *others]
    return await groups.add_group(node, actor_id=ids[0], title="Room", member_ids=ids)


async def read(
    node: Node, viewer_id: UUID, query: Callable[..., Awaitable[Result]], **about: object
) -> Result:
    """Return the result of a query of a viewer."""
    async with node.database.reading() as session:
        return await query(session, viewer_id=viewer_id, online=node.online, **about)
