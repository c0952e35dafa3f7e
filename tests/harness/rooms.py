"""Conversations at a node, whose members send and mark messages in process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from chat_app.models import Member
from chat_app.node.node import Node
from chat_app.realtime.events import ConversationRead
from tests.harness.chats import Storage
from tests.harness.connected import ConnectedDevice
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, open_node, to_conversation

MESSAGES = 10


@dataclass(frozen=True)
class Room:
    """A conversation at a node; the first of its people has written its messages."""

    node: Node
    people: Sequence[UUID]
    id: UUID

    async def write(self, sender: UUID, count: int = 1) -> int:
        """Store messages; return the end of the conversation."""
        sends = [to_conversation(sender, self.id) for _ in range(count)]
        return max([(await self.node.messages.send(one)).message.seq for one in sends])

    async def read(self, reader: UUID, seq: int) -> None:
        """Mark messages as read."""
        await self.node.conversations.mark_read(actor_id=reader, conversation_id=self.id, seq=seq)

    async def submit(self, reader: UUID, seq: int) -> "asyncio.Future[None]":
        """Queue a mark; without limits this is done before another task runs."""
        return await self.node.conversations.submit_mark(
            actor_id=reader, conversation_id=self.id, seq=seq
        )

    async def unread(self, reader: UUID, seq: int) -> None:
        """Mark messages as unread."""
        await self.node.conversations.mark_unread(actor_id=reader, conversation_id=self.id, seq=seq)

    async def stored(self, reader: UUID) -> tuple[int, int]:
        """Return a member's own mark, and the one that the others see."""
        async with self.node.database.reading() as session:
            row = await session.execute(
                select(col(Member.last_read_seq), col(Member.read_seq)).where(
                    col(Member.conversation_id) == self.id, col(Member.user_id) == reader
                )
            )
        own, shown = row.one()
        return own, shown

    async def received(self, listener: ConnectedDevice) -> list[tuple[UUID, int]]:
        """Return the marks that a device has received so far, by the order of the log.

        The last of the people marks everything as read, and that mark is waited for.
        """
        last = ConversationRead(
            conversation_id=self.id,
            user_id=self.people[-1],
            seq=await self.write(self.people[0]),
        )
        await self.read(last.user_id, last.seq)
        while last not in listener.received:
            await listener.next_events()
        marks = [event for event in listener.received if isinstance(event, ConversationRead)]
        return [(mark.user_id, mark.seq) for mark in marks if mark.user_id != last.user_id]


@contextlib.asynccontextmanager
async def room_of(
    storage: Storage, people: int, *, messages: int = MESSAGES
) -> AsyncIterator[Room]:
    """Yield a group at a node."""
    async with open_node(storage) as node:
        yield await group_at(node, people, messages)


async def group_at(node: Node, people: int, messages: int = MESSAGES) -> Room:
    """Create a group with messages."""
    ids = [await new_user(node) for _ in range(people)]
    group = await add_group(node, actor_id=ids[0], title="room", member_ids=ids)
    room = Room(node, ids, group)
    await room.write(ids[0], messages)
    return room


async def direct_at(node: Node) -> Room:
    """Open a direct conversation with messages."""
    ids = [await new_user(node) for _ in range(2)]
    opened = await node.conversations.open_direct(actor_id=ids[0], user_id=ids[1])
    room = Room(node, ids, opened.conversation.id)
    await room.write(ids[0], MESSAGES)
    return room
