"""What every workload is told."""

from collections.abc import Callable
from dataclasses import dataclass

SCALES = (10_000, 1_000_000)
QUICK_SCALES = (1_000, 10_000)


@dataclass(frozen=True)
class Plan:
    """How long, how often, on which pair and on how many nodes to measure."""

    runs: int = 3
    seconds: float = 6.0
    quick: bool = False
    pair: str = "sqlite"
    nodes: int = 1
    # Makes a new database and empties the bus; the embedded pair needs neither.
    new_addresses: Callable[[], tuple[str, str]] = lambda: ("", "")
    # Of the workloads that grow: how many messages there are.
    scales: tuple[int, ...] = SCALES

    @property
    def warm_up(self) -> float:
        """Seconds before the first measured turn."""
        return 0.5 if self.quick else 2.0

    @property
    def step(self) -> float:
        """Seconds of one step of a ramp."""
        return 1.0 if self.quick else min(10.0, self.seconds)

    @property
    def addresses(self) -> tuple[str, str]:
        """Where storage and bus of a fresh chat are."""
        return self.new_addresses()

    @property
    def is_long(self) -> bool:
        """Whether this is growth past what a usual run fills."""
        return max(self.scales) > max(SCALES)

    @property
    def durability(self) -> str:
        """How the chat makes a message durable before its ack."""
        if self.pair == "postgres":
            return "PostgreSQL, synchronous_commit on, sign-in on, limits off"
        return "SQLite WAL with synchronous=FULL, sign-in on, limits off"
