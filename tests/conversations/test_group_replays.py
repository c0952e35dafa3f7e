"""Replays of groups that somebody leaves or joins while they are loaded."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from chat_app.accounts.schemas import Identity
from chat_app.api import resume as resume_module
from chat_app.api.resume import resume
from chat_app.conversations.groups.queries import former_groups
from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.core.ids import new_id
from chat_app.messages import replay
from chat_app.messages.queries import changes_since
from chat_app.node.node import Node
from chat_app.realtime.events import AnyEvent, ConversationRemoved, ConversationUpdated, decode
from chat_app.realtime.outlet import Outlet
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_users, open_node, to_conversation

Loaded = Callable[..., Awaitable[Any]]


def then(load: Loaded, work: Callable[[], Awaitable[object]]) -> Loaded:
    """Return a function that loads, and works before it returns."""

    async def load_and_work(*args: object, **names: object) -> Any:  # noqa: ANN401  # as loaded
        loaded = await load(*args, **names)
        await work()
        return loaded

    return load_and_work


async def make_group(node: Node, owner: UUID, *members: UUID) -> UUID:
    """Return a new group with a notice and a message."""
    request = GroupRequest.model_validate(
        {"kind": "group", "title": "Choir", "member_ids": list(members)}
    )
    group = await node.groups.create(actor_id=owner, data=request)
    await node.messages.send(to_conversation(owner, group.id))
    return group.id


async def replayed(
    node: Node, identity: Identity, outlet: Outlet, cursors: dict[UUID, int]
) -> list[AnyEvent]:
    """Replay what follows some cursors; return the events that the outlet receives meanwhile."""
    events: list[AnyEvent] = []

    async def read() -> None:
        while True:
            events.extend(event for one in await outlet.take() for event in decode(one.body))

    reading = asyncio.create_task(read())
    async with asyncio.timeout(PATIENCE_S):
        await resume(cursors, node, identity, outlet, generation=None)
        await outlet.drained()
    reading.cancel()
    return events


@pytest.mark.parametrize("most", [500, 0])
async def test_a_group_that_was_left_meanwhile_is_not_replayed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(replay, "MAX_CHANGES", most)
    async with open_node(storage) as node:
        owner, me = await new_users(node, 2)
        group_id = await make_group(node, owner, me)
        identity = Identity(me, new_id())

        async def remove() -> None:
            await node.groups.remove_member(actor_id=owner, conversation_id=group_id, user_id=me)

        loading = then(changes_since, remove)
        monkeypatch.setattr(replay, "changes_since", loading)
        async with await node.open_outlet(identity) as outlet:
            events = await replayed(node, identity, outlet, {})

    assert events == [ConversationRemoved(conversation_id=group_id, reason="removed")]


async def test_a_group_that_was_joined_again_meanwhile_is_not_removed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_node(storage) as node:
        owner, me = await new_users(node, 2)
        group_id = await make_group(node, owner, me)
        identity = Identity(me, new_id())
        at = {"actor_id": owner, "conversation_id": group_id}
        await node.groups.remove_member(**at, user_id=me)

        async def add() -> None:
            await node.groups.add_members(**at, user_ids=[me])

        loading = then(former_groups, add)
        monkeypatch.setattr(resume_module, "former_groups", loading)
        async with await node.open_outlet(identity) as outlet:
            events = await replayed(node, identity, outlet, {group_id: 2})

    assert not any(isinstance(event, ConversationRemoved) for event in events)
    assert any(isinstance(event, ConversationUpdated) for event in events)
