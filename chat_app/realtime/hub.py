"""Hub: the outlets of this process and their subscriptions."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol
from uuid import UUID

from msgspec.structs import replace

from chat_app.core.metrics import Counter as ClosedCounter
from chat_app.core.metrics import Family, Metrics
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import Delivery, Envelope, session_topic, user_topic
from chat_app.realtime.outlet import RESTARTING, TOO_SLOW, CloseReason, Outlet

# A node reads of a group, and of what it has published there itself, within this time.
JOINED_KEPT_S = 60.0
NOWHERE: Mapping[str, int] = MappingProxyType({})


class Observer(Protocol):
    """An observer of users' first and last outlets in this process; its methods never wait."""

    def connected(self, user_id: UUID) -> None:
        """Record that a user's first outlet was opened."""

    def disconnected(self, user_id: UUID) -> None:
        """Record that a user's last outlet was closed."""


class _Joined(NamedTuple):
    at: float
    topic: str
    outlet: Outlet


class Hub:
    """The subscriptions of outlets to topics; the broker is subscribed to the same topics.

    `on_delivered` is called with each delivery that a device of its receiver has; `on_concealed`
    with the topic and the user of an outlet that did not get a change of an older message than the
    user may read; `on_had` with the due item that a device has.
    """

    def __init__(
        self,
        broker: Broker,
        observer: Observer | None = None,
        *,
        on_delivered: Callable[[Delivery], None] = lambda _delivery: None,
        on_concealed: Callable[[str, UUID], None] = lambda _topic, _user_id: None,
        on_had: Callable[[UUID], None] = lambda _item_id: None,
        metrics: Metrics | None = None,
    ) -> None:
        self._broker = broker
        self._observer = observer
        self._on_delivered = on_delivered
        self.on_concealed = on_concealed
        self.on_had = on_had
        self._outlets_of: Counter[UUID] = Counter()
        self._subscribers: dict[str, set[Outlet]] = {}
        self._subscribing: set[asyncio.Task[None]] = set()
        self._joined: deque[_Joined] = deque()
        self.outlets: set[Outlet] = set()
        self._closed = self._register_metrics(metrics or Metrics())
        broker.on_delivery(self.deliver)

    async def open(self, *, user_id: UUID, session_id: UUID) -> Outlet:
        """Return a new outlet, subscribed to the topics of its user and its session.

        What is published after this returns is delivered; load state afterwards and nothing is
        missed, though something may come twice.
        """
        outlet = Outlet(self, user_id, session_id)
        self.outlets.add(outlet)
        self._count(user_id, 1)
        try:
            await self.subscribe(outlet, [user_topic(user_id), session_topic(session_id)])
        except BaseException:
            await outlet.close()
            raise
        return outlet

    async def subscribe(
        self, outlet: Outlet, topics: Iterable[str], *, since: Mapping[str, int] = NOWHERE
    ) -> None:
        """Subscribe `outlet` to `topics`; it receives what is published after this returns.

        `since` has the first `seq` of a topic that its user may read, where that is not the
        beginning.
        """
        # A group that the user has left since its topics were loaded is none of theirs.
        topics = [topic for topic in topics if topic not in outlet.left]
        for topic in topics:
            self._subscribers.setdefault(topic, set()).add(outlet)
            outlet.topics.add(topic)
            _set_since(outlet, topic, since.get(topic, 0))
        # Also topics that have a subscriber: its own subscription may not be confirmed yet.
        await self._broker.subscribe(topics)

    async def remove(self, outlet: Outlet) -> None:
        """Remove an outlet; unsubscribe from topics that have no subscriber left here."""
        if outlet in self.outlets:
            self.outlets.discard(outlet)
            self._count(outlet.user_id, -1)
        unused = []
        for topic in outlet.topics:
            subscribers = self._subscribers.get(topic)
            if subscribers is not None:
                subscribers.discard(outlet)
                if not subscribers:
                    del self._subscribers[topic]
                    unused.append(topic)
        outlet.topics.clear()
        if unused:
            await self._broker.unsubscribe(unused)

    def has_subscribers(self, topic: str) -> bool:
        """Return whether an outlet here is subscribed to `topic`."""
        return topic in self._subscribers

    def deliver(self, topic: str, envelope: Envelope) -> None:
        """Deliver an envelope to every outlet here that is subscribed to `topic`."""
        subscribers = self._subscribers.get(topic)
        if not subscribers:
            return
        if envelope.join:
            self._join(subscribers, envelope)
        if envelope.leave:
            self._leave(subscribers, envelope.leave)
        for outlet in list(subscribers) if envelope.ends else subscribers:
            if envelope.ends:
                outlet.close_with(envelope)
            elif outlet.id != envelope.origin:
                self._push(outlet, topic, envelope)

    def users_of(self, topic: str) -> set[UUID]:
        """Return the users whose outlets here are subscribed to `topic`."""
        return {outlet.user_id for outlet in self._subscribers.get(topic, ())}

    def deliver_to_late(self, topic: str, envelope: Envelope, *, joined_after: float) -> None:
        """Deliver to those outlets only that joined a group after `joined_after` (monotonic)."""
        # A dict keeps the order, and somebody who has joined twice once.
        late = dict.fromkeys(
            joined.outlet
            for joined in self._joined
            if joined.topic == topic and joined.at > joined_after
        )
        for outlet in late:
            # Somebody may have left again.
            if topic in outlet.topics:
                self._push(outlet, topic, envelope)

    def record_delivery(self, delivery: Delivery) -> None:
        """Call `on_delivered` with a delivery."""
        self._on_delivered(delivery)

    def record_had(self, item_id: str) -> None:
        """Call `on_had` with the due item that a device has."""
        self.on_had(UUID(item_id))

    def record_close(self, reason: CloseReason) -> None:
        """Count a closed outlet by its reason."""
        self._closed.of(str(reason.code), reason.reason).add()

    def close_outlets(self) -> None:
        """Close every outlet, because events were missed: their devices come back and resume."""
        for outlet in list(self.outlets):
            outlet.close_after_queue(TOO_SLOW, "events were missed")

    async def close(self) -> None:
        """Close every outlet, because the process stops."""
        for outlet in list(self.outlets):
            outlet.close_after_queue(RESTARTING, "server restarting")
        for task in self._subscribing:
            task.cancel()
        await asyncio.gather(*self._subscribing, return_exceptions=True)

    def _push(self, outlet: Outlet, topic: str, envelope: Envelope) -> None:
        """Queue what the user may read of an envelope: no older message, and none in a quote."""
        since = outlet.since.get(topic, 0)
        if envelope.seq and envelope.seq < since:
            self.on_concealed(topic, outlet.user_id)
        elif envelope.bare and envelope.quoted < since:
            outlet.push(replace(envelope, body=envelope.bare, bare=b""))
        else:
            outlet.push(envelope)

    def _count(self, user_id: UUID, change: int) -> None:
        self._outlets_of[user_id] += change
        count = self._outlets_of[user_id]
        if not count:
            del self._outlets_of[user_id]
        if self._observer is None:
            return
        if not count:
            self._observer.disconnected(user_id)
        elif count == change:
            self._observer.connected(user_id)

    def _leave(self, outlets: set[Outlet], topic: str) -> None:
        """Unsubscribe outlets from a topic at once, and the broker soon."""
        members = self._subscribers.get(topic, set())
        for outlet in outlets:
            outlet.left.add(topic)
            members.discard(outlet)
            outlet.topics.discard(topic)
            outlet.since.pop(topic, None)
        if topic in self._subscribers and not members:
            del self._subscribers[topic]
            self._soon(self._unsubscribe_if_unused(topic))

    async def _unsubscribe_if_unused(self, topic: str) -> None:
        if topic not in self._subscribers:
            await self._broker.unsubscribe([topic])

    def _join(self, outlets: set[Outlet], envelope: Envelope) -> None:
        """Subscribe outlets to a topic at once, and the broker soon."""
        topic, since = envelope.join, envelope.since
        now = time.monotonic()
        while self._joined and self._joined[0].at < now - JOINED_KEPT_S:
            self._joined.popleft()
        for outlet in outlets - self._subscribers.get(topic, set()):
            self._subscribers.setdefault(topic, set()).add(outlet)
            outlet.topics.add(topic)
            outlet.left.discard(topic)
            _set_since(outlet, topic, since)
            self._joined.append(_Joined(now, topic, outlet))
        self._soon(self._broker.subscribe([topic]))

    def _soon(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._subscribing.add(task)
        task.add_done_callback(self._subscribing.discard)

    def _register_metrics(self, metrics: Metrics) -> Family[ClosedCounter]:
        metrics.gauge(
            "chat_outlets", "Sockets and tabs that receive events", lambda: len(self.outlets)
        )
        metrics.gauge(
            "chat_outlet_queue_events",
            "Events that wait for their readers, in all outlets together",
            lambda: sum(outlet.queued for outlet in self.outlets),
        )
        metrics.gauge(
            "chat_outlet_queue_largest_events",
            "Events that wait in the fullest outlet",
            lambda: max((outlet.queued for outlet in self.outlets), default=0),
        )
        return metrics.counters(
            "chat_outlets_closed_total", "Sockets and tabs closed, by close code", "code", "reason"
        )


def _set_since(outlet: Outlet, topic: str, seq: int) -> None:
    """Set the first `seq` that the user may read; most may read all, and need no entry."""
    if seq:
        outlet.since[topic] = seq
    else:
        outlet.since.pop(topic, None)
