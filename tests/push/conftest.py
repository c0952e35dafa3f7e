"""Fixtures of push: a push service, and a node that trusts it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chat_app.node.node import Node
from chat_app.push import push_service
from tests.harness.chats import Storage
from tests.harness.nodes import open_node
from tests.harness.push import PushServer, trust_push_server


@pytest_asyncio.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PushServer]:
    """Give a push service that nodes trust."""
    trust_push_server(monkeypatch)
    monkeypatch.setenv("CHAT_PUSH_HOSTS", "127.0.0.1")
    async with PushServer.running() as service:
        yield service


@pytest_asyncio.fixture
async def node(storage: Storage, service: PushServer) -> AsyncIterator[Node]:
    """Give a running node; it repeats what a push service cannot take at once."""
    del service
    async with open_node(storage) as node:
        yield node


@pytest.fixture
def patient_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let deliveries wait for an answer until the test gives it."""
    monkeypatch.setattr(push_service, "ANSWER_S", 60.0)
