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

PEOPLE = 5


async def taken(outlet: Outlet, count: int) -> list[AnyEvent]:
    """Return the next events."""
    events: list[AnyEvent] = []
    while len(events) < count:
        events += [event for one in await outlet.take() for event in decode(one.body)]
    return events


async def test_many_views_hold_up_no_other_event(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_begin, made = asyncio.Semaphore(0), 0

    async def slow(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  # those of the function
        nonlocal made
        await may_begin.acquire()
        made += 1
        return await get_conversation(*arguments, **named)

    async with open_still_node(storage) as node:
        people, bob = [await new_user(node) for _ in range(PEOPLE)], await new_user(node)
        for person in people:
            await node.messages.send(to_user(person, bob))
        await node.tail.close()
        await node.tail.read()
        monkeypatch.setattr(view_updates, "get_conversation", slow)
        async with (
            asyncio.timeout(PATIENCE_S),
            await node.open_outlet(Identity(bob, new_id())) as outlet,
        ):
            for name in ("Once", "Twice", "Anew"):
                for person in people:
                    changes = ProfileChange(display_name=name)
                    await node.accounts.change_profile(actor_id=person, changes=changes)
            await node.tail.read()
            await node.friends.request(actor_id=people[0], user_id=bob)
            reading = asyncio.create_task(node.tail.read())
            # The tail waits for one view, the one under way, and not for those that follow.
            may_begin.release()
            await reading
            requested = False
            while not requested:
                requested = any(isinstance(one, FriendRequested) for one in await taken(outlet, 1))
            assert made <= 1

            for _ in people:
                may_begin.release()
            names: list[str] = []
            while names.count("Anew") < PEOPLE - 1:
                for event in await taken(outlet, 1):
                    assert isinstance(event, ConversationUpdated)
                    names += [card.display_name for card in event.conversation.members]
    # What changed again while it waited is made once.
    assert made == PEOPLE


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
