"""Which library should serve the chat: the same four workloads on each, turn by turn."""

from dataclasses import replace

from benchmarks import idle, stage, tabs
from benchmarks.direct import PAIRS, chat_loops, run_loops
from benchmarks.figures import Figures
from benchmarks.ledger import Ledger
from benchmarks.rooms import LARGE_RATE, rooms_of
from benchmarks.workload import Plan
from chat_app.node.node import running_node

# The empty name is production's own.
LIBRARIES = {"": "uvicorn", "deflate": "uvicorn, all deflated", "granian": "granian"}
IDLE_S = 4
SOCKETS = 500
TABS = 100


async def measure(plan: Plan) -> list[Figures]:
    """Run *libraries*."""
    figures = Figures(
        "libraries",
        f"direct: {PAIRS} pairs in a closed loop; fan-out: a room of {SOCKETS} at "
        f"{LARGE_RATE} msg/s; idle: {SOCKETS} sockets; tabs: {TABS} of the whole UI in one "
        f"room at {tabs.RATE} msg/s; {plan.durability}",
    )
    for _ in range(plan.runs):
        for library, name in LIBRARIES.items():
            await _direct(figures, plan, library, name)
            await _fan_out(figures, plan, library, name)
            await _idle(figures, plan, library, name)
            await _tabs(figures, plan, library, name)
    return [figures]


async def _direct(figures: Figures, plan: Plan, library: str, name: str) -> None:
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, 2 * PAIRS)
        ledger = Ledger()
        with stage.chat_server(storage, pinned=True, library=library) as chat:
            pid = chat.server.process.pid
            loops = await chat_loops([chat.url], people, ledger)
            await run_loops(loops, plan.warm_up, pid)
            own = await run_loops(loops, plan.seconds, pid)
    figures.add(f"{name}: direct, msg/s", own.per_second)
    figures.add(f"{name}: direct, p99, ms", own.p99_ms)
    figures.add(f"{name}: direct, server CPU, µs a message", own.cpu_us)


async def _fan_out(figures: Figures, plan: Plan, library: str, name: str) -> None:
    size = 100 if plan.quick else SOCKETS
    async with rooms_of(plan, size, size, library=library) as (traffic, pids):
        await traffic.offer(LARGE_RATE, plan.warm_up, *pids)
        outcome = await traffic.offer(LARGE_RATE, plan.seconds, *pids)
    figures.add(f"{name}: fan-out, p99, ms", outcome.p99_ms)
    figures.add(f"{name}: fan-out, server CPU, µs a delivery", outcome.cpu_us)


async def _idle(figures: Figures, plan: Plan, library: str, name: str) -> None:
    part = Figures("idle", "")
    await idle.watch(part, plan, 100 if plan.quick else SOCKETS, IDLE_S, library)
    figures.take(part, f"{name}: idle, ", ["memory of a socket, KiB", "silent, % of a core"])


async def _tabs(figures: Figures, plan: Plan, library: str, name: str) -> None:
    part = Figures("tabs", "")
    await tabs.watch(part, replace(plan, runs=1), 20 if plan.quick else TABS, library)
    cpu = "CPU of a refresh, sending included, ms"
    figures.take(part, f"{name}: tabs, ", ["memory of a tab, KiB", cpu, "shown, p99, ms"])
