"""Receipts of delivery: what devices were handed, stored and told together, a few times a second.

Nothing of this is in the way of a message: doors only note, and a task of its own writes. Only
direct conversations have such receipts (docs/decisions/0009).
"""

import asyncio
import contextlib
import functools
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import BigInteger, Select, Uuid, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from chat_app.conversations.direct import peer_of
from chat_app.core.database import Database
from chat_app.core.errors import AppError
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.friends.relations import blocked_between
from chat_app.models import Conversation, Member
from chat_app.models.tables import CONVERSATIONS, MEMBERS
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import ConversationDelivered, Delivery, make_envelope, user_topic
from chat_app.realtime.shapes import Message

INTERVAL_S = 0.3
# More than this at once are not noted: the next list or page that the receiver loads says so again.
MOST = 10_000
REMEMBERED = 100_000


log = structlog.get_logger(__name__)


class Key(NamedTuple):
    """Who receives, and where."""

    conversation_id: UUID
    user_id: UUID


class Deliveries:
    """Collects what was handed to devices; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._waiting: dict[Key, Delivery] = {}
        # What is stored already: every other device that gets the same message asks for nothing.
        self._stored: dict[Key, int] = {}
        self._noted = asyncio.Event()
        self._closing = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start writing."""
        self._writer = asyncio.create_task(self._write_for_ever(), name="deliveries")

    def note(self, delivery: Delivery) -> None:
        """Note what a device of its receiver has; it is stored and told soon."""
        key = Key(delivery.conversation_id, delivery.user_id)
        waiting = self._waiting.get(key)
        known = max(waiting.seq if waiting else 0, self._stored.get(key, 0))
        if delivery.seq <= known or (waiting is None and len(self._waiting) >= MOST):
            return
        self._waiting[key] = delivery
        self._noted.set()

    def note_page(self, messages: Iterable[Message], *, viewer_id: UUID) -> None:
        """Note a page of messages, in rising `seq`, that `viewer_id` was given."""
        for message in reversed(list(messages)):
            delivery = delivery_of(message)
            if delivery is not None and delivery.user_id == viewer_id:
                self.note(delivery)
                return

    async def note_all(self, session: AsyncSession, *, viewer_id: UUID) -> None:
        """Note that `viewer_id` sees a list of conversations: the newest message of each."""
        rows = await session.execute(_pending(viewer_id))
        for conversation_id, key, seq in rows:
            peer_id = peer_of(key, viewer_id)
            if peer_id is not None:
                self.note(Delivery(conversation_id, viewer_id, peer_id, seq))

    async def close(self) -> None:
        """Store what waits, if that can be done at once, and end."""
        self._closing.set()
        self._noted.set()
        if self._writer is not None:
            await self._writer

    async def _write_for_ever(self) -> None:
        while not self._closing.is_set():
            await self._noted.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._closing.wait()
            self._noted.clear()
            await self._flush()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            fresh = await self._database.transact(functools.partial(_store, list(waiting.values())))
        except AppError:
            # The next list or page that the receiver loads says the same again.
            log.warning("deliveries.not_stored", receipts=len(waiting))
            return
        if len(self._stored) + len(waiting) > REMEMBERED:
            self._stored.clear()
        self._stored.update({key: delivery.seq for key, delivery in waiting.items()})
        for key in fresh:
            self._tell(waiting[key])

    def _tell(self, delivery: Delivery) -> None:
        event = ConversationDelivered(
            conversation_id=delivery.conversation_id, user_id=delivery.user_id, seq=delivery.seq
        )
        topics = [user_topic(delivery.peer_id), user_topic(delivery.user_id)]
        self._broker.publish(topics, make_envelope(event))


def delivery_of(message: Message) -> Delivery | None:
    """Return what handing out a message delivers; None in a group."""
    if message.receiver_id is None:
        return None
    return Delivery(message.conversation_id, message.receiver_id, message.sender_id, message.seq)


def _pending(viewer_id: UUID) -> Select[UUID, str | None, int]:
    """Select the direct conversations with messages that reached no device of `viewer_id` yet."""
    last_seq = col(Conversation.last_seq)
    return (
        select(col(Conversation.id), col(Conversation.direct_key), last_seq)
        .join(Member, col(Member.conversation_id) == col(Conversation.id))
        .where(
            col(Member.user_id) == viewer_id,
            col(Conversation.direct_key).is_not(None),
            last_seq > col(Member.delivered_seq),
            last_seq > col(Member.read_seq),
        )
    )


def _store(deliveries: list[Delivery], connection: Connection) -> list[Key]:
    rows = [
        {"id": one.conversation_id, "user_id": one.user_id, "peer_id": one.peer_id, "seq": one.seq}
        for one in deliveries
    ]
    stored = connection.execute(_statement(connection.dialect.name), {"rows": as_parameter(rows)})
    return [Key(row.conversation_id, row.user_id) for row in stored]


@functools.cache
def _statement(dialect: str) -> ReturningUpdate[UUID, UUID]:
    given = JsonRows(dialect, id=Uuid, user_id=Uuid, peer_id=Uuid, seq=BigInteger)
    # As the log writer does it, and in the same order: two that lock the same members in two
    # orders would wait for each other.
    locked = (
        select(CONVERSATIONS.c.id)
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
        .order_by(CONVERSATIONS.c.id)
        .with_for_update(of=CONVERSATIONS)
        .cte("locked")
    )
    return (
        update(MEMBERS)
        .where(
            MEMBERS.c.conversation_id == given.columns["id"],
            MEMBERS.c.user_id == given.columns["user_id"],
            MEMBERS.c.conversation_id.in_(select(locked.c.id)),
            MEMBERS.c.delivered_seq < given.columns["seq"],
            MEMBERS.c.read_seq < given.columns["seq"],
            ~blocked_between(MEMBERS.c.user_id, given.columns["peer_id"]),
        )
        .values(delivered_seq=given.columns["seq"])
        .returning(MEMBERS.c.conversation_id, MEMBERS.c.user_id)
    )
