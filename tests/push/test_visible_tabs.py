"""Visible tabs in the database: how long they are valid, and what a failure leaves."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.models import PushSubscription
from chat_app.node.node import Node
from chat_app.push import store, visible_tabs
from tests.harness.chats import Storage
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import open_node
from tests.harness.push import PushServer
from tests.harness.subscribers import Reader, reader_of


async def visible_until(reader: Reader) -> datetime | None:
    """Return until when a tab of a device is visible."""
    of_session = col(PushSubscription.session_id) == reader.identity.session_id
    async with reader.node.database.reading() as session:
        return await session.scalar(select(col(PushSubscription.visible_until)).where(of_session))


async def visible_from(reader: Reader, after: datetime) -> datetime:
    """Wait until a tab of a device is visible for longer than that; return for how long."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            until = await visible_until(reader)
            if until is not None and until > after:
                return until
            await asyncio.sleep(0.02)


async def test_a_steady_tab_stays_visible_while_others_change(
    storage: Storage, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_tabs, "REPEAT_S", 0.5)
    async with open_node(storage) as node:
        mira, other = await reader_of(node, service), await reader_of(node, service, "other")
        node.visible_tabs.show("steady", mira.identity.session_id)
        until = await visible_from(mira, utc_now())

        async def change() -> None:
            while True:
                node.visible_tabs.show("restless", other.identity.session_id)
                await asyncio.sleep(0.05)

        changing = asyncio.create_task(change())
        try:
            for _ in range(2):
                until = await visible_from(mira, until)
        finally:
            changing.cancel()


async def test_a_tab_that_was_hidden_while_the_database_was_away_is_stored(
    node: Node, service: PushServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mira = await reader_of(node, service)
    node.visible_tabs.show("a tab", mira.identity.session_id)
    await visible_from(mira, utc_now())
    real, failures = store.show, iter([Unavailable])

    async def fail_once(
        database: Database, session_ids: Collection[UUID], *, until: datetime | None
    ) -> None:
        for failure in failures:
            raise failure
        await real(database, session_ids, until=until)

    monkeypatch.setattr(store, "show", fail_once)
    # No repetition helps.
    monkeypatch.setattr(visible_tabs, "REPEAT_S", 3_600.0)
    node.visible_tabs.hide("a tab")

    async with asyncio.timeout(PATIENCE_S):
        while await visible_until(mira) is not None:
            await asyncio.sleep(0.02)
