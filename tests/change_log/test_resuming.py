"""Nodes that cannot read all of the change log: their devices resume."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, text

from chat_app.accounts.schemas import Identity
from chat_app.change_log import tail
from chat_app.core import clock
from chat_app.core.ids import new_id
from chat_app.core.maintenance import Maintenance
from chat_app.models import Change
from chat_app.node.parts import JOBS
from chat_app.realtime.events import (
    MessageCreated,
)
from tests.harness.chats import Storage
from tests.harness.far_apart import far_apart, heard
from tests.harness.nodes import to_user


async def test_a_node_that_is_too_far_behind_lets_its_devices_resume(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MAX_BEHIND", 3)
    async with far_apart(storage) as far:
        await far.there.tail.close()
        for text in ("one", "two", "three", "four"):
            await far.here.messages.send(to_user(far.alice, far.bob, text))

        assert await far.there.tail.read() == 0

        assert far.device.is_too_slow
        sent = await far.here.messages.send(to_user(far.alice, far.bob, "five"))
        device = await far.there.open_outlet(Identity(far.bob, new_id()))
        assert await far.there.tail.read() == 1
        assert await heard(device, 1) == [MessageCreated(message=sent.message)]


async def test_a_log_that_was_emptied_by_hand_makes_devices_resume(storage: Storage) -> None:
    async with far_apart(storage) as far:
        await far.here.messages.send(to_user(far.alice, far.bob, "one"))
        await heard(far.device, 2)
        await far.there.tail.close()
        await far.here.messages.send(to_user(far.alice, far.bob, "two"))
        async with far.here.database.writing() as session:
            await session.execute(delete(Change))

        await far.there.tail.read()

        assert far.device.is_too_slow


async def test_a_log_that_counts_from_the_beginning_again_makes_devices_resume(
    storage: Storage,
) -> None:
    restarts = {
        "sqlite": "DELETE FROM sqlite_sequence WHERE name = 'change_log'",
        "postgresql": "ALTER SEQUENCE change_log_position_seq RESTART",
    }
    async with far_apart(storage) as far:
        for text_sent in ("one", "two", "three"):
            await far.here.messages.send(to_user(far.alice, far.bob, text_sent))
        await heard(far.device, 4)
        await far.there.tail.close()
        await far.here.messages.send(to_user(far.alice, far.bob, "four"))
        async with far.here.database.writing() as session:
            await session.execute(delete(Change))
            await session.execute(text(restarts[far.here.database.dialect]))
        await far.here.messages.send(to_user(far.alice, far.bob, "five"))

        await far.there.tail.read()

        assert far.device.is_too_slow


async def test_a_node_that_was_stopped_until_entries_were_removed_makes_devices_resume(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log was empty when it began to read: nothing in the table shows that entries are gone."""
    async with far_apart(storage) as far:
        await far.there.tail.close()
        for text in ("one", "two", "three"):
            await far.here.messages.send(to_user(far.alice, far.bob, text))
        tomorrow = datetime.now(UTC) + timedelta(hours=25)
        monkeypatch.setattr(clock, "machine_now", lambda: tomorrow)
        removed = await Maintenance(far.here.database, JOBS).remove_expired()
        assert removed["change_log"] > 0

        await far.there.tail.read()

        assert far.device.is_too_slow


async def test_a_wall_clock_that_was_set_back_does_not_hide_how_long_a_node_was_stopped(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with far_apart(storage) as far:
        await far.there.tail.close()
        yesterday = datetime.now(UTC) - timedelta(hours=25)
        monkeypatch.setattr(clock, "machine_now", lambda: yesterday)
        later = time.monotonic() + tail.MAX_UNREAD_S + 1
        monkeypatch.setattr(tail, "time", SimpleNamespace(monotonic=lambda: later))

        await far.there.tail.read()

        assert far.device.is_too_slow
