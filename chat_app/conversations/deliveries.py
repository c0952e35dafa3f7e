"""Delivery receipts: collected per receiver, stored and published together a few times a second.

Messages do not wait for it: the doors only record, and a task of its own writes. Larger groups have
no receipts (docs/decisions/0009).
"""

import asyncio
import contextlib
import functools
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.engine import Connection

from chat_app.change_log.store import Publication, append, published
from chat_app.conversations.queries import undelivered
from chat_app.conversations.statements import store_deliveries
from chat_app.core.database import Database
from chat_app.core.json_rows import as_parameter
from chat_app.core.supervisor import Supervisor
from chat_app.core.time_slice import TimeSlice
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import (
    ConversationDelivered,
    Delivery,
    conversation_topic,
    make_envelope,
    user_topic,
)
from chat_app.realtime.shapes import Message

INTERVAL_S = 0.3
# More at once are dropped: the next list or page that the receiver loads records them again.
MAX_WAITING = 10_000
MAX_STORED = 100_000


class Deliveries:
    """The collector of receipts; start it inside the running loop, then close it."""

    def __init__(self, *, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._waiting: dict[bytes, Delivery] = {}
        # The stored `seq`: further devices that get the same message cost no statement.
        self._stored: dict[bytes, int] = {}
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Start writing."""
        self._writer = supervisor.start("receipts", self._write_waiting)

    def record(self, delivery: Delivery) -> None:
        """Record what a device of its receiver has; it is stored and published soon."""
        key = _key(delivery)
        waiting = self._waiting.get(key)
        recorded = max(waiting.seq if waiting else 0, self._stored.get(key, 0))
        if delivery.seq <= recorded or (waiting is None and len(self._waiting) >= MAX_WAITING):
            return
        self._waiting[key] = delivery
        self._wake.set()

    def record_page(self, messages: Iterable[Message], *, viewer_id: UUID) -> None:
        """Record a page of messages, in rising `seq`, that `viewer_id` has loaded."""
        for message in reversed(list(messages)):
            # Whether a group is too large for receipts is seen when they are stored.
            delivery = delivery_of(message, is_small=True)
            if delivery is not None and (own := delivery.of_receiver(viewer_id)) is not None:
                self.record(own)
                return

    async def record_all(self, *, viewer_id: UUID) -> None:
        """Record the newest message of each conversation, whose list `viewer_id` has loaded.

        Raises Unavailable.
        """
        time_slice = TimeSlice()
        for delivery in await undelivered(self._database, viewer_id=viewer_id):
            self.record(delivery)
            await time_slice.pause()

    async def close(self) -> None:
        """Store what waits, if that can be done at once, and stop."""
        self._closing.set()
        self._wake.set()
        if self._writer is not None:
            await self._writer

    async def _write_waiting(self) -> None:
        while not self._closing.is_set():
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._closing.wait()
            self._wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            is_published = await self._database.transact(
                functools.partial(_store, list(waiting.values()))
            )
        except BaseException:
            for key, delivery in waiting.items():
                if key not in self._waiting or self._waiting[key].seq < delivery.seq:
                    self._waiting[key] = delivery
            self._wake.set()
            raise
        if len(self._stored) + len(waiting) > MAX_STORED:
            self._stored.clear()
        self._stored.update({key: delivery.seq for key, delivery in waiting.items()})
        if is_published:
            self._broker.wake_readers()


def delivery_of(message: Message, *, is_small: bool) -> Delivery | None:
    """Return the receipt for a delivered message, None in a group that is not small."""
    if message.receiver_id is None and not is_small:
        return None
    return Delivery(message.conversation_id, message.receiver_id, message.sender_id, message.seq)


def _key(delivery: Delivery) -> bytes:
    """Return the key of a receiver in a conversation; the garbage collector visits no bytes."""
    receiver = delivery.user_id.bytes if delivery.user_id is not None else b""
    return delivery.conversation_id.bytes + receiver


def _store(deliveries: list[Delivery], connection: Connection) -> bool:
    """Store and publish the deliveries that are new; return whether there were any."""
    rows = [
        {"id": one.conversation_id, "user_id": one.user_id, "peer_id": one.peer_id, "seq": one.seq}
        for one in deliveries
    ]
    stored = connection.execute(
        store_deliveries(connection.dialect.name), {"rows": as_parameter(rows)}
    )
    fresh = {(row.conversation_id, row.user_id) for row in stored}
    publications = [
        _publication(one, one.user_id)
        for one in deliveries
        if one.user_id is not None and (one.conversation_id, one.user_id) in fresh
    ]
    if publications:
        append(connection, [published(publications)])
    return bool(publications)


def _publication(delivery: Delivery, user_id: UUID) -> Publication:
    event = ConversationDelivered(
        conversation_id=delivery.conversation_id, user_id=user_id, seq=delivery.seq
    )
    if delivery.peer_id is None:
        topics = [conversation_topic(delivery.conversation_id)]
    else:
        topics = [user_topic(delivery.peer_id), user_topic(user_id)]
    return Publication(topics, make_envelope(event))
