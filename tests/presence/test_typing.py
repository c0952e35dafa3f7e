"""Typing at several nodes: published as often as at one."""

from dataclasses import replace
from uuid import UUID

import pytest

from chat_app.core.rate_limit import Limit
from chat_app.node.node import Node
from chat_app.presence import typing
from chat_app.realtime.events import Typing
from tests.harness.chats import Storage
from tests.harness.connected import ConnectedDevice, device
from tests.harness.nodes import new_user, open_node, to_user

pytestmark = pytest.mark.parametrize("pair", ["postgres+redis"])


@pytest.fixture(autouse=True)
def _a_long_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one count for an hour: a busy machine takes its time."""
    monkeypatch.setattr(typing, "INTERVAL_S", 3600.0)
    monkeypatch.setattr(typing, "ONE_EVERY", Limit("typing", 1, 3600.0))


async def talk(node: Node, one: UUID, other: UUID) -> UUID:
    """Have somebody write to another; return their conversation."""
    return (await node.messages.send(to_user(one, other))).message.conversation_id


async def heard_typing(listener: ConnectedDevice, user_id: UUID) -> list[UUID]:
    """Listen until somebody writes; return who has written until then, one after the other."""
    while user_id not in (writers := _writers(listener)):
        await listener.next_events()
    return writers


def _writers(listener: ConnectedDevice) -> list[UUID]:
    return [event.user_id for event in listener.received if isinstance(event, Typing)]


async def test_typing_is_limited_over_all_nodes(storage: Storage) -> None:
    async with open_node(storage) as here, open_node(storage) as there:
        alice, bob, carol = [await new_user(here) for _ in range(3)]
        with_alice, with_carol = await talk(here, alice, bob), await talk(here, carol, bob)
        async with device(here, bob) as listener:
            await here.presence.typing(actor_id=alice, conversation_id=with_alice)
            # Taken out of the queue, where the next would take its place.
            await heard_typing(listener, alice)
            await there.presence.typing(actor_id=alice, conversation_id=with_alice)
            await there.presence.typing(actor_id=carol, conversation_id=with_carol)

            # Whatever the other node had told of Alice would have come before Carol.
            assert await heard_typing(listener, carol) == [alice, carol]


async def test_typing_is_published_without_redis(storage: Storage) -> None:
    async with open_node(replace(storage, redis_url="redis://127.0.0.1:1/0")) as node:
        alice, bob = await new_user(node), await new_user(node)
        together = await talk(node, alice, bob)
        async with device(node, bob) as listener:
            await node.presence.typing(actor_id=alice, conversation_id=together)

            assert await heard_typing(listener, alice) == [alice]
