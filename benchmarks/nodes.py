"""One node and two over the same PostgreSQL and Redis, turn by turn in one run.

The throughput of two nodes needs a core for each of them, one for PostgreSQL and one for the load
client. Where there are fewer, the CPU time of a message says what the machine cannot show.
"""

from benchmarks import machine, stage
from benchmarks.direct import PAIRS, TEXT, Measured, chat_loops, run_loops
from benchmarks.figures import Figures, at_least, at_most, percentile
from benchmarks.ledger import Ledger
from benchmarks.machine import Usage
from benchmarks.presence import talk
from benchmarks.sockets import open_all
from benchmarks.workload import Plan
from chat_app.node.node import running_node

RATE = 200
OUTSIDE = ("postgres", "redis-server")
EACH = 2 * PAIRS


async def measure(plan: Plan) -> list[Figures]:
    """Run *nodes*: direct messages in a closed loop, then across nodes at a fixed rate."""
    figures = Figures(
        "nodes",
        f"{PAIRS} pairs, closed loop, {len(TEXT)} bytes, on one node and on two (half of the pairs "
        f"across); then {RATE} msg/s, all across; {plan.durability}; "
        f"{len(machine.ALL_CORES)} cores for nodes, PostgreSQL, Redis and the load client",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            # Of every way to be connected its own people: each hears only what is meant for it.
            people = [await stage.add_people(node, EACH) for _ in range(4)]
        ledger = Ledger()
        with stage.chat_server(storage) as first, stage.chat_server(storage) as second:
            urls = [first.url, second.url]
            pids = [first.server.process.pid, second.server.process.pid]
            one = await chat_loops(urls[:1], people[0], ledger)
            two = await chat_loops(urls, people[1], ledger, first_pair=PAIRS)
            for loops in (one, two):
                await run_loops(loops, plan.warm_up, *pids)
            for _ in range(plan.runs):
                alone = await run_loops(one, plan.seconds, *pids)
                outside = {name: Usage(*machine.started(name)) for name in OUTSIDE}
                both = await run_loops(two, plan.seconds, *pids)
                _note(figures, alone, both)
                for name, usage in outside.items():
                    cpu_us = usage.server_seconds() / (both.per_second * plan.seconds) * 1e6
                    figures.add(f"CPU of {name}, µs a message", cpu_us)
            near = await open_all(urls[0], people[2])
            across = await open_all(urls * PAIRS, people[3])
            for wires, talkers in ((near, people[2]), (across, people[3])):
                await talk(wires, talkers, plan.warm_up, RATE)
            for _ in range(plan.runs):
                took = await talk(near, people[2], plan.seconds, RATE)
                figures.add(f"within one node at {RATE} msg/s, p99, ms", percentile(took, 99))
                took = await talk(across, people[3], plan.seconds, RATE)
                figures.add(f"across nodes at {RATE} msg/s, p50, ms", percentile(took, 50))
                figures.add(
                    f"across nodes at {RATE} msg/s, p99, ms", percentile(took, 99), at_most(50)
                )
        async with running_node(storage.settings()) as node:
            await ledger.compare(node.database)
    return [figures]


def _note(figures: Figures, alone: Measured, both: Measured) -> None:
    figures.add("one node, msg/s", alone.per_second)
    figures.add("two nodes, msg/s", both.per_second)
    figures.add("two nodes / one node", both.per_second / alone.per_second, at_least(1.6))
    figures.add("CPU of the nodes, one, µs a message", alone.cpu_us)
    figures.add("CPU of the nodes, two together, µs a message", both.cpu_us)
    # What two nodes would do beside one if each had as much of a core as one has.
    figures.add("two nodes / one node, by CPU of a node", 2 * alone.cpu_us / both.cpu_us)
    figures.add("one node, share of a core", alone.server_share)
    figures.add("two nodes, share of a core together", both.server_share)
    figures.add("load client with two nodes, share of a core", both.client_share)
