"""Simulated nodes: the chat's log writer, tail, hub and sockets, in a simulated process each."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from chat_app.accounts.schemas import Identity, OwnUser
from chat_app.accounts.service import Accounts
from chat_app.admin.backups import BackupService
from chat_app.admin.reports import Reports
from chat_app.admin.service import Admin
from chat_app.api.formats import JSON
from chat_app.api.frame_intake import SocketMetrics, SocketRefused
from chat_app.api.live import LiveSocket
from chat_app.conversations.invites.service import Invitations
from chat_app.core.clock import utc_now
from chat_app.core.errors import AppError
from chat_app.core.ids import new_id
from chat_app.core.metrics import Metrics
from chat_app.core.rate_limit import NoRateLimits
from chat_app.core.settings import Settings
from chat_app.core.supervisor import Supervisor
from chat_app.core.traces import Traces
from chat_app.files.avatars import Avatars
from chat_app.files.storage import FileStorage
from chat_app.files.uploads import Uploads
from chat_app.friends.service import Friends
from chat_app.messages.drafts.service import Drafts
from chat_app.messages.due.service import DueItems
from chat_app.messages.log.writer import NO_FAILPOINTS
from chat_app.messages.saved.service import SavedMessages
from chat_app.node.infrastructure import Infrastructure
from chat_app.node.node import Node
from chat_app.node.parts import Parts
from chat_app.presence.service import Presence
from chat_app.push.service import PushSubscriptions
from chat_app.push.visible_tabs import VisibleTabs
from chat_app.realtime.online import MemoryOnline
from chat_app.realtime.socket_counts import MemorySocketCounts
from chat_app.search.service import Search
from simulation.bus import Bus
from simulation.clock import Process, VirtualLoop
from simulation.database import SimulatedDatabase, Weather
from simulation.tables import Tables

Result = TypeVar("Result")
UNAVAILABLE, GONE = 1013, 1006
SETTINGS = Settings(_env_file=None, limits="off")


class Connection(Protocol):
    """One live connection, as its node uses it."""

    socket: Any
    user_id: UUID
    name: str

    def close_by_server(self, code: int, reason: str) -> None:
        """Close it."""


class _NoPresence:
    """Presence passes and is not part of delivery."""

    async def registered(self, user_id: UUID) -> None:
        """Return at once."""

    def connected(self, user_id: UUID) -> None:
        """Do nothing."""

    def disconnected(self, user_id: UUID) -> None:
        """Do nothing."""

    async def typing(self, *, actor_id: UUID, conversation_id: UUID) -> None:
        """Do nothing."""


@dataclass
class Surroundings:
    """The loop, tables, bus and people that the nodes of one run share."""

    loop: VirtualLoop
    tables: Tables
    weather: Weather
    bus: Bus
    seed: object
    people: dict[UUID, str]
    # Called with a process that has ended.
    on_exit: Callable[[Process], None]


class SimulatedNode:
    """A node that can be stopped, killed and started again."""

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self._around = around
        self._starts = 0
        self.process = Process(name, around.seed)
        self.processes: list[Process] = []
        self._node: Node | None = None
        self._stack = contextlib.AsyncExitStack()
        self._started = asyncio.Event()
        self.socket_metrics = SocketMetrics(Metrics())

    @property
    def is_up(self) -> bool:
        """Whether somebody listens on its port."""
        return self._node is not None and not self.process.is_killed

    @property
    def open_outlets(self) -> int:
        """The number of outlets that its hub has."""
        return 0 if self._node is None else len(self._node.hub.outlets)

    def start(self) -> None:
        """Start a new process."""
        if self.is_up:
            return
        self._starts += 1
        offset = self.process.clock_offset
        self.process = Process(f"{self.name}/{self._starts}", self._around.seed)
        self.process.clock_offset = offset
        self.processes.append(self.process)
        self._started = asyncio.Event()
        self.process.context().run(self._start)

    def kill(self) -> None:
        """Kill the process."""
        if self.is_up:
            self._node = None
            self._exit(self.process)

    def close(self) -> None:
        """End the process in order."""
        process, is_up, self._node = self.process, self.is_up, None
        if is_up:

            async def close() -> None:
                await stack.aclose()
                self._exit(process)

            stack = self._stack
            self.spawn(close(), process)

    def spawn(self, work: Any, process: Process | None = None) -> "asyncio.Task[Any]":  # noqa: ANN401  # a coroutine
        """Start a task in this node's process."""
        context = (process or self.process).context()
        return self._around.loop.create_task(work, context=context)

    async def call(self, work: Callable[[Node], Awaitable[Result]]) -> Result:
        """Answer a request over HTTP; it gets no answer from a process that is killed."""
        node = self._node
        if node is None:
            raise ConnectionRefusedError

        async def answer() -> Result:
            await self._started.wait()
            return await work(node)

        # Who gives up waiting ends no request.
        answering = self.spawn(answer())
        answering.add_done_callback(_retrieve)
        return await asyncio.shield(answering)

    def serve(self, connection: Connection) -> None:
        """Serve a live connection, as `api/socket.py` does after its checks."""
        node = self._node
        if node is None:
            connection.close_by_server(UNAVAILABLE, "refused")
        else:
            self.spawn(self._serve(node, self._started, connection))

    def _exit(self, process: Process) -> None:
        process.kill()
        around = self._around
        around.bus.disconnect(process)
        around.tables.disconnect(process.name, process.random.random() * 0.1)
        around.on_exit(process)

    def _start(self) -> None:
        around = self._around
        limits = NoRateLimits()
        infrastructure = Infrastructure(
            database=SimulatedDatabase(around.tables, around.weather, self.process, around.seed),
            broker=around.bus.connect(self.process, around.seed),
            online=MemoryOnline(),
            limits=limits,
            fixed_limits=limits,
            local_limits=limits,
            sockets=MemorySocketCounts(),
            shared_key=None,
        )
        metrics, traces, stack = Metrics(), Traces(), contextlib.AsyncExitStack()
        supervisor = Supervisor(metrics)
        parts = Parts(SETTINGS, infrastructure, metrics, traces, supervisor, stack)
        # In the order of `running_node`.
        deliveries, presence = parts.deliveries(), cast("Presence", _NoPresence())
        hub = parts.hub(presence, deliveries)
        tail, read_marks = parts.tail(hub), parts.read_marks()
        messages = parts.messages(hub, tail, NO_FAILPOINTS, on_deleted=lambda: None)
        stack.push_async_callback(hub.close)
        self._stack = stack
        self._node = Node(
            settings=SETTINGS,
            metrics=metrics,
            traces=traces,
            supervisor=supervisor,
            database=infrastructure.database,
            shared_key=None,
            broker=infrastructure.broker,
            hub=hub,
            online=infrastructure.online,
            limits=limits,
            sockets=infrastructure.sockets,
            # Delivery uses none of these.
            accounts=cast("Accounts", None),
            admin=cast("Admin", None),
            backups=cast("BackupService", None),
            reports=cast("Reports", None),
            friends=cast("Friends", None),
            groups=parts.groups(tail, on_left=lambda _group_id: None),
            invitations=cast("Invitations", None),
            saved_messages=cast("SavedMessages", None),
            drafts=cast("Drafts", None),
            due_items=cast("DueItems", None),
            conversations=parts.conversations(hub, tail, read_marks),
            deliveries=deliveries,
            messages=messages,
            search=cast("Search", None),
            uploads=cast("Uploads", None),
            avatars=cast("Avatars", None),
            file_storage=cast("FileStorage", None),
            presence=presence,
            push_subscriptions=cast("PushSubscriptions", None),
            visible_tabs=cast("VisibleTabs", None),
            tail=tail,
        )
        started = self._started

        async def start() -> None:
            await tail.start(supervisor)
            stack.push_async_callback(tail.close)
            started.set()

        self.spawn(start())

    async def _serve(self, node: Node, started: asyncio.Event, connection: Connection) -> None:
        await started.wait()
        identity = Identity(connection.user_id, new_id())
        try:
            outlet, unread = await node.open_with_unread(identity)
            async with outlet:
                live = LiveSocket(connection.socket, JSON, node, identity, outlet)
                generation = await node.generation()
                user = _own_user(identity.user_id, self._around.people)
                await live.run(user=user, unread=unread, generation=generation)
        except SocketRefused as refusal:
            connection.close_by_server(refusal.code, refusal.reason)
        except AppError as error:
            connection.close_by_server(UNAVAILABLE, error.code)
        except OSError:
            connection.close_by_server(GONE, "the device is gone")
        else:
            connection.close_by_server(1000, "over")


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Take an error that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


def _own_user(user_id: UUID, people: dict[UUID, str]) -> OwnUser:
    return OwnUser(
        id=user_id,
        username=people[user_id],
        display_name=people[user_id],
        avatar_url=None,
        bio="",
        status_text="",
        created_at=utc_now(),
        accept_messages_from="everyone",
        share_presence=True,
        sound=True,
        admin=False,
        push_preview=False,
        quiet_hours=None,
        locale=None,
    )
