"""Direct messages beside a plain chat and a bare relay, turn by turn in one run.

Each server has one core for itself; PostgreSQL, Redis and the load client share the other.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import psutil

from benchmarks import machine, stage
from benchmarks.direct import EACH, OUTSIDE, PAIRS
from benchmarks.figures import Figures, percentile
from benchmarks.machine import Usage
from benchmarks.rooms import SIZE, Outcome, Room, Traffic, pairs
from benchmarks.sockets import Wire
from benchmarks.workload import EMBEDDED, Plan

LEAST = {"PostgreSQL": 1.1, "SQLite": 1.6}


class Served(NamedTuple):
    """A server with its load, which runs in turns."""

    traffic: Traffic
    pid: int


async def measure(plan: Plan) -> list[Figures]:
    """Run *peers*: the chat on both databases, the plain chat, the relay."""
    figures = Figures(
        "peers",
        f"{PAIRS} pairs, closed loop, {SIZE} bytes, fan-out 1 + ack; one core for the server, one "
        f"for PostgreSQL, Redis and the load client; {plan.durability}",
    )
    async with contextlib.AsyncExitStack() as stack:
        chats = {
            "PostgreSQL": await stack.enter_async_context(_chat(plan)),
            "SQLite": await stack.enter_async_context(_chat(replace(plan, new_storage=EMBEDDED))),
        }
        plain = await stack.enter_async_context(_plain(plan))
        relay = await stack.enter_async_context(_relay(plan))
        outside = [process.pid for name in OUTSIDE for process in _pinned(name)]
        for served in (*chats.values(), plain, relay):
            await served.traffic.loop(plan.warm_up, served.pid)
        for _ in range(plan.runs):
            peer = await _turn(figures, "plain chat", plain, plan, outside=outside)
            acked = await relay.traffic.loop(plan.seconds / 2, relay.pid)
            figures.add("relay with acks, msg/s", acked.per_second)
            for name, served in chats.items():
                own = await _turn(
                    figures, f"chat on {name}", served, plan, outside=outside, most_p99=20
                )
                ratio = own.per_second / peer.per_second
                figures.add(f"chat on {name} / plain chat", ratio, least=LEAST[name])
                figures.add(f"chat on {name} / relay", own.per_second / acked.per_second)
    return [figures]


async def _turn(
    figures: Figures,
    name: str,
    served: Served,
    plan: Plan,
    *,
    outside: Sequence[int],
    most_p99: float | None = None,
) -> Outcome:
    usage = Usage(*outside)
    outcome = await served.traffic.loop(plan.seconds, served.pid)
    figures.add(f"{name}, msg/s", outcome.per_second)
    figures.add(f"{name}, p99, ms", percentile(outcome.took, 99), most=most_p99)
    figures.add(f"{name}, CPU of the server, µs a message", outcome.cpu_us)
    figures.add(f"{name}, CPU of the databases, µs a message", usage.server_us(len(outcome.took)))
    figures.add(f"{name}, share of the server's core", outcome.server_share)
    return outcome


@contextlib.asynccontextmanager
async def _chat(plan: Plan) -> AsyncIterator[Served]:
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, EACH)
        with chat.server(pinned=True) as served:
            traffic = await pairs(served.url, people)
            yield Served(traffic, served.server.process.pid)
        async with chat.node() as node:
            await traffic.ledger.compare(node.database)


@contextlib.asynccontextmanager
async def _plain(plan: Plan) -> AsyncIterator[Served]:
    with stage.fresh(plan) as chat, chat.plain_peer() as served:
        names = [f"person-{place}" for place in range(EACH)]
        wires = [await Wire.open(f"{served.url}/?user={name}") for name in names]
        rooms = [
            Room(f'"receiver_id":"{names[place + 1]}"', range(place, place + 2), 1)
            for place in range(0, EACH, 2)
        ]
        yield Served(Traffic(wires, rooms), served.server.process.pid)


@contextlib.asynccontextmanager
async def _relay(plan: Plan) -> AsyncIterator[Served]:
    with stage.fresh(replace(plan, new_storage=EMBEDDED)) as chat, chat.relay() as served:
        wires = [await Wire.open(f"{served.url}/?pair={place // 2}") for place in range(EACH)]
        rooms = [
            Room('"receiver_id":""', range(place, place + 2), 1) for place in range(0, EACH, 2)
        ]
        yield Served(Traffic(wires, rooms), served.server.process.pid)


def _pinned(name: str) -> list[psutil.Process]:
    """Restrict a database server to the load client's core; return its processes."""
    processes = machine.family(*machine.started(name))
    for process in processes:
        process.cpu_affinity(sorted(machine.CLIENT_CORES))
    return processes
