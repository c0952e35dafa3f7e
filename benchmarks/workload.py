"""The plan that every workload gets: how long, how often, on which servers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.harness.chats import Storage

SCALES = (10_000, 1_000_000)
QUICK_SCALES = (1_000, 10_000)
# Storage that needs no servers.
EMBEDDED = partial(Storage, "sqlite+memory", "", "")


@dataclass(frozen=True)
class Plan:
    """One workload: on which pair and how many nodes, how often and how long."""

    workload: str = ""
    pair: str = "sqlite"
    nodes: int = 1
    runs: int = 3
    seconds: float = 6.0
    quick: bool = False
    # Of the workloads that grow: how many messages there are.
    scales: tuple[int, ...] = SCALES
    new_storage: Callable[[Path], Storage] = EMBEDDED

    @property
    def command(self) -> str:
        """Return the command that measures this alone."""
        words = ["python -m benchmarks", self.workload]
        words += [f"--pair {self.pair}"] if self.pair != "sqlite" else []
        words += [f"--nodes {self.nodes}"] if self.nodes > 1 else []
        words += [f"--runs {self.runs}", f"--seconds {self.seconds:g}"]
        if self.scales not in {SCALES, QUICK_SCALES}:
            words.append(f"--scales {','.join(map(str, self.scales))}")
        return " ".join(words)

    @property
    def warm_up(self) -> float:
        """Return the seconds before the first measured turn."""
        return 0.5 if self.quick else 2.0

    @property
    def step(self) -> float:
        """Return the seconds of one step of a ramp."""
        return 1.0 if self.quick else min(10.0, self.seconds)

    @property
    def is_long(self) -> bool:
        """Return whether this grows past what a usual run fills."""
        return max(self.scales) > max(SCALES)

    @property
    def durability(self) -> str:
        """Return how the chat makes a message durable before its ack."""
        if self.pair == "postgres":
            return "PostgreSQL, synchronous_commit on, sign-in on, limits off"
        return "SQLite WAL with synchronous=FULL, sign-in on, limits off"
