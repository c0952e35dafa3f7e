"""Direct messages in a closed loop: against a bare relay's floor, and on one node and two.

Two nodes can do more than one only where each has a core, and PostgreSQL and the load client have
theirs. Where there are fewer, the CPU time of a message shows what the machine cannot.
"""

from collections.abc import Sequence

from benchmarks import machine, stage
from benchmarks.figures import Figures, percentile
from benchmarks.machine import Usage
from benchmarks.rooms import SIZE, Outcome, Traffic, pairs
from benchmarks.sockets import Wire
from benchmarks.workload import Plan

PAIRS = 50
EACH = 2 * PAIRS
RATE = 200  # across nodes
OUTSIDE = ("postgres", "redis-server")


async def measure(plan: Plan) -> list[Figures]:
    """Run *direct* and the relay turn by turn."""
    figures = Figures(
        "direct", f"{PAIRS} pairs, closed loop, {SIZE} bytes, fan-out 1 + ack, {plan.durability}"
    )
    with stage.fresh(plan) as chat, chat.relay() as relay:
        async with chat.node() as node:
            people = await stage.add_people(node, EACH)
        with chat.servers(plan.nodes, pinned=True) as nodes:
            pids = [node.server.process.pid for node in nodes]
            chats = await pairs(_half_across([node.url for node in nodes]), people)
            wires = [await Wire.open(f"{relay.url}/?pair={place // 2}") for place in range(EACH)]
            floor = Traffic(wires, chats.rooms)
            await chats.loop(plan.warm_up, *pids)
            for _ in range(plan.runs):
                own = await chats.loop(plan.seconds, *pids)
                acked = await floor.loop(plan.seconds / 2, relay.server.process.pid)
                figures.add("stored, acked and delivered, msg/s", own.per_second)
                figures.add_times("", own.took, most_p99=20)
                figures.add("floor with acks, msg/s", acked.per_second)
                figures.add("floor with acks, p99, ms", percentile(acked.took, 99))
                ratio = own.per_second / acked.per_second
                figures.add("direct / floor with acks", ratio, least=0.2)
                figures.add("server CPU, µs a message", own.cpu_us)
                figures.add("server CPU at the floor with acks, µs a message", acked.cpu_us)
                figures.add("floor with acks / direct, in CPU time", acked.cpu_us / own.cpu_us)
                figures.add("server, share of its core", own.server_share)
                figures.add("load client, share of its core", own.client_share)
                figures.add("load client at the floor, share of its core", acked.client_share)
        async with chat.node() as node:
            await chats.ledger.compare(node.database)
    figures.add("deliveries that came twice", chats.ledger.doubled)
    return [figures]


async def measure_nodes(plan: Plan) -> list[Figures]:
    """Run *nodes*: the closed loop on one node and on two, then across nodes at a fixed rate."""
    figures = Figures(
        "nodes",
        f"{PAIRS} pairs, closed loop, {SIZE} bytes, on one node and on two (half of the pairs "
        f"across); then {RATE} msg/s, all across; {plan.durability}; "
        f"{len(machine.ALL_CORES)} cores for nodes, PostgreSQL, Redis and the load client",
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            # Each kind of connection has people of its own.
            people = [await stage.add_people(node, EACH) for _ in range(4)]
        with chat.servers(2) as nodes:
            urls = [node.url for node in nodes]
            pids = [node.server.process.pid for node in nodes]
            one, two = await pairs(urls[0], people[0]), await pairs(_half_across(urls), people[1])
            for traffic in (one, two):
                await traffic.loop(plan.warm_up, *pids)
            for _ in range(plan.runs):
                alone = await one.loop(plan.seconds, *pids)
                outside = {name: Usage(*machine.started(name)) for name in OUTSIDE}
                both = await two.loop(plan.seconds, *pids)
                _note_nodes(figures, alone, both)
                for name, usage in outside.items():
                    figures.add(f"CPU of {name}, µs a message", usage.server_us(len(both.took)))
            near, across = await pairs(urls[0], people[2]), await pairs(urls * PAIRS, people[3])
            for traffic in (near, across):
                await traffic.offer(RATE, plan.warm_up)
            for _ in range(plan.runs):
                took = (await near.offer(RATE, plan.seconds)).took
                figures.add(f"within one node at {RATE} msg/s, p99, ms", percentile(took, 99))
                took = (await across.offer(RATE, plan.seconds)).took
                figures.add_times(f"across nodes at {RATE} msg/s, ", took, most_p99=50)
        async with chat.node() as node:
            for each in (one, two, near, across):
                await each.ledger.compare(node.database)
    return [figures]


def _note_nodes(figures: Figures, alone: Outcome, both: Outcome) -> None:
    figures.add("one node, msg/s", alone.per_second)
    figures.add("two nodes, msg/s", both.per_second)
    figures.add("two nodes / one node", both.per_second / alone.per_second, least=1.6)
    figures.add("CPU of the nodes, one, µs a message", alone.cpu_us)
    figures.add("CPU of the nodes, two together, µs a message", both.cpu_us)
    # The rate of two nodes beside one if each had as much of a core as one has.
    figures.add("two nodes / one node, by CPU of a node", 2 * alone.cpu_us / both.cpu_us)
    figures.add("one node, share of a core", alone.server_share)
    figures.add("two nodes, share of a core together", both.server_share)
    figures.add("load client with two nodes, share of a core", both.client_share)


def _half_across(urls: Sequence[str]) -> list[str]:
    """Return where each device connects, so that half of the pairs are on two nodes."""
    places = [place for pair in range(PAIRS) for place in (pair, pair // 2)]
    return [urls[place % len(urls)] for place in places]
