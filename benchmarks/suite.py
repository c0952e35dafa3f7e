"""Every workload by its name, and the table of targets as one run of bounded time."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from benchmarks import (
    boot,
    direct,
    growth,
    history,
    idle,
    libraries,
    nodes,
    outbox,
    presence,
    reconnect,
    rooms,
    search,
    statements,
    tabs,
)
from benchmarks.figures import Figures
from benchmarks.workload import Plan

Measure = Callable[[Plan], Awaitable[list[Figures]]]

WORKLOADS: dict[str, Measure] = {
    "direct": direct.measure,
    "open": rooms.measure_delivery,
    "rooms": rooms.measure_rooms,
    "nodes": nodes.measure,
    "idle": idle.measure,
    "tabs": tabs.measure,
    "boot": boot.measure,
    "outbox": outbox.measure,
    "history": history.measure,
    "search": search.measure,
    "statements": statements.measure,
    "growth": growth.measure_messages,
    "members": growth.measure_members,
    "presence": presence.measure_changes,
    "storm": presence.measure_storm,
    "reconnect": reconnect.measure,
    "libraries": libraries.measure,
}
# These are about several nodes, which only servers can have.
ON_SERVERS = ("nodes",)


class Turn(NamedTuple):
    """One workload of the whole run."""

    workload: str
    pair: str = "sqlite"
    nodes: int = 1
    runs: int = 3
    seconds: float = 6.0

    def command(self) -> str:
        """Return how to measure this alone."""
        words = ["python -m benchmarks", self.workload]
        words += [f"--pair {self.pair}"] if self.pair != "sqlite" else []
        words += [f"--nodes {self.nodes}"] if self.nodes > 1 else []
        return " ".join([*words, f"--runs {self.runs}", f"--seconds {self.seconds:g}"])


# 20 to 25 minutes on two quiet cores.
WHOLE = (
    Turn("direct", runs=4),
    Turn("direct", "postgres"),
    Turn("nodes", "postgres", 2),
    Turn("open", seconds=5),
    Turn("open", "postgres", seconds=5),
    Turn("open", "postgres", 2, seconds=5),
    Turn("rooms", seconds=5),
    Turn("idle", runs=1),
    Turn("tabs", runs=2),
    Turn("boot"),
    Turn("outbox"),
    Turn("history", seconds=4),
    Turn("history", "postgres", seconds=4),
    Turn("search", runs=2, seconds=4),
    Turn("search", "postgres", runs=2, seconds=4),
    Turn("statements", runs=1),
    Turn("statements", "postgres", runs=1),
    Turn("growth", seconds=3),
    Turn("growth", "postgres", seconds=3),
    Turn("members", seconds=2),
    Turn("members", "postgres", seconds=2),
    Turn("presence", runs=1),
    Turn("storm", runs=1),
    Turn("reconnect", runs=1),
    Turn("libraries", runs=1, seconds=4),
)
