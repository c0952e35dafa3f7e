"""Hub and outlets: subscriptions, order, bounds, and the end of a session."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from chat_app.realtime.broker import MemoryBroker
from chat_app.realtime.events import Envelope, conversation_topic, session_topic, user_topic
from chat_app.realtime.hub import Hub
from chat_app.realtime.outlet import (
    QUEUE_BYTES,
    QUEUE_EVENTS,
    SESSION_OVER,
    TOO_SLOW,
    Outlet,
    OutletClosed,
)

ALICE, BOB, SESSION = uuid4(), uuid4(), uuid4()


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


@pytest.fixture
def hub(broker: MemoryBroker) -> Hub:
    return Hub(broker)


async def opened(hub: Hub, user_id: UUID = ALICE, session_id: UUID | None = None) -> Outlet:
    return await hub.open(user_id=user_id, session_id=session_id or uuid4())


async def bodies(outlet: Outlet) -> list[bytes]:
    return [envelope.body for envelope in await outlet.take()]


async def test_every_device_of_the_user_and_no_other_receives_an_envelope(
    hub: Hub, broker: MemoryBroker
) -> None:
    one, other, stranger = await opened(hub), await opened(hub), await opened(hub, BOB)

    broker.publish([user_topic(ALICE)], Envelope(b"news"))
    broker.publish([user_topic(BOB)], Envelope(b"for bob"))

    assert await bodies(one) == await bodies(other) == [b"news"]
    assert await bodies(stranger) == [b"for bob"]


async def test_an_event_is_not_delivered_to_the_outlet_that_caused_it(
    hub: Hub, broker: MemoryBroker
) -> None:
    one, other = await opened(hub), await opened(hub)

    broker.publish([user_topic(ALICE)], Envelope(b"mine", origin=one.id))
    broker.publish([user_topic(ALICE)], Envelope(b"next"))

    assert await bodies(one) == [b"next"]
    assert await bodies(other) == [b"mine", b"next"]


async def test_a_reader_that_waits_is_woken(hub: Hub, broker: MemoryBroker) -> None:
    outlet = await opened(hub)
    waiting = asyncio.create_task(bodies(outlet))
    await asyncio.sleep(0)

    broker.publish([user_topic(ALICE)], Envelope(b"late"))

    assert await waiting == [b"late"]


async def test_a_mergeable_envelope_is_replaced_by_its_successor(hub: Hub) -> None:
    outlet = await opened(hub)

    outlet.push(Envelope(b"bob types", merge="typing:bob"))
    outlet.push(Envelope(b"hello"))
    outlet.push(Envelope(b"bob still types", merge="typing:bob"))

    assert await bodies(outlet) == [b"hello", b"bob still types"]


async def test_mergeable_envelopes_are_dropped_first_under_pressure(hub: Hub) -> None:
    outlet = await opened(hub)
    outlet.push(Envelope(b"typing", merge="typing:bob"))

    for _ in range(QUEUE_EVENTS):
        outlet.push(Envelope(b"message"))

    assert await bodies(outlet) == [b"message"] * QUEUE_EVENTS


@pytest.mark.parametrize(
    "flood", [[b"x"] * (QUEUE_EVENTS + 1), [b"x" * 1024] * (QUEUE_BYTES // 1024 + 1)]
)
async def test_the_outlet_of_a_slow_reader_is_closed_and_emptied(
    hub: Hub, flood: list[bytes]
) -> None:
    slow, other = await opened(hub), await opened(hub, BOB)

    for body in flood:
        slow.push(Envelope(body))
    other.push(Envelope(b"fine"))

    with pytest.raises(OutletClosed) as closed:
        await slow.take()
    assert closed.value.code == TOO_SLOW
    assert await bodies(other) == [b"fine"]


async def test_the_end_of_a_session_is_delivered_and_closes_its_outlets_alone(
    hub: Hub, broker: MemoryBroker
) -> None:
    ended, kept = await opened(hub, session_id=SESSION), await opened(hub)

    broker.publish([session_topic(SESSION)], Envelope(b"over", ends=True))
    broker.publish([user_topic(ALICE)], Envelope(b"secret"))

    assert await bodies(ended) == [b"over"]
    with pytest.raises(OutletClosed) as closed:
        await ended.take()
    assert closed.value.code == SESSION_OVER
    assert await bodies(kept) == [b"secret"]


async def test_the_end_of_a_session_drops_what_was_queued(hub: Hub, broker: MemoryBroker) -> None:
    outlet = await opened(hub, ALICE, SESSION)
    broker.publish([user_topic(ALICE)], Envelope(b"before"))

    broker.publish([session_topic(SESSION)], Envelope(b"over", ends=True))
    broker.publish([user_topic(ALICE)], Envelope(b"after"))

    assert await bodies(outlet) == [b"over"]
    with pytest.raises(OutletClosed):
        await outlet.take()


async def test_an_envelope_subscribes_its_receivers_to_the_topic_it_names(
    hub: Hub, broker: MemoryBroker
) -> None:
    outlet = await opened(hub)
    topic = conversation_topic(uuid4())

    broker.publish([user_topic(ALICE)], Envelope(b"welcome", join=topic))
    await asyncio.sleep(0)
    broker.publish([topic], Envelope(b"first"))

    assert await bodies(outlet) == [b"welcome", b"first"]


async def test_an_own_batch_reaches_those_who_joined_late_and_are_still_there(
    hub: Hub, broker: MemoryBroker
) -> None:
    staying, leaving = await opened(hub), await opened(hub, BOB)
    topic = conversation_topic(uuid4())
    for user_id in (ALICE, BOB, ALICE):
        broker.publish([user_topic(user_id)], Envelope(b"welcome", join=topic))
    broker.publish([user_topic(BOB)], Envelope(b"removed", leave=topic))

    hub.deliver_to_late(topic, Envelope(b"first"), joined_after=0)

    assert await bodies(staying) == [b"welcome", b"welcome", b"first"]
    assert await bodies(leaving) == [b"welcome", b"removed"]


async def test_a_late_member_gets_no_change_of_an_older_message(
    hub: Hub, broker: MemoryBroker
) -> None:
    outlet, topic = await opened(hub), conversation_topic(uuid4())
    concealed: list[object] = []
    hub.on_concealed = lambda *what: concealed.append(what)
    broker.publish([user_topic(ALICE)], Envelope(b"welcome", join=topic, since=5))

    hub.deliver_to_late(topic, Envelope(b"edited", seq=4), joined_after=0)
    hub.deliver_to_late(topic, Envelope(b"edited too", seq=5), joined_after=0)

    assert await bodies(outlet) == [b"welcome", b"edited too"]
    assert concealed == [(topic, ALICE)]


async def test_a_member_who_is_added_again_may_read_what_they_are_told_then(
    hub: Hub, broker: MemoryBroker
) -> None:
    outlet, topic = await opened(hub), conversation_topic(uuid4())
    broker.publish([user_topic(ALICE)], Envelope(b"removed", leave=topic))
    # Its memberships were loaded before.
    await hub.subscribe(outlet, [topic], since={topic: 5})
    broker.publish([user_topic(ALICE)], Envelope(b"welcome", join=topic))

    broker.publish([topic], Envelope(b"edited", seq=4))

    assert await bodies(outlet) == [b"removed", b"welcome", b"edited"]


async def test_a_closed_outlet_leaves_nothing_behind(hub: Hub, broker: MemoryBroker) -> None:
    async with await opened(hub):
        assert len(hub.outlets) == 1

    broker.publish([user_topic(ALICE)], Envelope(b"nobody is here"))

    assert hub.outlets == set()
    assert hub._subscribers == {}  # the leak this test is about shows nowhere else


async def test_a_stopping_hub_closes_outlets_after_what_was_queued(hub: Hub) -> None:
    outlet = await opened(hub)
    outlet.push(Envelope(b"last"))

    await hub.close()

    assert await bodies(outlet) == [b"last"]
    with pytest.raises(OutletClosed) as closed:
        await outlet.take()
    assert closed.value.code == 1012


async def test_an_outlet_whose_subscription_fails_is_removed() -> None:
    class BrokenBroker(MemoryBroker):
        async def subscribe(self, topics: Sequence[str]) -> None:
            raise RuntimeError(str(topics))

    broken = Hub(BrokenBroker())
    with pytest.raises(RuntimeError):
        await opened(broken)

    assert not broken.outlets
    assert not broken.has_subscribers(user_topic(ALICE))
