"""Searches of messages at a running node, after what was sent before is in the index."""

import asyncio
from uuid import UUID

from chat_app.node.node import Node
from chat_app.search.schemas import FoundMessage
from tests.harness.clients import PATIENCE_S, Person
from tests.harness.nodes import to_user

POLL_S = 0.02


async def until_indexed(node: Node, *, one: UUID, other: UUID) -> None:
    """Send a message between two users, and wait until it is found: then all before it are."""
    sent = (await node.messages.send(to_user(one, other))).message
    word = f"indexed{sent.id.hex}"
    await node.messages.edit(actor_id=one, message_id=sent.id, content=word)
    async with asyncio.timeout(PATIENCE_S):
        while not await all_found(node, one, word):
            await asyncio.sleep(POLL_S)
    await node.messages.delete(actor_id=one, message_id=sent.id)


async def all_found(
    node: Node, viewer_id: UUID, text: str, *, limit: int = 100
) -> list[FoundMessage]:
    """Return everything that a search finds, page by page."""
    found: list[FoundMessage] = []
    before: str | None = None
    while True:
        page = await node.search.find(viewer_id=viewer_id, text=text, before=before, limit=limit)
        assert len(page.items) <= limit
        found += page.items
        before = page.next_before
        if before is None:
            return found


async def contents_found(person: Person, text: str) -> list[str]:
    """Return the texts that a search over HTTP finds."""
    reply = await person.http.get("/api/search", params={"q": text})
    assert reply.status_code == 200, reply.text
    return [found["message"]["content"] for found in reply.json()["items"]]


async def until_found(person: Person, text: str, *wanted: str) -> None:
    """Wait until a search finds exactly these texts, in any order."""
    found: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (found := await contents_found(person, text)) or wanted:
                if sorted(found) == sorted(wanted):
                    return
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        assert sorted(found) == sorted(wanted), text
