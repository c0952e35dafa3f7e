"""Broker: what passes between processes, by topic, and wake-ups of the change log's readers.

Delivery is at most once. What must arrive is in the change log.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from chat_app.realtime.events import Envelope

Deliver = Callable[[str, Envelope], None]


class Broker(Protocol):
    """Publishes by topic; subscribers of the same process receive at once."""

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published to a subscribed topic."""

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Send to every subscriber of each topic; never wait, never fail."""

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to `topics`, again perhaps.

        What is published after this returns is delivered.
        """

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """End the subscription to `topics`."""

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Call `wake()`, too, when something was appended to the change log."""

    def wake_readers(self) -> None:
        """Wake the readers of the change log on every node; never wait, never fail."""

    def wake_other_nodes(self) -> None:
        """Wake the readers of the change log on every other node."""

    def on_reconnected(self, reconnected: Callable[[], None]) -> None:
        """Call `reconnected()` when a broken link is back and something may have been missed."""

    def is_up(self) -> bool:
        """Return whether other processes can be reached right now."""

    async def close(self) -> None:
        """Send what is queued, and stop."""


class MemoryBroker:
    """The broker of a single process: publishing is delivering."""

    def __init__(self) -> None:
        self._deliver: Deliver = lambda _topic, _envelope: None
        self._wakes: list[Callable[[], None]] = []

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Call `wake()`, too, when something was appended to the change log."""
        self._wakes.append(wake)

    def wake_readers(self) -> None:
        """Wake the readers of this process."""
        for wake in self._wakes:
            wake()

    def wake_other_nodes(self) -> None:
        """Do nothing: there are no others."""

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published."""
        self._deliver = deliver

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Deliver at once."""
        for topic in topics:
            self._deliver(topic, envelope)

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Do nothing: everything is delivered anyway."""

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Do nothing: the hub has no subscriber of these topics left."""

    def on_reconnected(self, reconnected: Callable[[], None]) -> None:
        """Do nothing: nothing is ever missed."""

    def is_up(self) -> bool:
        """Return True: there are no other processes to lose."""
        return True

    async def close(self) -> None:
        """Do nothing: nothing is queued."""
