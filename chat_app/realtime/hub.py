"""This process's outlets, and who of them hears what."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from chat_app.realtime.broker import Broker
from chat_app.realtime.delivered_revs import DeliveredRevs
from chat_app.realtime.events import Delivery, Envelope, session_topic, user_topic
from chat_app.realtime.outlet import RESTARTING, CloseReason, Outlet


class Observer(Protocol):
    """Is told who has an outlet here at all, however many; never waits."""

    def came(self, user_id: UUID) -> None:
        """Note that a user has their first outlet."""

    def left(self, user_id: UUID) -> None:
        """Note that a user's last outlet was closed."""


class Hub:
    """Which outlets hear which topic. Subscribes the broker to what somebody here hears."""

    def __init__(self, broker: Broker, observer: Observer | None = None) -> None:
        self._broker = broker
        self._observer = observer
        self._devices: Counter[UUID] = Counter()
        self._hearers: dict[str, set[Outlet]] = {}
        self._joining: set[asyncio.Task[None]] = set()
        self.outlets: set[Outlet] = set()
        self.delivered_revs = DeliveredRevs()
        # Called with what a device of its receiver has.
        self.on_delivered: Callable[[Delivery], None] = lambda _delivery: None
        # Called with why an outlet is closed.
        self.on_closed: Callable[[CloseReason], None] = lambda _closing: None
        broker.on_delivery(self.deliver)

    async def open(self, *, user_id: UUID, session_id: UUID) -> Outlet:
        """Return a new outlet that hears its user and its session.

        What is published after this returns is heard; load state afterwards and nothing is
        missed, though something may come twice.
        """
        outlet = Outlet(self, user_id, session_id)
        self.outlets.add(outlet)
        self._count(user_id, 1)
        await self.join(outlet, [user_topic(user_id), session_topic(session_id)])
        return outlet

    async def join(self, outlet: Outlet, topics: Iterable[str]) -> None:
        """Have `outlet` hear `topics` too, from when this returns at the latest."""
        topics = list(topics)
        for topic in topics:
            self._hearers.setdefault(topic, set()).add(outlet)
            outlet.topics.add(topic)
        # Those that others hear already too: they may have asked for them only a moment ago.
        await self._broker.subscribe(topics)

    async def remove(self, outlet: Outlet) -> None:
        """Forget an outlet; topics that nobody here hears any more are given up."""
        if outlet in self.outlets:
            self.outlets.discard(outlet)
            self._count(outlet.user_id, -1)
        silent = []
        for topic in outlet.topics:
            hearers = self._hearers.get(topic)
            if hearers is not None:
                hearers.discard(outlet)
                if not hearers:
                    del self._hearers[topic]
                    silent.append(topic)
        outlet.topics.clear()
        if silent:
            await self._broker.unsubscribe(silent)

    def hears(self, topic: str) -> bool:
        """Whether anybody here hears `topic`."""
        return topic in self._hearers

    def deliver(self, topic: str, envelope: Envelope) -> None:
        """Hand an envelope to everybody here who hears `topic`."""
        if envelope.moves is not None:
            self.delivered_revs.note(envelope.moves)
        hearers = self._hearers.get(topic)
        if not hearers:
            return
        if envelope.join:
            self._join_later(list(hearers), envelope.join)
        for outlet in list(hearers) if envelope.ends else hearers:
            if envelope.ends:
                outlet.end(envelope)
            elif outlet.id != envelope.origin:
                outlet.push(envelope)

    async def close(self) -> None:
        """End every outlet: the process stops."""
        for outlet in list(self.outlets):
            outlet.shut(RESTARTING, "server restarting")
        for task in self._joining:
            task.cancel()
        await asyncio.gather(*self._joining, return_exceptions=True)

    def _count(self, user_id: UUID, change: int) -> None:
        self._devices[user_id] += change
        devices = self._devices[user_id]
        if not devices:
            del self._devices[user_id]
        if self._observer is None:
            return
        if not devices:
            self._observer.left(user_id)
        elif devices == change:
            self._observer.came(user_id)

    def _join_later(self, hearers: list[Outlet], topic: str) -> None:
        async def join_all() -> None:
            for outlet in hearers:
                if outlet in self.outlets:
                    await self.join(outlet, [topic])

        task = asyncio.get_running_loop().create_task(join_all())
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)
