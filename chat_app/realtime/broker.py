"""Carrying envelopes between processes: a hint, at most once. The database is the truth."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from chat_app.realtime.events import Envelope

Deliver = Callable[[str, Envelope], None]


class Broker(Protocol):
    """Publishes by topic. Hearers in the own process hear at once, whatever happens elsewhere."""

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published to a subscribed topic."""

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Send to every hearer of each topic; never waits, never fails."""

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Hear `topics`, again perhaps; what is published after this returns is delivered."""

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Hear `topics` no more."""

    def on_return(self, returned: Callable[[], None]) -> None:
        """Call `returned()` whenever others can be heard again and something may have been missed.

        What was missed is then said again where that is known; everything is in the database.
        """

    def is_up(self) -> bool:
        """Whether other processes can be reached right now."""

    async def close(self) -> None:
        """Stop carrying."""


class MemoryBroker:
    """The twin for a single process: publishing is delivering."""

    def __init__(self) -> None:
        self._deliver: Deliver = lambda _topic, _envelope: None

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for everything published."""
        self._deliver = deliver

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Deliver at once."""
        for topic in topics:
            self._deliver(topic, envelope)

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Everything is heard anyway."""

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Nobody here hears these topics, so delivery reaches nobody."""

    def on_return(self, returned: Callable[[], None]) -> None:
        """Nothing is ever missed."""

    def is_up(self) -> bool:
        """There are no other processes to lose."""
        return True

    async def close(self) -> None:
        """Hold nothing."""
