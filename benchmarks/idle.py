"""A thousand open sockets that send nothing: memory of each, processor time of all."""

import asyncio

from benchmarks import stage
from benchmarks.figures import Figures
from benchmarks.machine import Usage, memory
from benchmarks.rooms import at_rate
from benchmarks.sockets import Wire, check_open, open_all, open_browser
from benchmarks.workload import Plan

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
        await _watch(figures, plan, count, idle_s)
    return [figures]


async def _watch(figures: Figures, plan: Plan, count: int, idle_s: float) -> None:
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, WARM_UP + count)
        with chat.server() as server:
            pid = server.server.process.pid
            # The first sockets fill pools and caches, whose cost is not theirs.
            kept = await open_all(server.url, people[:WARM_UP], open_browser)
            before = memory(pid)
            wires = await open_all(server.url, people[WARM_UP:], open_browser)
            after = memory(pid)
            usage = Usage(pid)
            await asyncio.sleep(idle_s)
            silent = usage.server_share()
            usage = Usage(pid)
            await _beat(wires, idle_s)
            beating = usage.server_share()
            check_open([*kept, *wires])
    figures.add("memory of a socket, KiB", (after - before) / count / 1024, most=64)
    figures.add("silent, % of a core", silent * 100, most=3)
    figures.add(f"with a heartbeat every {HEARTBEAT_S} s, % of a core", beating * 100)


async def _beat(wires: list[Wire], seconds: float) -> None:
    number = 0
    async for _ in at_rate(len(wires) / HEARTBEAT_S, seconds):
        wires[number % len(wires)].send(PING)
        number += 1
