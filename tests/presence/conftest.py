"""Fixtures of the presence tests: a node with a short grace period, and devices."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest_asyncio

from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.connected import QUICK, until_settled
from tests.harness.nodes import open_node


@pytest_asyncio.fixture
async def node(storage: Storage) -> AsyncIterator[Node]:
    """Yield a node with a short grace period."""
    async with open_node(storage, **QUICK) as node:
        await until_settled(node)
        yield node


@pytest_asyncio.fixture
async def devices() -> AsyncIterator[AsyncExitStack]:
    """Yield a stack that closes the devices at the end."""
    async with AsyncExitStack() as stack:
        yield stack
