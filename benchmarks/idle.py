"""A thousand open sockets that send nothing: memory of each, processor time of all."""

import asyncio
import itertools

from benchmarks import stage
from benchmarks.figures import Figures
from benchmarks.machine import Usage, memory
from benchmarks.rooms import at_rate
from benchmarks.sockets import check_open, open_all, open_browser
from benchmarks.stage import Person
from benchmarks.workload import Plan
from tests.harness.servers import ChatServer

SOCKETS = 1_000
WARM_UP = 50
IDLE_S = 20
HEARTBEAT_S = 30  # what the greeting asks of clients
PING = b'{"type":"ping"}'


async def measure(plan: Plan) -> list[Figures]:
    """Run *idle*: first in silence, then with the heartbeats that browsers send."""
    count, idle_s = (SOCKETS // 10, 3) if plan.quick else (SOCKETS, IDLE_S)
    figures = Figures(
        "idle",
        f"{count:,} sockets, opened as browsers do (cookie, Origin, compression offered), "
        f"{idle_s} s each",
    )
    for _ in range(plan.runs):
        with stage.fresh(plan) as chat:
            async with chat.node() as node:
                people = await stage.add_people(node, WARM_UP + count)
            with chat.server() as server:
                await _watch(figures, server, people, idle_s)
    return [figures]


async def _watch(figures: Figures, chat: ChatServer, people: list[Person], idle_s: float) -> None:
    pid = chat.server.process.pid
    # The first sockets fill pools and caches, whose cost is not theirs.
    kept = await open_all(chat.url, people[:WARM_UP], open_browser)
    before = memory(pid)
    wires = await open_all(chat.url, people[WARM_UP:], open_browser)
    figures.add("memory of a socket, KiB", (memory(pid) - before) / len(wires) / 1024, most=64)
    usage = Usage(pid)
    await asyncio.sleep(idle_s)
    figures.add("silent, % of a core", usage.server_share() * 100, most=3)
    usage, turns = Usage(pid), itertools.cycle(wires)
    async for _ in at_rate(len(wires) / HEARTBEAT_S, idle_s):
        next(turns).send(PING)
    share = usage.server_share()
    figures.add(f"with a heartbeat every {HEARTBEAT_S} s, % of a core", share * 100)
    check_open([*kept, *wires])
