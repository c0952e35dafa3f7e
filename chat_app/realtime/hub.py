"""This process's outlets: open sockets and tabs, each with a bounded queue of its own."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Protocol, Self
from uuid import UUID

from chat_app.core.ids import new_id
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import Delivery, Envelope, session_topic, user_topic
from chat_app.realtime.heard import Heard

QUEUE_EVENTS = 2_000
QUEUE_BYTES = 2 * 1024 * 1024
TOO_SLOW = 4410
SESSION_OVER = 4401
RESTARTING = 1012


class Closing(NamedTuple):
    """Why an outlet is closed: a close code of contract's socket section, and a word."""

    code: int
    reason: str


class OutletClosed(Exception):  # an ending, not an error
    """Nothing more will come out of this outlet."""

    def __init__(self, closing: Closing) -> None:
        self.code, self.reason = closing
        super().__init__(closing.reason)


class Outlet:
    """One open socket or tab. Never blocks who pushes; too slow a reader is closed."""

    __slots__ = (
        "_bytes",
        "_closing",
        "_drained",
        "_hub",
        "_queue",
        "_waiter",
        "ended",
        "id",
        "session_id",
        "topics",
        "user_id",
    )

    def __init__(self, hub: "Hub", user_id: UUID, session_id: UUID) -> None:
        self.id = new_id().hex
        self.user_id = user_id
        self.session_id = session_id
        self.topics: set[str] = set()
        # Set once the session is over, or the reader is too slow: nobody shall wait for it then.
        self.ended = asyncio.Event()
        self._hub = hub
        self._queue: deque[Envelope] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._closing: Closing | None = None
        self._drained: asyncio.Event | None = None

    def push(self, envelope: Envelope) -> None:
        """Queue an envelope. What may be merged is, and goes first under pressure."""
        if self._closing is not None:
            return
        if envelope.merge:
            self._forget(lambda queued: queued.merge == envelope.merge)
        if self._is_full_with(envelope):
            self._forget(lambda queued: bool(queued.merge))
            if self._is_full_with(envelope):
                self.shut(TOO_SLOW, "too slow")
                return
        self._queue.append(envelope)
        self._bytes += len(envelope.body)
        self._wake()

    @property
    def waiting(self) -> int:
        """How many envelopes nobody has taken yet."""
        return len(self._queue)

    @property
    def is_too_slow(self) -> bool:
        """Whether it was closed because its reader did not keep up."""
        return self._closing is not None and self._closing.code == TOO_SLOW

    async def take(self) -> list[Envelope]:
        """Wait for at least one envelope and return all that are there, in order.

        Raises OutletClosed once everything queued before the close was taken. One reader only.
        """
        if not self._queue and self._closing is None:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._queue:
            taken = list(self._queue)
            self._queue.clear()
            self._bytes = 0
            self._let_go_on()
            return taken
        raise OutletClosed(self._closing or Closing(RESTARTING, "closed"))

    def handed(self, envelope: Envelope) -> None:
        """Note that the device behind this outlet has an envelope."""
        delivery = envelope.delivers
        if delivery is not None and delivery.user_id == self.user_id:
            self._hub.handed(delivery)

    async def drained(self) -> None:
        """Wait until all that is queued was taken, or the outlet has ended.

        Who has much to push waits here, or a reader that is merely far away would be too slow.
        """
        if self._queue and self._closing is None:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()

    def shut(self, code: int, reason: str) -> None:
        """End the outlet; its reader is told after what is queued, or at once if too slow."""
        if self._closing is None:
            self._closing = Closing(code, reason)
            self._hub.ended(self._closing)
            if code == TOO_SLOW:
                self._queue.clear()
                self._bytes = 0
                self.ended.set()
            self._let_go_on()
            self._wake()

    def end(self, last: Envelope) -> None:
        """Say that the session is over, and nothing else any more: what was queued is dropped."""
        if self._closing is None:
            self._queue.clear()
            self._bytes = 0
            self.push(last)
            self.shut(SESSION_OVER, "session ended")
            self.ended.set()

    async def close(self) -> None:
        """Take the outlet out of the hub and let go of its topics."""
        self.shut(RESTARTING, "closed")
        await self._hub.remove(self)

    async def __aenter__(self) -> Self:
        """Use as a context manager that closes."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    def _is_full_with(self, envelope: Envelope) -> bool:
        return len(self._queue) >= QUEUE_EVENTS or self._bytes + len(envelope.body) > QUEUE_BYTES

    def _forget(self, matches: Callable[[Envelope], bool]) -> None:
        kept = [queued for queued in self._queue if not matches(queued)]
        if len(kept) != len(self._queue):
            self._queue = deque(kept)
            self._bytes = sum(len(queued.body) for queued in kept)

    def _let_go_on(self) -> None:
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


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
        self.heard = Heard()
        # Called with what a device of its receiver has.
        self.handed: Callable[[Delivery], None] = lambda _delivery: None
        # Called with why an outlet is closed.
        self.ended: Callable[[Closing], None] = lambda _closing: None
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
            self.heard.note(envelope.moves)
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
