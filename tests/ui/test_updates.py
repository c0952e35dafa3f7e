"""Screens follow the news by pure functions: applying the events equals loading afresh.

A random but repeatable talk runs on a real node; beside it one screen applies every event that its
user hears. After each step what it shows must be what a fresh load would show.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest_asyncio

from chat_app.accounts.schemas import Device, Identity, Registration
from chat_app.conversations.queries import get_conversation, list_conversations
from chat_app.core.settings import Settings
from chat_app.messages.queries import history
from chat_app.messages.schemas import Outgoing
from chat_app.node import Node, running_node
from chat_app.realtime.events import AnyEvent, decode
from chat_app.realtime.hub import Outlet
from chat_app.ui.conversations import updates as conversation_updates
from chat_app.ui.messages import updates as message_updates
from chat_app.ui.messages.window import LONGEST, Window
from tests.clients import PASSWORD
from tests.conftest import Storage

STEPS = 60


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Give a running node on fresh storage."""
    settings = Settings(
        data_dir=storage.folder,
        database_url=storage.database_url or f"sqlite+aiosqlite:///{storage.folder}/chat.db",
        redis_url=storage.redis_url,
        secret_key="kXw3_vB7qLr0ZtYdP9mNcHs5Ua-J2eGfT8oIi4RzQbW6xEyVjAhSgDlKuMpOnC1k",
        limits="off",
    )
    async with running_node(settings) as running:
        yield running


async def person(node: Node, name: str) -> UUID:
    """Return a new user."""
    signed_in = await node.accounts.register(
        Registration(username=name, password=PASSWORD, tokens=False), device=Device()
    )
    return signed_in.user.id


async def heard(outlet: Outlet) -> list[AnyEvent]:
    """Return what has come, once something has and nothing more does."""
    events: list[AnyEvent] = []
    wait = 5.0
    while True:
        try:
            taken = await asyncio.wait_for(outlet.take(), wait)
        except TimeoutError:
            return events
        events += [decode(envelope.body) for envelope in taken]
        wait = 0.05
