"""Every workload by its name, and the table of targets as one run of bounded time."""

from collections.abc import Awaitable, Callable

from benchmarks import (
    browser,
    crowds,
    direct,
    groups,
    growth,
    idle,
    marks,
    pages,
    peers,
    rooms,
    tabs,
)
from benchmarks.figures import Figures
from benchmarks.workload import Plan

WORKLOADS: dict[str, Callable[[Plan], Awaitable[list[Figures]]]] = {
    "direct": direct.measure,
    "peers": peers.measure,
    "open": rooms.measure_delivery,
    "rooms": rooms.measure_large_room,
    "marks": marks.measure,
    "nodes": direct.measure_nodes,
    "idle": idle.measure,
    "tabs": tabs.measure,
    "boot": browser.measure_boot,
    "outbox": browser.measure_outbox,
    "history": pages.measure_history,
    "search": pages.measure_search,
    "statements": growth.measure_statements,
    "growth": growth.measure_messages,
    "members": growth.measure_members,
    "groups": groups.measure,
    "presence": crowds.measure_presence,
    "storm": crowds.measure_storm,
    "reconnect": crowds.measure_reconnect,
}

# 20 to 25 minutes on two quiet cores.
WHOLE = (
    Plan("direct", runs=4),
    Plan("direct", "postgres"),
    Plan("peers", "postgres"),
    Plan("nodes", "postgres", 2),
    Plan("open", seconds=5),
    Plan("open", "postgres", seconds=5),
    Plan("open", "postgres", 2, seconds=5),
    Plan("rooms", seconds=5),
    Plan("marks", seconds=5),
    Plan("marks", "postgres", seconds=5),
    Plan("idle", runs=1),
    Plan("tabs", runs=2),
    Plan("boot"),
    Plan("outbox"),
    Plan("history", seconds=4),
    Plan("history", "postgres", seconds=4),
    Plan("search", runs=2, seconds=4),
    Plan("search", "postgres", runs=2, seconds=4),
    Plan("statements", runs=1),
    Plan("statements", "postgres", runs=1),
    Plan("growth", seconds=3),
    Plan("growth", "postgres", seconds=3),
    Plan("members", seconds=2),
    Plan("members", "postgres", seconds=2),
    Plan("groups", seconds=2),
    Plan("groups", "postgres", seconds=2),
    Plan("presence", runs=1),
    Plan("storm", runs=1),
    Plan("reconnect", runs=1),
    Plan("reconnect", "postgres", runs=1),
)
