"""Outlet with a direct writer: envelopes are written at once and in order, or queued."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from chat_app.realtime.broker import MemoryBroker
from chat_app.realtime.events import Delivery, Envelope
from chat_app.realtime.hub import Hub
from chat_app.realtime.outlet import SESSION_OVER, Outlet, OutletClosed

ALICE, BOB = uuid4(), uuid4()


@dataclass
class Link:
    """A socket that accepts every body, or none while it is `full`."""

    is_full: bool = False
    written: list[bytes] = field(default_factory=list)

    def write(self, body: bytes) -> bool:
        """Accept a body; return whether it was."""
        if not self.is_full:
            self.written.append(body)
        return not self.is_full


@pytest.fixture
def hub() -> Hub:
    return Hub(MemoryBroker())


@pytest.fixture
async def outlet(hub: Hub) -> Outlet:
    return await hub.open(user_id=ALICE, session_id=uuid4())


async def reader_of(outlet: Outlet) -> "asyncio.Task[list[Envelope]]":
    """Return a task that waits for envelopes."""
    reader = asyncio.create_task(outlet.take())
    await asyncio.sleep(0)
    return reader


async def test_an_envelope_is_written_at_once_while_the_reader_waits(outlet: Outlet) -> None:
    link = Link()
    outlet.write_with(link.write)
    reader = await reader_of(outlet)

    outlet.push(Envelope(b"one"))
    outlet.push(Envelope(b"two"))

    assert link.written == [b"one", b"two"]
    outlet.close_after_queue(SESSION_OVER, "over")
    with pytest.raises(OutletClosed):
        await reader


async def test_an_envelope_is_queued_while_the_reader_is_busy(outlet: Outlet) -> None:
    link = Link()
    outlet.write_with(link.write)

    outlet.push(Envelope(b"one"))

    assert link.written == []
    assert [envelope.body for envelope in await outlet.take()] == [b"one"]


async def test_no_envelope_overtakes_one_that_a_full_link_refused(outlet: Outlet) -> None:
    link = Link(is_full=True)
    outlet.write_with(link.write)
    reader = await reader_of(outlet)

    outlet.push(Envelope(b"one"))
    link.is_full = False
    outlet.push(Envelope(b"two"))

    assert link.written == []
    assert [envelope.body for envelope in await reader] == [b"one", b"two"]


async def test_an_envelope_that_was_written_at_once_counts_as_delivered() -> None:
    delivered: list[Delivery] = []
    hub = Hub(MemoryBroker(), on_delivered=delivered.append)
    outlet = await hub.open(user_id=ALICE, session_id=uuid4())
    outlet.write_with(Link().write)
    reader = await reader_of(outlet)
    delivery = Delivery(uuid4(), ALICE, BOB, 7)

    outlet.push(Envelope(b"for alice", delivers=delivery))

    assert delivered == [delivery]
    reader.cancel()


async def test_the_last_envelope_of_a_session_is_written_before_its_end(outlet: Outlet) -> None:
    link = Link()
    outlet.write_with(link.write)
    reader = await reader_of(outlet)

    outlet.close_with(Envelope(b"over", ends=True))
    outlet.push(Envelope(b"too late"))

    assert link.written == [b"over"]
    with pytest.raises(OutletClosed) as ended:
        await reader
    assert ended.value.code == SESSION_OVER
