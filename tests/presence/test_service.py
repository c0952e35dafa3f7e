"""Presence: published to those who may see it, once a change."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.core.clock import utc_now
from chat_app.core.errors import Unavailable
from chat_app.friends.relations import MAX_GROUP_SIZE
from chat_app.models import User
from chat_app.node.node import Node
from chat_app.presence import queries, service
from chat_app.realtime.online import Online
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.connected import (
    GRACE,
    QUICK,
    ConnectedDevice,
    befriend,
    block,
    device,
    never_left,
    presence_so_far,
    share_presence,
    until_settled,
)
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, new_users, open_node, to_user


async def last_seen(node: Node, user_id: UUID) -> datetime | None:
    async with node.database.reading() as session:
        return (await session.get_one(User, user_id)).last_seen_at


async def test_a_friend_receives_online_and_offline(node: Node) -> None:
    me, friend = await new_user(node), await new_user(node)
    await befriend(node, me, friend)
    async with device(node, me) as listener:
        async with device(node, friend):
            came = await listener.until_presence(friend, online=True)
            left_at = utc_now()
        gone = await listener.until_presence(friend, online=False)

    assert came.last_seen_at is not None
    assert gone.last_seen_at is not None
    assert left_at <= gone.last_seen_at < utc_now() - GRACE / 2
    assert await last_seen(node, friend) == gone.last_seen_at


async def test_last_seen_is_stored_at_once_at_a_stop(
    storage: Storage,
) -> None:
    """A register that has just begun leaves the telling to whichever node sweeps, much later."""
    async with open_node(storage, **QUICK | {"CHAT_PRESENCE_TTL_SECONDS": "600"}) as node:
        friend = await new_user(node)
        async with device(node, friend):
            left_at = utc_now()
        async with asyncio.timeout(PATIENCE_S):
            while (seen_at := await last_seen(node, friend)) is None:
                await asyncio.sleep(0.05)

    assert left_at <= seen_at


async def test_a_member_of_a_common_conversation_receives_presence(node: Node) -> None:
    me, peer, fellow = [await new_user(node) for _ in range(3)]
    await node.messages.send(to_user(me, peer))
    await add_group(node, actor_id=fellow, title="Lake", member_ids=[me])
    async with device(node, me) as listener:
        async with device(node, peer):
            await listener.until_presence(peer, online=True)
        async with device(node, fellow):
            await listener.until_presence(fellow, online=True)


async def test_strangers_and_the_user_receive_no_presence(node: Node) -> None:
    me, stranger = await new_user(node), await new_user(node)
    async with device(node, me) as listener:
        async with device(node, stranger), device(node, me):
            pass

        assert await presence_so_far(node, listener, me) == []


async def test_presence_of_strangers_begins_when_both_see_a_conversation(node: Node) -> None:
    me, stranger = await new_user(node), await new_user(node)
    await node.conversations.open_direct(actor_id=me, user_id=stranger)
    async with device(node, me) as listener:
        async with device(node, stranger) as theirs:
            assert await presence_so_far(node, listener, me) == []
            assert await presence_so_far(node, theirs, stranger) == []
            node.presence.refresh_user(stranger)
            node.presence.refresh_connected()
            events = await presence_so_far(node, listener, me)
            assert stranger not in {event.user_id for event in events}

            await node.conversations.open_direct(actor_id=stranger, user_id=me)
        await listener.until_presence(stranger, online=False)


@pytest.mark.parametrize("blocker", ["who comes", "who listens"])
async def test_a_block_stops_presence_both_ways(node: Node, blocker: str) -> None:
    me, other = await new_user(node), await new_user(node)
    await node.messages.send(to_user(me, other))
    await befriend(node, me, other)
    await block(node, *((other, me) if blocker == "who comes" else (me, other)))
    async with device(node, me) as listener:
        async with device(node, other):
            pass

        assert await presence_so_far(node, listener, me) == []


async def test_hidden_presence_is_not_published(node: Node) -> None:
    me, friend = await new_user(node), await new_user(node)
    await befriend(node, me, friend)
    await share_presence(node, friend, shared=False)
    async with device(node, me) as listener:
        async with device(node, friend):
            pass

        assert await presence_so_far(node, listener, me) == []
    assert await last_seen(node, friend) is not None


async def test_hiding_and_showing_is_published_at_once(node: Node) -> None:
    me, friend = await new_user(node), await new_user(node)
    await befriend(node, me, friend)
    async with device(node, me) as listener, device(node, friend):
        await listener.until_presence(friend, online=True)

        await share_presence(node, friend, shared=False)
        node.presence.refresh_user(friend)
        hidden = await listener.until_presence(friend, online=None)
        await share_presence(node, friend, shared=True)
        node.presence.refresh_user(friend)
        await listener.until_presence(friend, online=True)

    assert hidden.last_seen_at is None


async def test_a_block_hides_presence_and_unblocking_shows_it(
    node: Node,
) -> None:
    me, other = await new_user(node), await new_user(node)
    await node.messages.send(to_user(me, other))
    async with device(node, me) as mine, device(node, other) as theirs:
        await mine.until_presence(other, online=True)

        await block(node, other, me)
        node.presence.refresh_pair(other, me)

        await mine.until_presence(other, online=None)
        await theirs.until_presence(me, online=None)


async def test_a_block_between_strangers_is_not_disclosed(node: Node) -> None:
    me, stranger = await new_user(node), await new_user(node)
    async with device(node, me) as listener, device(node, stranger):
        await block(node, stranger, me)
        node.presence.refresh_pair(stranger, me)

        assert await presence_so_far(node, listener, me) == []


async def test_new_friends_receive_their_presence(node: Node) -> None:
    me, other = await new_user(node), await new_user(node)
    async with device(node, me) as mine, device(node, other) as theirs:
        await befriend(node, me, other)
        node.presence.refresh_pair(me, other)

        await mine.until_presence(other, online=True)
        await theirs.until_presence(me, online=True)


async def test_a_reload_publishes_nothing(node: Node) -> None:
    me, friend = await new_user(node), await new_user(node)
    await befriend(node, me, friend)
    async with device(node, me) as listener:
        async with device(node, friend):
            await listener.until_presence(friend, online=True)
        async with device(node, friend):
            told = await presence_so_far(node, listener, me)

    assert never_left(told)


async def test_several_devices_of_one_person_are_one_presence(node: Node) -> None:
    me, friend = await new_user(node), await new_user(node)
    await befriend(node, me, friend)
    async with device(node, me) as listener, device(node, friend):
        for _ in range(3):
            async with device(node, friend), device(node, friend):
                pass
        told = await presence_so_far(node, listener, me)

    assert never_left(told)


async def test_presence_is_not_published_in_large_groups(node: Node) -> None:
    me, fellow, *others = await new_users(node, MAX_GROUP_SIZE + 1)
    await add_group(node, actor_id=me, title="All", member_ids=[fellow, *others])
    async with device(node, me) as listener:
        async with device(node, fellow):
            pass
        assert await presence_so_far(node, listener, me) == []

        await add_group(node, actor_id=me, title="Some", member_ids=[fellow, *others[1:]])
        async with device(node, fellow):
            await listener.until_presence(fellow, online=True)


async def test_a_device_at_another_node_counts_and_receives(storage: Storage) -> None:
    if not storage.redis_url:
        return
    async with open_node(storage, **QUICK) as one, open_node(storage, **QUICK) as other:
        await until_settled(one)
        me, friend = await new_user(one), await new_user(one)
        await befriend(one, me, friend)
        async with device(one, me) as listener:
            async with device(one, friend):
                await listener.until_presence(friend, online=True)
                async with device(other, friend):
                    pass
            async with device(other, friend):
                told = await presence_so_far(other, listener, me)
                assert never_left(told)
            await listener.until_presence(friend, online=False)


async def test_a_stopping_node_leaves_its_users_the_grace_period(
    storage: Storage,
) -> None:
    if not storage.redis_url:
        return
    async with open_node(storage, **QUICK) as other:
        await until_settled(other)
        me, stays, goes = [await new_user(other) for _ in range(3)]
        await befriend(other, me, stays)
        await befriend(other, me, goes)
        async with device(other, me) as listener:
            async with open_node(storage, **QUICK) as stopping:
                for friend in (stays, goes):
                    outlet = await stopping.hub.open(user_id=friend, session_id=friend)
                    await stopping.presence.registered(friend)
                    await listener.until_presence(friend, online=True)
                    del outlet
                stopping_at = utc_now()
            stopped_at = utc_now()
            async with device(other, stays):
                gone = await listener.until_presence(goes, online=False)
                told = await presence_so_far(other, listener, me)

    assert never_left(event for event in told if event.user_id == stays)
    assert gone.last_seen_at is not None
    assert stopping_at <= gone.last_seen_at <= stopped_at


@pytest.fixture
def answer_late(monkeypatch: pytest.MonkeyPatch) -> Callable[[Online], "Held"]:
    """Give a function that holds back the next answer of a node's register."""

    def hold(online: Online) -> Held:
        held, ask = Held(), online.filter_connected

        async def filter_connected(user_ids: Iterable[UUID]) -> set[UUID]:
            found = await ask(user_ids)
            if not held.asked.is_set():
                held.asked.set()
                await held.released.wait()
            return found

        monkeypatch.setattr(online, "filter_connected", filter_connected)
        return held

    return hold


class Held:
    """An answer that was asked for and is still on its way."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.released = asyncio.Event()


@pytest.mark.parametrize("told_first", ["that they left", "what a friend sees"])
async def test_the_later_of_two_nodes_presence_wins(
    storage: Storage, answer_late: Callable[[Online], Held], told_first: str
) -> None:
    """One node is about to tell that somebody is away while they come to the other."""
    if not storage.redis_url:
        return
    async with open_node(storage, **QUICK) as slow, open_node(storage, **QUICK) as quick:
        await until_settled(slow)
        me, friend = await new_user(slow), await new_user(slow)
        await befriend(slow, me, friend)
        async with device(quick, me) as listener:
            await quick.presence.registered(me)
            async with device(slow, friend):
                await listener.until_presence(friend, online=True)
                late = answer_late(slow.online)
            if told_first == "what a friend sees":
                late.released.set()
                await listener.until_presence(friend, online=False)
                late = answer_late(slow.online)
                slow.presence.refresh_pair(me, friend)
            await late.asked.wait()
            async with device(quick, friend):
                await listener.until_presence(friend, online=True)
                late.released.set()
                told = await presence_so_far(slow, listener, me)

    assert told[-1].online is True


async def test_presence_waits_for_an_unreachable_database(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, friend = await new_user(node), await new_user(node)
    await befriend(node, me, friend)
    failures = [Unavailable(), RuntimeError("a mistake")]

    async def audience(
        session: AsyncSession, user_ids: Iterable[UUID]
    ) -> list[queries.PresenceView]:
        if failures:
            raise failures.pop()
        return await queries.audience(session, user_ids)

    monkeypatch.setattr(service, "audience", audience)
    async with device(node, me) as listener, device(node, friend):
        await listener.until_presence(friend, online=True)

    assert not failures


async def test_a_reconnect_storm_costs_one_event_per_friend(node: Node) -> None:
    """A circle of people, each a friend of the next: two events a person, however many come."""
    count = 60
    people = [await new_user(node) for _ in range(count)]
    for one, other in zip(people, people[1:] + people[:1], strict=True):
        await befriend(node, one, other)

    outlets = await asyncio.gather(
        *(node.hub.open(user_id=user_id, session_id=user_id) for user_id in people)
    )
    # The last of them was heard of last: by then everybody has been.
    last = ConnectedDevice(outlets[0])
    await last.until_presence(people[-1], online=True)
    told = last.received + [
        event for outlet in outlets[1:] for event in ConnectedDevice(outlet).presence_events()
    ]
    await asyncio.gather(*(outlet.close() for outlet in outlets))

    assert len(told) <= 2 * count
