"""Users whose devices are subscribed to push, and what a node counts of their pushes."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from chat_app.accounts.schemas import Device, Identity, ProfileChange
from chat_app.accounts.store import open_session
from chat_app.messages.schemas import NewMessage
from chat_app.node.node import Node
from chat_app.push.schemas import SubscriptionRequest
from tests.harness.clients import PATIENCE_S
from tests.harness.nodes import new_user
from tests.harness.push import Browser, PushServer


@dataclass
class Reader:
    """A user with one device, and its browser."""

    node: Node
    identity: Identity
    browser: Browser

    @property
    def id(self) -> UUID:
        return self.identity.user_id

    async def change(self, **changes: object) -> None:
        """Change settings of the user."""
        data = ProfileChange.model_validate(changes)
        await self.node.accounts.change_profile(actor_id=self.id, changes=data)


async def sign_in(node: Node, user_id: UUID) -> Identity:
    """Open a session of a user."""
    async with node.database.writing() as session:
        session_id, _ = open_session(
            session, user_id=user_id, device=Device("a browser", "::1"), lifetime=timedelta(days=1)
        )
    return Identity(user_id, session_id)


async def reader_of(node: Node, service: PushServer, name: str = "phone") -> Reader:
    """Return a new user with a device that is subscribed."""
    identity = await sign_in(node, await new_user(node, "Reader"))
    return Reader(node, identity, await subscribe(node, service, identity, name))


async def subscribe(node: Node, service: PushServer, identity: Identity, name: str) -> Browser:
    """Subscribe a new browser of a session."""
    browser = service.browser(name)
    data = SubscriptionRequest.model_validate(browser.subscription)
    await node.push_subscriptions.put(identity, data)
    return browser


async def send(node: Node, message: NewMessage) -> str:
    return str((await node.messages.send(message)).message.id)


async def until_waiting(node: Node, count: int) -> None:
    """Wait until so many pushes wait."""
    waiting = node.metrics.readings["chat_push_queue_pushes"]
    async with asyncio.timeout(PATIENCE_S):
        while waiting.read()[""] != count:
            await asyncio.sleep(0.01)


async def until_outcome(node: Node, outcome: str, count: int = 1) -> None:
    """Wait until so many pushes have come to an outcome."""
    outcomes = node.metrics.counter_families["chat_pushes_total"]
    async with asyncio.timeout(PATIENCE_S):
        while outcomes.of(outcome).value < count:
            await asyncio.sleep(0.01)
