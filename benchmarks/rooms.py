"""Messages into groups at a fixed rate, timed from when each was due: no coordinated omission.

A closed loop would wait with the server and so hide its pauses. Here the next message leaves when
it is due, whatever became of the ones before.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from uuid import UUID

from benchmarks import stage
from benchmarks.figures import Figures, Target, at_least, at_most, percentile
from benchmarks.ledger import Ledger, Violation
from benchmarks.machine import Usage
from benchmarks.sockets import MessageSeen, frames_in, open_all
from benchmarks.stage import Storage
from benchmarks.wire import Wire
from benchmarks.workload import Plan
from chat_app.node.node import running_node
from tests.harness.servers import ChatServer

SOCKETS = 200
ROOM = 10
RATE = 500
FIRST_STEP = 600
STEP = 1.1
KNEE_MS = 200
LARGE_ROOM = 1_000
LARGE_RATE = 10
TEXT = "x" * 100
TICK_S = 0.001
SETTLE_S = 20


class Outcome(NamedTuple):
    """What one rate gave."""

    offered: float  # messages a second, as they really left
    p50_ms: float
    p99_ms: float
    missing: int  # deliveries that had not come SETTLE_S after the last message
    late_ms: float  # how late our own sending was, p99: the load client's own pauses
    server_share: float
    client_share: float
    cpu_us: float  # the servers' CPU time for each delivery


@dataclass
class Traffic:
    """The sockets of some rooms, and what has been sent and seen."""

    wires: list[Wire]
    rooms: list[tuple[UUID, range]]  # the devices of each room
    ledger: Ledger = field(default_factory=Ledger)
    due: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    expected: int = 0
    arrived: int = 0
    _complete: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        """Take what comes from every socket."""
        for device, wire in enumerate(self.wires):
            wire.on_text = partial(self._take, device)

    async def offer(self, rate: float, seconds: float, *pids: int) -> Outcome:
        """Send at `rate` for `seconds`, round the rooms and their members."""
        self.took.clear()
        usage = Usage(*pids)
        lateness = []
        started = time.perf_counter()
        first = len(self.due)
        for number in range(int(rate * seconds)):
            due = started + number / rate
            await _until(due)
            lateness.append(time.perf_counter() - due)
            self._send(due)
        offered = (len(self.due) - first) / (time.perf_counter() - started)
        shares = usage.server_share(), usage.client_share()
        missing = await self._settled()
        cpu_us = usage.server_seconds() / max(len(self.took), 1) * 1e6
        took = [second * 1000 for second in self.took]
        late = percentile(lateness, 99) * 1000
        return Outcome(
            offered, percentile(took, 50), percentile(took, 99), missing, late, *shares, cpu_us
        )

    def _send(self, due: float) -> None:
        number = len(self.due)
        room_id, devices = self.rooms[number % len(self.rooms)]
        sender = devices[number // len(self.rooms) % len(devices)]
        self.due.append(due)
        self.expected += len(devices)
        self._complete.clear()
        frame = (
            f'{{"type":"message","conversation_id":"{room_id}","content":"{TEXT}","id":"{number}"}}'
        )
        self.wires[sender].send(frame.encode())

    def _take(self, device: int, text: bytes) -> None:
        for frame in frames_in(text):
            if frame.message is not None:
                self._note(device, frame.type, frame.message)
            elif frame.type == "error":
                raise Violation(f"device {device} got {text[:200]!r}")

    def _note(self, device: int, kind: str, message: MessageSeen) -> None:
        if kind == "ack":
            self.ledger.ack(device, message.conversation_id, message.seq)
        elif kind == "message.created" and self.ledger.see(
            device, message.conversation_id, message.seq
        ):
            self.took.append(time.perf_counter() - self.due[int(message.client_id)])
        else:
            return
        self.arrived += 1
        if self.arrived == self.expected:
            self._complete.set()

    async def _settled(self) -> int:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self._complete.wait()
        return self.expected - self.arrived


async def _until(due: float) -> None:
    """Wait until `due`; the last moment is spent polling, since timers are a millisecond coarse."""
    while (left := due - time.perf_counter()) > 0:  # noqa: ASYNC110  # a point in time, no event
        await asyncio.sleep(left - TICK_S if left > 2 * TICK_S else 0)


@contextlib.contextmanager
def _servers(storage: Storage, count: int, library: str) -> Iterator[list[ChatServer]]:
    """Give the nodes, where the system likes to have them."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(stage.chat_server(storage, library=library)) for _ in range(count)
        ]


@asynccontextmanager
async def rooms_of(
    plan: Plan, members: int, size: int, *, library: str = ""
) -> AsyncIterator[tuple[Traffic, list[int]]]:
    """Give rooms with everybody listening, and the servers' processes; compare at the end."""
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, members)
            ids = await stage.add_rooms(node, people, size)
        devices = [range(start, start + size) for start in range(0, members, size)]
        with _servers(storage, plan.nodes, library) as nodes:
            urls = [nodes[device % len(nodes)].url for device in range(members)]
            wires = await open_all(urls, people)
            traffic = Traffic(wires, list(zip(ids, devices, strict=True)))
            traffic.listen()
            yield traffic, [node.server.process.pid for node in nodes]
            gone = [wire.closed for wire in wires if wire.closed]
            if gone:
                raise Violation(f"{len(gone)} sockets were ended: {gone[0]}")
        async with running_node(storage.settings()) as node:
            await traffic.ledger.compare(node.database)


async def measure_delivery(plan: Plan) -> list[Figures]:
    """Run *open*: the delivery target's rate, then ever more until it is too much."""
    delivery = Figures(
        "open",
        f"{RATE} msg/s in, {len(TEXT)} bytes, {SOCKETS} sockets in rooms of {ROOM}, "
        f"timed from the scheduled sending, {plan.durability}",
    )
    knee = Figures(
        "knee",
        f"the same rooms, +10 % a step of {plan.step:g} s until p99 > {KNEE_MS} ms twice",
    )
    async with rooms_of(plan, SOCKETS, ROOM) as (traffic, pids):
        await traffic.offer(RATE / 2, plan.warm_up, *pids)
        for _ in range(plan.runs):
            outcome = await traffic.offer(RATE, plan.seconds, *pids)
            _note(delivery, outcome, p50=at_most(5), p99=at_most(25))
    await _find_knee(plan, knee)
    return [delivery, knee]


async def measure_rooms(plan: Plan) -> list[Figures]:
    """Run *rooms*: rooms of 10 at the delivery rate beside one of 1,000 members."""
    small = Figures("rooms of 10", f"{RATE} msg/s in, {SOCKETS} sockets")
    async with rooms_of(plan, SOCKETS, ROOM) as (traffic, pids):
        await traffic.offer(RATE / 2, plan.warm_up, *pids)
        for _ in range(plan.runs):
            _note(small, await traffic.offer(RATE, plan.seconds, *pids))
    size = 100 if plan.quick else LARGE_ROOM
    large = Figures(f"room of {size:,}", f"{LARGE_RATE} msg/s in, fan-out {size:,}")
    async with rooms_of(plan, size, size) as (traffic, pids):
        await traffic.offer(LARGE_RATE, plan.warm_up, *pids)
        for _ in range(plan.runs):
            _note(large, await traffic.offer(LARGE_RATE, plan.seconds, *pids))
    return [small, large]


async def _find_knee(plan: Plan, figures: Figures) -> None:
    best, rate, second_try = None, float(FIRST_STEP), False
    async with rooms_of(plan, SOCKETS, ROOM) as (traffic, pids):
        await traffic.offer(RATE, plan.warm_up, *pids)
        while True:
            outcome = await traffic.offer(rate, plan.step, *pids)
            if outcome.missing:
                raise Violation(f"{outcome.missing} deliveries never came at {rate:.0f} msg/s")
            point = {"rate": rate, "p50_ms": outcome.p50_ms, "p99_ms": outcome.p99_ms}
            figures.points.append(point)
            if outcome.p99_ms <= KNEE_MS and outcome.offered >= rate * 0.95:
                best, rate, second_try = outcome, rate * STEP, False
            elif second_try:
                break
            else:
                second_try = True  # a pause of the machine is no knee
    figures.add("last rate below the knee, msg/s in", best.offered if best else 0, at_least(2000))
    if best is not None:
        figures.add("frames/s out", best.offered * ROOM, at_least(20_000))
        figures.add("p50 at that rate, ms", best.p50_ms)
        figures.add("p99 at that rate, ms", best.p99_ms)
        figures.add("server, share of a core", best.server_share)


def _note(
    figures: Figures, outcome: Outcome, *, p50: Target | None = None, p99: Target | None = None
) -> None:
    if outcome.missing:
        raise Violation(f"{outcome.missing} deliveries never came")
    figures.add("delivered, p50, ms", outcome.p50_ms, p50)
    figures.add("delivered, p99, ms", outcome.p99_ms, p99)
    figures.add("server CPU, µs a delivery", outcome.cpu_us)
    figures.add("messages sent late by the load client, p99, ms", outcome.late_ms)
    figures.add("server, share of a core", outcome.server_share)
    figures.add("load client, share of a core, waiting included", outcome.client_share)
