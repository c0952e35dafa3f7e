"""Outlets that are cancelled while they open: nothing of them stays."""

import asyncio
from collections.abc import Coroutine, Generator
from itertools import count
from typing import Any

from chat_app.accounts.schemas import Identity
from chat_app.core.ids import new_id
from chat_app.node.node import Node, OpenedOutlet
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node, to_conversation


class CancelledAt:
    """An awaitable that runs a coroutine, and cancels it where it waits for the n-th time."""

    def __init__(self, work: Coroutine[Any, Any, OpenedOutlet], number: int) -> None:
        self._work = work
        self._number = number
        self.is_cancelled = False

    def __await__(self) -> Generator[Any, None, OpenedOutlet]:
        """Run the coroutine."""
        steps = self._work.__await__()
        for number in count(1):
            try:
                step = next(steps)
                if number == self._number:
                    self.is_cancelled = True
                    if asyncio.isfuture(step):
                        # It is not awaited any more.
                        step._asyncio_future_blocking = False
                    step = steps.throw(asyncio.CancelledError())
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]  # the coroutine's
            yield step
        raise AssertionError


async def opened(attempt: CancelledAt) -> OpenedOutlet | None:
    """Return the outlet, None where its opening was cancelled."""
    try:
        return await attempt
    except asyncio.CancelledError:
        return None


async def nobody_is_here(node: Node) -> None:
    """Wait until presence has nobody either."""
    async with asyncio.timeout(PATIENCE_S):
        while node.online.local_users():
            await asyncio.sleep(0.01)


async def test_nothing_stays_of_an_outlet_cancelled_at_any_await(storage: Storage) -> None:
    async with open_node(storage, CHAT_PRESENCE_GRACE_SECONDS="0") as node:
        one, other = await new_user(node), await new_user(node)
        group = await add_group(node, actor_id=one, title="Group", member_ids=[other])
        await node.messages.send(to_conversation(other, group))
        cancelled, found = 0, None
        for number in count(1):
            attempt = CancelledAt(node.open_with_unread(Identity(one, new_id())), number)
            found = await opened(attempt)
            if found is not None:
                await found.outlet.close()
            assert not node.hub.outlets, number
            assert not node.hub._subscribers, number
            assert not node.hub._outlets_of, number
            if not attempt.is_cancelled:
                break
            cancelled += 1
        await nobody_is_here(node)

    assert cancelled > 1
    assert found is not None
