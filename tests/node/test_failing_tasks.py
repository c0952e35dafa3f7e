"""Lasting tasks of a node: each is made to fail, runs again, and the chat is whole after that."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from chat_app.core import supervisor
from chat_app.core.supervisor import Supervisor
from chat_app.node.node import Node
from chat_app.realtime.events import AnyEvent, ConversationDelivered, Delivery, MessageCreated
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.connected import QUICK, ConnectedDevice, device
from tests.harness.files import ready_file
from tests.harness.nodes import new_user, open_node, to_user

EVERYWHERE = {
    "backups",
    "change_log",
    "loop_lag",
    "maintenance",
    "message_log",
    "presence_changes",
    "presence_last_seen",
    "presence_refresh",
    "presence_register",
    "presence_sweep",
    "read_marks",
    "receipts",
    "sessions",
    "views",
    "due_items",
    "search",
    "file_check_0",
    "file_check_1",
    "file_removal",
    "push",
    "push_delivery",
    "visible_tabs",
}
WITH_REDIS = {"redis_heartbeat", "redis_receive", "redis_send", "shared_key"}
WITH_POSTGRESQL = {"clock"}
WITH_SQLITE = {"checkpoints"}
NOT_VITAL = {
    "backups",
    "checkpoints",
    "file_check_0",
    "file_check_1",
    "file_removal",
    "loop_lag",
    "maintenance",
    "push",
    "push_delivery",
    "search",
    "visible_tabs",
}


class Breakable:
    """The lasting tasks of a node, which a test may break."""

    def __init__(self) -> None:
        self.starts: dict[str, int] = {}
        self._failures: dict[str, asyncio.Future[None]] = {}

    def wrap(self, name: str, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Return a `run` that raises at the place where it waits when `fail` is called."""
        self.starts[name] = 0

        async def breakable() -> None:
            self.starts[name] += 1
            failure = self._failures[name] = asyncio.get_running_loop().create_future()
            task = asyncio.ensure_future(run())
            try:
                await asyncio.wait([task, failure], return_when=asyncio.FIRST_COMPLETED)
                if failure.done():
                    failure.result()
                await task
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

        return breakable

    async def fail(self, name: str) -> None:
        """Make a task raise, and wait until it runs again."""
        await self._until_started(name, after=0)
        started = self.starts[name]
        self._failures[name].set_exception(RuntimeError(f"{name} is made to fail"))
        await self._until_started(name, after=started)

    async def _until_started(self, name: str, *, after: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.starts[name] <= after:
                await asyncio.sleep(0.01)


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Breakable:
    """Make the tasks of nodes breakable."""
    breakable = Breakable()
    start = Supervisor.start

    def start_breakable(
        self: Supervisor, name: str, run: Callable[[], Awaitable[None]], *, is_vital: bool = True
    ) -> asyncio.Task[None]:
        return start(self, name, breakable.wrap(name, run), is_vital=is_vital)

    monkeypatch.setattr(Supervisor, "start", start_breakable)
    return breakable


async def until_received(listener: ConnectedDevice, event: AnyEvent) -> None:
    """Wait until a device has received an event."""
    while event not in listener.received:
        await listener.next_events()


async def see_that_all_works(node: Node, *, until_offline: bool) -> None:
    """Send, receive, check a file, and publish a receipt and presence, among two new people."""
    alice, bob = await new_user(node), await new_user(node)
    await ready_file(node, alice)
    await node.messages.send(to_user(bob, alice, "before"))
    async with device(node, alice) as here:
        async with device(node, bob) as there:
            await here.until_presence(bob, online=True)
            sent = (await node.messages.send(to_user(alice, bob, "hello"))).message
            await until_received(there, MessageCreated(message=sent))
            receipt = Delivery(sent.conversation_id, bob, alice, sent.seq)
            node.deliveries.record(receipt)
            await until_received(
                here,
                ConversationDelivered(
                    conversation_id=sent.conversation_id, user_id=bob, seq=sent.seq
                ),
            )
        if until_offline:
            await here.until_presence(bob, online=False)


async def test_every_lasting_task_runs_again_after_an_error(
    storage: Storage, tasks: Breakable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.01)
    async with open_node(storage, **QUICK, CHAT_LIMITS="on") as node:
        if storage.pair == "sqlite+memory":
            expected = EVERYWHERE | WITH_SQLITE
        else:
            expected = EVERYWHERE | WITH_POSTGRESQL | WITH_REDIS | {"socket_counts"}
        assert set(tasks.starts) == expected
        for name in sorted(expected):
            await tasks.fail(name)
            assert (name in node.supervisor.failing()) == (name not in NOT_VITAL), name
            await see_that_all_works(node, until_offline="presence" in name)
