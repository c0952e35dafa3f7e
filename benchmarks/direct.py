"""Direct messages in a closed loop: against a bare relay's floor, and on one node and two.

Two nodes can do more than one only where each has a core, and PostgreSQL and the load client have
theirs. Where there are fewer, the CPU time of a message shows what the machine cannot.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from benchmarks import machine, stage
from benchmarks.figures import Figures, percentile
from benchmarks.ledger import Ledger, Violation
from benchmarks.machine import Usage
from benchmarks.rooms import SIZE, pairs
from benchmarks.sockets import Frame, Wire, frames_in, open_all
from benchmarks.stage import Person
from benchmarks.workload import Plan

PAIRS = 50
EACH = 2 * PAIRS
RATE = 200  # across nodes
OUTSIDE = ("postgres", "redis-server")
PATIENCE_S = 60
# The first message introduces its conversation and its writers; receipts follow. Recognised
# without decoding, for the client is not what is measured.
ASIDE = (b'{"type":"conversation.', b'{"type":"presence"')


@dataclass
class Loop:
    """One pair's closed loop: the next message is sent when the last one has arrived."""

    number: int
    sender: Wire
    receiver: Wire
    frame: bytes  # up to the message's number, which completes it
    ledger: Ledger | None
    took: list[float] = field(default_factory=list)
    sent: int = 0
    _open: int = 0
    _started: float = 0.0
    _stopping: bool = False
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        """Send the first message."""
        self._stopping = False
        self._idle.clear()
        self.sender.on_text = partial(self._got, "ack", 2 * self.number)
        self.receiver.on_text = partial(self._got, "message.created", 2 * self.number + 1)
        self._next()

    async def stop(self) -> None:
        """Let the message that is under way arrive, and send no more."""
        self._stopping = True
        async with asyncio.timeout(PATIENCE_S):
            await self._idle.wait()

    def _next(self) -> None:
        self.sent += 1
        self._open = 2  # the ack and the delivery
        self._started = time.perf_counter()
        self.sender.send(self.frame + b'%d"}' % self.sent)

    def _got(self, kind: str, device: int, text: bytes) -> None:
        if self.ledger is not None:
            if text.startswith(ASIDE):
                return
            completed = [self._completes(self.ledger, one, kind, device) for one in frames_in(text)]
            if not any(completed):
                return
        self._open -= 1
        if self._open:
            return
        self.took.append((time.perf_counter() - self._started) * 1000)
        if self._stopping:
            self._idle.set()
        else:
            self._next()

    def _completes(self, ledger: Ledger, frame: Frame, kind: str, device: int) -> bool:
        message = frame.message
        if message is None:
            if frame.type == "error":
                raise Violation(f"{frame.code} instead of {kind} of {self.sent}")
            return False
        if frame.type == "ack":
            ledger.ack(device, message.conversation_id, message.seq)
        elif kind == "ack":
            # The event was published before the ack was sent: allowed, and seldom.
            ledger.doubled += 1
            return False
        elif not ledger.see(device, message.conversation_id, message.seq):
            return False
        if message.client_id != str(self.sent):
            raise Violation(f"expected {kind} of {self.sent}, got {message}")
        return True


class Measured(NamedTuple):
    """The measurements of one turn."""

    per_second: float
    took: list[float]
    client_share: float
    server_share: float
    cpu_us: float  # the servers' CPU time a message: what a busy machine changes least


async def measure(plan: Plan) -> list[Figures]:
    """Run *direct* and the relay turn by turn."""
    figures = Figures(
        "direct", f"{PAIRS} pairs, closed loop, {SIZE} bytes, fan-out 1 + ack, {plan.durability}"
    )
    with stage.fresh(plan) as chat, stage.relay_server(chat.storage.folder) as relay:
        async with chat.node() as node:
            people = await stage.add_people(node, EACH)
        ledger = Ledger()
        with chat.servers(plan.nodes, pinned=True) as nodes:
            pids = [node.server.process.pid for node in nodes]
            chats = await chat_loops([node.url for node in nodes], people, ledger)
            floor = await _relay_loops(relay.url, people)
            await run_loops(chats, plan.warm_up, *pids)
            for _ in range(plan.runs):
                own = await run_loops(chats, plan.seconds, *pids)
                _note_direct(figures, own, await run_loops(floor, plan.seconds / 2, relay.pid))
        async with chat.node() as node:
            await ledger.compare(node.database)
    figures.add("deliveries that came twice", ledger.doubled)
    return [figures]


def _note_direct(figures: Figures, own: Measured, acked: Measured) -> None:
    figures.add("stored, acked and delivered, msg/s", own.per_second)
    figures.add_times("", own.took, most_p99=20)
    figures.add("floor with acks, msg/s", acked.per_second)
    figures.add("floor with acks, p99, ms", percentile(acked.took, 99))
    figures.add("direct / floor with acks", own.per_second / acked.per_second, least=0.2)
    figures.add("server CPU, µs a message", own.cpu_us)
    figures.add("server CPU at the floor with acks, µs a message", acked.cpu_us)
    figures.add("floor with acks / direct, in CPU time", acked.cpu_us / own.cpu_us)
    figures.add("server, share of its core", own.server_share)
    figures.add("load client, share of its core", own.client_share)
    figures.add("load client at the floor, share of its core", acked.client_share)


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
        ledger = Ledger()
        with chat.servers(2) as nodes:
            urls = [node.url for node in nodes]
            pids = [node.server.process.pid for node in nodes]
            one = await chat_loops(urls[:1], people[0], ledger)
            two = await chat_loops(urls, people[1], ledger, first_pair=PAIRS)
            for loops in (one, two):
                await run_loops(loops, plan.warm_up, *pids)
            for _ in range(plan.runs):
                alone = await run_loops(one, plan.seconds, *pids)
                outside = {name: Usage(*machine.started(name)) for name in OUTSIDE}
                both = await run_loops(two, plan.seconds, *pids)
                _note_nodes(figures, alone, both)
                for name, usage in outside.items():
                    cpu_us = usage.server_seconds() / (both.per_second * plan.seconds) * 1e6
                    figures.add(f"CPU of {name}, µs a message", cpu_us)
            near, across = await pairs(urls[0], people[2]), await pairs(urls * PAIRS, people[3])
            for traffic in (near, across):
                await traffic.offer(RATE, plan.warm_up)
            for _ in range(plan.runs):
                took = (await near.offer(RATE, plan.seconds)).took
                figures.add(f"within one node at {RATE} msg/s, p99, ms", percentile(took, 99))
                took = (await across.offer(RATE, plan.seconds)).took
                figures.add_times(f"across nodes at {RATE} msg/s, ", took, most_p99=50)
        async with chat.node() as node:
            for each in (ledger, near.ledger, across.ledger):
                await each.compare(node.database)
    return [figures]


def _note_nodes(figures: Figures, alone: Measured, both: Measured) -> None:
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


async def chat_loops(
    urls: Sequence[str], people: list[Person], ledger: Ledger, *, first_pair: int = 0
) -> list[Loop]:
    """Open a socket for each, spread so that half of the pairs are on two nodes."""
    theirs = [urls[_node_of(device) % len(urls)] for device in range(len(people))]
    wires = await open_all(theirs, people)
    senders, receivers = wires[::2], wires[1::2]
    return [
        Loop(first_pair + number, senders[number], receivers[number], _frame(to), ledger)
        for number, to in enumerate(people[1::2])
    ]


async def _relay_loops(url: str, people: list[Person]) -> list[Loop]:
    return [
        Loop(
            number,
            await Wire.open(f"{url}/?pair={number}"),
            await Wire.open(f"{url}/?pair={number}"),
            _frame(to),
            None,
        )
        for number, to in enumerate(people[1::2])
    ]


def _frame(to: Person) -> bytes:
    text = "x" * SIZE
    return f'{{"type":"message","receiver_id":"{to.id}","content":"{text}","id":"'.encode()


def _node_of(device: int) -> int:
    pair = device // 2
    return pair // 2 if device % 2 else pair


async def run_loops(loops: list[Loop], seconds: float, *pids: int) -> Measured:
    """Keep every pair busy for a while; `pids` are the servers."""
    for loop in loops:
        loop.took.clear()
    usage = Usage(*pids)
    started = time.perf_counter()
    for loop in loops:
        loop.start()
    await asyncio.sleep(seconds)
    lasted = time.perf_counter() - started
    took = [ms for loop in loops for ms in loop.took]
    client, server = usage.client_share(), usage.server_share()
    cpu_us = usage.server_seconds() / max(len(took), 1) * 1e6
    await asyncio.gather(*(loop.stop() for loop in loops))
    return Measured(len(took) / lasted, took, client, server, cpu_us)
