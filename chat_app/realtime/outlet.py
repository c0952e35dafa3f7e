"""An open socket or tab, with a bounded queue of its own."""

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

# Writes a frame's body at once, or returns False: it has to be queued.
Write = Callable[[bytes], bool]
# The extension of ASGI by which our server offers a socket's.
WRITE_AT_ONCE = "chat.write_at_once"


class CloseReason(NamedTuple):
    """Why an outlet is closed: a close code of contract's socket section, and a word."""

    code: int
    reason: str


class OutletClosed(Exception):  # an ending, not an error
    """Nothing more will come out of this outlet."""

    def __init__(self, closing: CloseReason) -> None:
        self.code, self.reason = closing
        super().__init__(closing.reason)


class OutletOwner(Protocol):
    """The hub, as an outlet knows it."""

    on_delivered: Callable[[Delivery], None]
    on_closed: Callable[[CloseReason], None]

    async def remove(self, outlet: "Outlet") -> None:
        """Forget an outlet."""


class Outlet:
    """One open socket or tab. Never blocks who pushes; too slow a reader is closed."""

    __slots__ = (
        "_bytes",
        "_closing",
        "_drained",
        "_hub",
        "_queue",
        "_waiter",
        "_write",
        "ended",
        "id",
        "session_id",
        "topics",
        "user_id",
    )

    def __init__(self, hub: OutletOwner, user_id: UUID, session_id: UUID) -> None:
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
        self._closing: CloseReason | None = None
        self._drained: asyncio.Event | None = None
        self._write: Write | None = None

    def write_with(self, write: Write) -> None:
        """Have what comes while the reader waits for it written at once, without waking them.

        Waking a task for a frame costs more than the frame.
        """
        self._write = write

    def push(self, envelope: Envelope) -> None:
        """Queue an envelope. What may be merged is, and goes first under pressure."""
        if self._closing is not None or self._is_written(envelope):
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
        raise OutletClosed(self._closing or CloseReason(RESTARTING, "closed"))

    def delivered(self, envelope: Envelope) -> None:
        """Note that the device behind this outlet has an envelope."""
        delivery = envelope.delivers
        if delivery is not None and delivery.user_id == self.user_id:
            self._hub.on_delivered(delivery)

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
            self._closing = CloseReason(code, reason)
            self._hub.on_closed(self._closing)
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

    def _is_written(self, envelope: Envelope) -> bool:
        """Write an envelope at once, if nothing is before it."""
        if self._write is None or self._waiter is None or self._waiter.done():
            return False
        if not self._write(envelope.body):
            return False
        self.delivered(envelope)
        return True

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
