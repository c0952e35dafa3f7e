"""Modelled bus: wake-ups between nodes that are lost, late or doubled."""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chat_app.realtime.broker import Deliver
from chat_app.realtime.events import Envelope
from simulation.clock import Process, VirtualLoop

# The broker over Redis waits no longer for a confirmation.
CONFIRM_S = 2.0


@dataclass
class BusWeather:
    """The present faults of the bus; shares are of wake-ups."""

    lost_share: float = 0.0
    doubled_share: float = 0.0
    late_s: float = 0.001
    is_stalled: bool = False


class Bus:
    """The link between the nodes."""

    def __init__(self, loop: VirtualLoop, weather: BusWeather) -> None:
        self.loop = loop
        self.weather = weather
        self._brokers: list[SimulatedBroker] = []

    def connect(self, process: Process, seed: object) -> "SimulatedBroker":
        """Return the broker of a node."""
        broker = SimulatedBroker(self, process, seed)
        self._brokers.append(broker)
        return broker

    def disconnect(self, process: Process) -> None:
        """Forget the broker of a node that has ended."""
        self._brokers = [one for one in self._brokers if one.process is not process]

    def resume(self) -> None:
        """End a stall: every node finds its link again, and reads what it may have missed."""
        self.weather.is_stalled = False
        for broker in self._brokers:
            broker.receive_wake()

    def wake_others(self, sender: "SimulatedBroker", chance: random.Random) -> None:
        """Send a wake-up to all but its sender."""
        weather = self.weather
        for broker in self._brokers:
            if broker is sender or weather.is_stalled or chance.random() < weather.lost_share:
                continue
            for _ in range(2 if chance.random() < weather.doubled_share else 1):
                self.loop.call_later(
                    chance.random() * weather.late_s,
                    broker.receive_wake,
                    context=broker.process.context(),
                )


class SimulatedBroker:
    """The broker of one node."""

    def __init__(self, bus: Bus, process: Process, seed: object) -> None:
        self.process = process
        self._bus = bus
        self._random = random.Random(f"{seed}/{process.name}/bus")
        self._deliver: Deliver = lambda _topic, _envelope: None
        self._wake: Callable[[], None] = lambda: None

    def on_wake(self, wake: Callable[[], None]) -> None:
        """Call `wake()` for each wake-up."""
        self._wake = wake

    def receive_wake(self) -> None:
        """Wake the reader of this node."""
        self._wake()

    def wake_readers(self) -> None:
        """Wake the readers of all nodes."""
        self._wake()
        self.wake_other_nodes()

    def wake_other_nodes(self) -> None:
        """Wake the readers of all other nodes."""
        self._bus.wake_others(self, self._random)

    def on_delivery(self, deliver: Deliver) -> None:
        """Call `deliver(topic, envelope)` for what is published here."""
        self._deliver = deliver

    def publish(self, topics: Iterable[str], envelope: Envelope) -> None:
        """Deliver to this node; what passes between nodes need not arrive."""
        for topic in topics:
            self._deliver(topic, envelope)

    async def subscribe(self, topics: Sequence[str]) -> None:  # noqa: ARG002  # of the protocol
        """Wait for the confirmation."""
        is_stalled = self._bus.weather.is_stalled
        await asyncio.sleep(CONFIRM_S if is_stalled else self._random.random() * 0.003)

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        """Do nothing."""

    def on_reconnected(self, reconnected: Callable[[], None]) -> None:
        """Do nothing: presence is not simulated."""

    def is_up(self) -> bool:
        """Return whether the bus answers."""
        return not self._bus.weather.is_stalled

    async def close(self) -> None:
        """Do nothing."""
