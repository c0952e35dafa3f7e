"""A private chat to break: its servers, its people, and what its database holds in the end."""

import contextlib
import json
import secrets
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch
from uuid import UUID

import psutil
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col

from chaos.ledger import Row, Stored
from chaos.plan import Pair, Plan
from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.core import database as limits
from chat_app.core.database import Database
from chat_app.core.passwords import CONTEXT
from chat_app.core.settings import Settings
from chat_app.files.storage import open_storage
from chat_app.files.verification import Verified, verify
from chat_app.models import Attachment, Conversation, File, Member, Message, User
from chat_app.node.node import running_node
from tests.harness import servers
from tests.harness.faults import locked_until_left, unconfirmed_commits
from tests.harness.groups import add_group
from tests.harness.half_open import HalfOpenProxy
from tests.harness.nginx import Nginx
from tests.harness.processor import waited_s

PASSWORD = secrets.token_urlsafe(12)
# So short that tokens are renewed during the run.
TOKEN_S = 20
JUDGE_PATIENCE_S = 60


class Restart(NamedTuple):
    """How long it took until a killed node was ready again, and how much of a processor."""

    seconds: float
    processor_s: float
    waited_s: float  # for a core


class SharedFile(NamedTuple):
    """A file of a message: the text of that, its own name, and the SHA-256 of its bytes in hex."""

    content: str
    name: str
    sha256: str


@dataclass
class Stage:
    """The running chat."""

    settings: Settings
    chats: list[servers.ChatServer]
    redis: servers.Redis | None
    nginx: Nginx | None = None
    # Between the nodes and Redis.
    to_redis: HalfOpenProxy | None = None
    starts_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Record the CPU time of each node's first start."""
        self.starts_s = [_processor_s(chat) for chat in self.chats]

    def ports(self) -> list[int]:
        """Return the ports at which the chat answers."""
        return [self.nginx.port] if self.nginx else [chat.port for chat in self.chats]

    def kill(self, number: int) -> Restart:
        """Kill a node, start another in its place, and wait until it is ready."""
        started = time.monotonic()
        chat = self.chats[number]
        chat.restart(with_signal=signal.SIGKILL)
        took_s = time.monotonic() - started
        return Restart(took_s, _processor_s(chat), waited_s(chat.server.process.pid))

    @contextlib.asynccontextmanager
    async def commits_held_up(self) -> AsyncIterator[None]:
        """Let no commit end inside: by a standby that is not there, or a lock on the file."""
        address = self.settings.database_address
        if address.startswith("sqlite"):
            async with locked_until_left(self.settings.data_dir):
                yield
            return
        async with unconfirmed_commits(address):
            yield

    async def stored(self) -> Stored:
        """Read everything back from the database."""
        async with opened(self.settings) as database, database.reading() as session:
            messages = await session.execute(select(Message))
            members = await session.execute(
                select(col(Member.conversation_id), col(Member.user_id))
            )
            counters = await session.execute(
                select(col(Conversation.id), col(Conversation.last_seq), col(Conversation.last_rev))
            )
            of_conversation: defaultdict[str, set[str]] = defaultdict(set)
            for conversation_id, user_id in members:
                of_conversation[str(conversation_id)].add(str(user_id))
            return Stored(
                rows=[_row(message) for message in messages.scalars()],
                members={one: frozenset(users) for one, users in of_conversation.items()},
                counters={str(one): (seq, rev) for one, seq, rev in counters},
            )

    async def shared(self) -> list[SharedFile]:
        """Return the files of messages."""
        found = (
            select(col(Message.content), col(File.name), col(File.sha256))
            .join(Attachment, col(Attachment.message_id) == col(Message.id))
            .join(File, col(File.id) == col(Attachment.file_id))
        )
        async with opened(self.settings) as database, database.reading() as session:
            rows = await session.execute(found)
            return [SharedFile(text or "", name, digest or "") for text, name, digest in rows]

    async def verified(self) -> Verified:
        """Compare the stored bytes of all files with what the database has of them."""
        async with opened(self.settings) as database:
            with open_storage(self.settings) as storage:
                return await verify(database, storage, lambda _: None)


def _processor_s(chat: servers.ChatServer) -> float:
    used = psutil.Process(chat.server.process.pid).cpu_times()
    return float(used.user + used.system)


def _row(message: Message) -> Row:
    return Row(
        conversation_id=str(message.conversation_id),
        seq=message.seq,
        rev=message.rev,
        client_id=message.client_id,
        sender_id=str(message.sender_id),
        content=message.content or "",
        created_at=message.created_at.timestamp(),
        notice=None if message.notice is None else json.loads(message.notice),
    )


@contextlib.contextmanager
def storage(pair: Pair) -> Iterator[tuple[Settings, servers.Redis | None]]:
    """Yield fresh storage, with the servers it needs."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chat-chaos-")))
        redis, database_url = None, ""
        if pair == "postgres":
            postgres = servers.Postgres(folder)
            stack.callback(postgres.stop)
            redis = servers.Redis(folder)
            stack.callback(redis.stop)
            database_url = postgres.new_chat_database()
        yield (
            Settings(
                data_dir=folder,
                database_url=database_url,
                redis_url=redis.url if redis else "",
                secret_key=SecretStr(secrets.token_urlsafe(48)),
                limits="off",
                access_token_seconds=TOKEN_S,
            ),
            redis,
        )


@contextlib.contextmanager
def running(
    plan: Plan,
    settings: Settings,
    redis: servers.Redis | None,
    to_redis: HalfOpenProxy | None = None,
) -> Iterator[Stage]:
    """Yield the chat on that storage; all of it is stopped at the end."""
    redis_url = f"redis://{servers.LOOPBACK}:{to_redis.port}/0" if to_redis else settings.redis_url
    chats: list[servers.ChatServer] = []
    nginx = Nginx(settings.data_dir / "nginx", tls=False) if plan.nginx else None
    try:
        for number in range(plan.nodes):
            # One by one: those that run are stopped.
            chats += [_start(plan, settings, redis_url, number)]
        for chat in chats:
            chat.wait_until_ready()
        if nginx:
            nginx.start(f"{servers.LOOPBACK}:{chat.port}" for chat in chats)
        yield Stage(settings, chats, redis, nginx, to_redis)
    finally:
        if nginx:
            nginx.stop()
        for chat in chats:
            chat.stop()


def _start(plan: Plan, settings: Settings, redis_url: str, number: int) -> servers.ChatServer:
    port = servers.free_port()
    command = [sys.executable, "-m", "tests.harness.api_server", str(port)]
    folder = settings.data_dir / f"node-{number}"
    folder.mkdir()
    environment = {
        "CHAT_DATABASE_URL": settings.database_address,
        "CHAT_REDIS_URL": redis_url,
        "CHAT_SECRET_KEY": settings.secret_key.get_secret_value(),
        "CHAT_ACCESS_TOKEN_SECONDS": str(TOKEN_S),
        "CHAT_LIMITS": "off",
        "CHAT_LOG_LEVEL": "WARNING",
        "TEST_CHEAP_HASHES": "1",
    }
    if plan.tasks_fail_s:
        environment["TEST_TASKS_FAIL_WITHIN_S"] = str(plan.tasks_fail_s)
    return servers.ChatServer(command, folder=folder, port=port, **environment)


async def seed(settings: Settings, count: int) -> tuple[dict[str, str], str]:
    """Write users who know PASSWORD, and a room of them all; return ids by name, and the room."""
    cheap = CONTEXT.copy(argon2__memory_cost=1024, argon2__time_cost=1)
    password_hash = cheap.hash(PASSWORD)
    users = [_user(f"user-{number:02}", password_hash) for number in range(1, count + 1)]
    async with running_node(settings) as node:
        ids = {user.username: user.id for user in users}
        async with node.database.writing() as session:
            session.add_all(users)
        everybody = list(ids.values())
        room = await add_group(node, actor_id=everybody[0], title="Everybody", member_ids=everybody)
    return {name: str(user_id) for name, user_id in ids.items()}, str(room)


async def add_club(settings: Settings, users: Mapping[str, str]) -> str:
    """Make a group of all users, which the first of them owns; return its id."""
    owner, *others = users.values()
    request = GroupRequest.model_validate({"kind": "group", "title": "Club", "member_ids": others})
    async with running_node(settings) as node:
        return str((await node.groups.create(actor_id=UUID(owner), data=request)).id)


def _user(username: str, password_hash: str) -> User:
    return User(
        username=username,
        username_key=username,
        display_name=username,
        password_hash=password_hash,
    )


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """Yield the chat's database, with longer limits than a node has: a busy machine is slow."""
    with (
        patch.object(limits, "ANSWER_S", JUDGE_PATIENCE_S),
        patch.object(limits, "POOL_WAIT_S", JUDGE_PATIENCE_S),
    ):
        database = Database(settings)
        try:
            yield database
        finally:
            await database.close()
