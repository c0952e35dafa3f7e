"""Updates of views: made beside the change log, which they do not hold up."""

import asyncio
from typing import Any

import pytest

from chat_app.accounts.schemas import Identity, ProfileChange
from chat_app.conversations import view_updates
from chat_app.conversations.queries import get_conversation
from chat_app.core.ids import new_id
from chat_app.realtime.events import AnyEvent, ConversationUpdated, FriendRequested, decode
from chat_app.realtime.outlet import Outlet
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user, open_still_node, to_user


async def taken(outlet: Outlet, count: int) -> list[AnyEvent]:
    """Return the next events."""
    events: list[AnyEvent] = []
    while len(events) < count:
        events += [event for one in await outlet.take() for event in decode(one.body)]
    return events


async def test_views_that_take_long_hold_up_no_other_event(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_go_on, made = asyncio.Event(), asyncio.Event(), 0

    async def slow(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  # those of the function
        nonlocal made
        made += 1
        began.set()
        await may_go_on.wait()
        return await get_conversation(*arguments, **named)

    async with open_still_node(storage) as node:
        alice, bob = await new_user(node, "Alice"), await new_user(node, "Bob")
        await node.messages.send(to_user(alice, bob))
        await node.tail.close()
        await node.tail.read()
        monkeypatch.setattr(view_updates, "get_conversation", slow)
        async with (
            asyncio.timeout(PATIENCE_S),
            await node.open_outlet(Identity(bob, new_id())) as outlet,
        ):
            for name in ("Alice A.", "Alice B.", "Alice C."):
                await node.accounts.change_profile(
                    actor_id=alice, changes=ProfileChange(display_name=name)
                )
                await node.tail.read()
                await began.wait()
            await node.friends.request(actor_id=alice, user_id=bob)
            await node.tail.read()

            [first] = await taken(outlet, 1)
            assert isinstance(first, FriendRequested)
            may_go_on.set()
            updates = [
                one for one in await taken(outlet, 2) if isinstance(one, ConversationUpdated)
            ]
            names = [card.display_name for card in updates[-1].conversation.members]
            assert "Alice C." in names
    # What changed again while it waited is made once.
    assert made == 2


async def test_too_many_waiting_views_let_devices_load_everything(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_updates, "MAX_WAITING", 0)
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob))
        await node.tail.close()
        await node.tail.read()
        async with await node.open_outlet(Identity(bob, new_id())) as outlet:
            changes = ProfileChange(display_name="Anew")
            await node.accounts.change_profile(actor_id=alice, changes=changes)
            await node.tail.read()

            assert outlet.is_too_slow
