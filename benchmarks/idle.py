"""A thousand open sockets that say nothing: memory of each, processor time of all."""

import asyncio

from benchmarks import stage
from benchmarks.figures import Figures, at_most
from benchmarks.ledger import Violation
from benchmarks.machine import Usage, memory
from benchmarks.sockets import open_all, open_browser
from benchmarks.wire import Wire
from benchmarks.workload import Plan
from chat_app.node.node import running_node

SOCKETS = 1_000
WARM_UP = 50
IDLE_S = 20
HEARTBEAT_S = 30  # what the greeting asks of clients
PING = b'{"type":"ping"}'


async def measure(plan: Plan) -> list[Figures]:
    """Run *idle*: first in silence, then with the heartbeats that browsers send."""
    count = SOCKETS // 10 if plan.quick else SOCKETS
    idle_s = 3 if plan.quick else IDLE_S
    figures = Figures(
        "idle",
        f"{count:,} sockets, opened as browsers do (cookie, Origin, compression offered), "
        f"{idle_s} s each",
    )
    for _ in range(plan.runs):
        await watch(figures, plan, count, idle_s)
    return [figures]


async def watch(figures: Figures, plan: Plan, count: int, idle_s: float, library: str = "") -> None:
    """Open `count` sockets, and note what they cost while nothing is said."""
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, WARM_UP + count)
        with stage.chat_server(storage, library=library) as chat:
            pid = chat.server.process.pid
            # The first sockets fill pools and caches, which are no cost of a socket.
            kept = await open_all(chat.url, people[:WARM_UP], open_browser)
            before = memory(pid)
            wires = await open_all(chat.url, people[WARM_UP:], open_browser)
            after = memory(pid)
            usage = Usage(pid)
            await asyncio.sleep(idle_s)
            silent = usage.server_share()
            usage = Usage(pid)
            await _beat(wires, idle_s)
            beating = usage.server_share()
            _check([*kept, *wires])
    figures.add("memory of a socket, KiB", (after - before) / count / 1024, at_most(64))
    figures.add("silent, % of a core", silent * 100, at_most(3))
    figures.add(f"with a heartbeat every {HEARTBEAT_S} s, % of a core", beating * 100)


async def _beat(wires: list[Wire], seconds: float) -> None:
    pause = HEARTBEAT_S / len(wires)
    for number in range(int(seconds / pause)):
        wires[number % len(wires)].send(PING)
        await asyncio.sleep(pause)


def _check(wires: list[Wire]) -> None:
    gone = [wire.closed for wire in wires if wire.closed]
    if gone:
        raise Violation(f"{len(gone)} idle sockets were ended: {gone[0]}")
