"""Outlet: the bounded queue of events for one open socket or tab."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Protocol, Self
from uuid import UUID

from chat_app.core.ids import new_id
from chat_app.realtime.events import Delivery, Envelope

QUEUE_EVENTS = 2_000
QUEUE_BYTES = 2 * 1024 * 1024
TOO_SLOW = 4410
SESSION_OVER = 4401
RESTARTING = 1012

# A function that writes the body of a frame at once, or returns False if it must be queued.
Write = Callable[[bytes], bool]
# The ASGI extension by which our server offers that function for a socket.
WRITE_AT_ONCE = "chat.write_at_once"


class CloseReason(NamedTuple):
    """The reason of a closed outlet: a close code of the socket protocol, and a short text."""

    code: int
    reason: str


class OutletClosed(Exception):  # an expected end, not an error
    """The outlet is closed, and all that was queued is taken."""

    def __init__(self, closing: CloseReason) -> None:
        self.code, self.reason = closing
        super().__init__(closing.reason)


class OutletOwner(Protocol):
    """The hub, as an outlet uses it."""

    def record_delivery(self, delivery: Delivery) -> None:
        """Record that a device of the receiver has a delivery."""

    def record_had(self, item_id: str) -> None:
        """Record that a device has a due item."""

    def record_close(self, reason: CloseReason) -> None:
        """Record why an outlet was closed."""

    async def remove(self, outlet: "Outlet") -> None:
        """Remove an outlet and its subscriptions."""


class Outlet:
    """The queue of one open socket or tab, closed when its reader is too slow; push never waits."""

    __slots__ = (
        "_bytes",
        "_closing",
        "_drained",
        "_hub",
        "_pausing",
        "_queue",
        "_waiter",
        "_write",
        "ended",
        "id",
        "left",
        "session_id",
        "since",
        "topics",
        "user_id",
    )

    def __init__(self, hub: OutletOwner, user_id: UUID, session_id: UUID) -> None:
        self.id = new_id().hex
        self.user_id = user_id
        self.session_id = session_id
        self.topics: set[str] = set()
        # Topics of groups that the user has left.
        self.left: set[str] = set()
        # By topic, the first `seq` that the user may read, where that is not the beginning.
        self.since: dict[str, int] = {}
        # Set once the session is over or the reader too slow: then the socket ends at once.
        self.ended = asyncio.Event()
        self._hub = hub
        self._queue: deque[Envelope] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._pausing: asyncio.Future[None] | None = None
        self._closing: CloseReason | None = None
        self._drained: asyncio.Event | None = None
        self._write: Write | None = None

    def write_with(self, write: Write) -> None:
        """Write envelopes that are pushed while the reader waits by `write`, without waking it.

        Waking a task for a frame costs more than the frame.
        """
        self._write = write

    def push(self, envelope: Envelope) -> None:
        """Queue an envelope.

        One with `merge` replaces its predecessor, and is dropped under pressure.
        """
        if self._closing is not None or self._write_at_once(envelope):
            return
        if envelope.merge:
            self._drop(lambda queued: queued.merge == envelope.merge)
        if self._is_full_with(envelope):
            self._drop(lambda queued: bool(queued.merge))
            if self._is_full_with(envelope):
                self.close_after_queue(TOO_SLOW, "too slow")
                return
        self._queue.append(envelope)
        self._bytes += len(envelope.body)
        self._wake()

    @property
    def queued(self) -> int:
        """The number of envelopes that were not taken yet."""
        return len(self._queue)

    @property
    def is_too_slow(self) -> bool:
        """Whether the outlet was closed because its reader did not keep up."""
        return self._closing is not None and self._closing.code == TOO_SLOW

    async def take(self) -> list[Envelope]:
        """Wait for at least one envelope and return all that are queued, in order.

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
            self._release_drained()
            return taken
        raise OutletClosed(self._closing or CloseReason(RESTARTING, "closed"))

    async def pause(self, seconds: float) -> None:
        """Let events queue for some seconds, or until the outlet ends. One reader only."""
        if self.ended.is_set():
            return
        loop = asyncio.get_running_loop()
        self._pausing = loop.create_future()
        # A timeout of asyncio costs several times as much.
        timer = loop.call_later(seconds, _resolve, self._pausing)
        try:
            await self._pausing
        finally:
            timer.cancel()
            self._pausing = None

    def delivered(self, envelope: Envelope) -> None:
        """Record that the device behind this outlet has an envelope."""
        if envelope.had:
            self._hub.record_had(envelope.had)
        if envelope.delivers is None:
            return
        delivery = envelope.delivers.of_receiver(self.user_id)
        if delivery is not None:
            self._hub.record_delivery(delivery)

    async def drained(self) -> None:
        """Wait until the queue is empty or the outlet is closed.

        Await this between large pushes, or a merely distant reader would count as too slow.
        """
        if self._queue and self._closing is None:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()

    def close_after_queue(self, code: int, reason: str) -> None:
        """Close the outlet once its queue is taken; with `TOO_SLOW`, drop the queue first."""
        if self._closing is None:
            self._closing = CloseReason(code, reason)
            self._hub.record_close(self._closing)
            if code == TOO_SLOW:
                self._queue.clear()
                self._bytes = 0
                self._end()
            self._release_drained()
            self._wake()

    def close_with(self, last: Envelope) -> None:
        """Drop the queue, queue `last`, and close the outlet because its session is over."""
        if self._closing is None:
            self._queue.clear()
            self._bytes = 0
            self.push(last)
            self.close_after_queue(SESSION_OVER, "session ended")
            self._end()

    async def close(self) -> None:
        """Close the outlet and remove it from the hub."""
        self.close_after_queue(RESTARTING, "closed")
        await self._hub.remove(self)

    async def __aenter__(self) -> Self:
        """Return the outlet, which is closed at the end of the block."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the outlet."""
        await self.close()

    def _write_at_once(self, envelope: Envelope) -> bool:
        """Write an envelope at once if nothing is queued before it, and return whether it was."""
        if self._write is None or self._waiter is None or self._waiter.done():
            return False
        if not self._write(envelope.body):
            return False
        self.delivered(envelope)
        return True

    def _is_full_with(self, envelope: Envelope) -> bool:
        return len(self._queue) >= QUEUE_EVENTS or self._bytes + len(envelope.body) > QUEUE_BYTES

    def _drop(self, matches: Callable[[Envelope], bool]) -> None:
        kept = [queued for queued in self._queue if not matches(queued)]
        if len(kept) != len(self._queue):
            self._queue = deque(kept)
            self._bytes = sum(len(queued.body) for queued in kept)

    def _release_drained(self) -> None:
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    def _wake(self) -> None:
        _resolve(self._waiter)

    def _end(self) -> None:
        self.ended.set()
        _resolve(self._pausing)


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
