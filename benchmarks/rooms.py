"""Messages in rooms: at a fixed rate, timed from when each was due, or in a closed loop.

At a fixed rate the next message leaves when it is due, whatever became of the ones before: no
coordinated omission. A closed loop waits with the server and so hides its pauses; it shows how many
messages a second the server can do.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from benchmarks import stage
from benchmarks.figures import Figures, percentile
from benchmarks.ledger import Ledger, Violation
from benchmarks.machine import Usage
from benchmarks.sockets import (
    Frame,
    MessageSeen,
    Wire,
    check_open,
    frames_in,
    open_all,
    open_program,
)
from benchmarks.stage import Person
from benchmarks.workload import Plan
from tests.harness.nodes import new_users

SOCKETS, ROOM, RATE = 200, 10, 500
FIRST_STEP, STEP, KNEE_MS = 600, 1.1, 200
LARGE_ROOM, LARGE_RATE = 1_000, 10
# A large group, of which a few are there.
MEMBERS, THERE, THERE_RATE = 5_000, 200, 20
SIZE = 100
TICK_S = 0.001
SETTLE_S = 20


async def at_rate(rate: float, seconds: float) -> AsyncIterator[float]:
    """Yield the moment at which each message is due, at that moment."""
    started = time.perf_counter()
    for number in range(round(rate * seconds)):
        due = started + number / rate
        # Timers are a millisecond coarse: the last moment is spent polling.
        while (left := due - time.perf_counter()) > 0:  # noqa: ASYNC110  # a time, no event
            await asyncio.sleep(left - TICK_S if left > 2 * TICK_S else 0)
        yield due


class Outcome(NamedTuple):
    """The measurements of one turn."""

    per_second: float  # messages, as they really left
    took: list[float]  # ms of each delivery; in a closed loop, of each message and its ack
    late_ms: float  # how late our own sending was, p99: the load client's own pauses
    server_share: float
    client_share: float
    cpu_us: float  # the servers' CPU time for each of `took`: what a busy machine changes least


class Room(NamedTuple):
    """A conversation: its address in a frame, the devices in it, and how many of them send."""

    address: str
    devices: range
    senders: int


@dataclass(slots=True)
class UnderWay:
    """A message that has not come to every device of its room: its turn, and how many lack it."""

    turn: int
    sender: int
    missing: int


@dataclass
class Traffic:
    """The sockets of some rooms, and what has been sent and seen."""

    wires: list[Wire]
    rooms: list[Room]
    ledger: Ledger = field(default_factory=Ledger)
    due: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    _under_way: dict[int, UnderWay] = field(default_factory=dict)
    _complete: asyncio.Event = field(default_factory=asyncio.Event)
    _looping: bool = False

    def __post_init__(self) -> None:
        """Route the frames of every socket to `_take`."""
        for device, wire in enumerate(self.wires):
            wire.on_text = partial(self._take, device)

    async def offer(self, rate: float, seconds: float, *pids: int) -> Outcome:
        """Send at `rate` for `seconds`, round the rooms and their senders."""
        self.took = []
        usage = Usage(*pids)
        lateness = []
        started, first = time.perf_counter(), len(self.due)
        async for due in at_rate(rate, seconds):
            lateness.append(time.perf_counter() - due)
            self._send(due, len(self.due))
        per_second = (len(self.due) - first) / (time.perf_counter() - started)
        shares = usage.server_share(), usage.client_share()
        await self._settle()
        cpu_us = usage.server_us(len(self.took))
        return Outcome(per_second, self.took, percentile(lateness, 99) * 1000, *shares, cpu_us)

    async def loop(self, seconds: float, *pids: int) -> Outcome:
        """Send in each room the next message when the last has arrived, for `seconds`."""
        self.took = []
        usage = Usage(*pids)
        started, self._looping = time.perf_counter(), True
        for turn in range(len(self.rooms)):
            self._send(time.perf_counter(), turn)
        await asyncio.sleep(seconds)
        per_second = len(self.took) / (time.perf_counter() - started)
        shares = usage.server_share(), usage.client_share()
        cpu_us = usage.server_us(len(self.took))
        took, self.took, self._looping = self.took, [], False
        await self._settle()
        return Outcome(per_second, took, 0, *shares, cpu_us)

    async def _settle(self) -> None:
        """Wait until every message has come to everybody. Raises Violation."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._complete.wait(), SETTLE_S)
        if missing := sum(one.missing for one in self._under_way.values()):
            raise Violation(f"{missing} deliveries never came")

    def _send(self, due: float, turn: int) -> None:
        number = len(self.due)
        room = self.rooms[turn % len(self.rooms)]
        sender = room.devices[turn // len(self.rooms) % room.senders]
        self.due.append(due)
        self._under_way[number] = UnderWay(turn, sender, len(room.devices))
        self._complete.clear()
        # Tabs show no id: messages are distinguished by the beginning of the text.
        text = f"mark-{number}-".ljust(SIZE, "x")
        frame = f'{{"type":"message",{room.address},"content":"{text}","id":"{number}"}}'
        self.wires[sender].send(frame.encode())

    def _take(self, device: int, text: bytes) -> None:
        for frame in frames_in(text):
            if frame.type == "error":
                raise Violation(f"device {device} got {text[:200]!r}")
            self._take_frame(device, frame)

    def _take_frame(self, device: int, frame: Frame) -> None:
        if frame.type == "message":  # the echo of a bare relay
            self._arrive(int(frame.id), frame.type)
        elif frame.message and self._is_new(device, frame.type, frame.message):
            self._arrive(int(frame.message.client_id), frame.type)

    def _is_new(self, device: int, kind: str, message: MessageSeen) -> bool:
        if kind == "ack":
            self.ledger.ack(device, message.conversation_id, message.seq)
            return True
        if kind != "message.created":
            return False
        sent = self._under_way.get(int(message.client_id))
        if sent is not None and sent.sender == device:
            # The event was published before the ack was sent: allowed, and seldom.
            self.ledger.doubled += 1
            return False
        return self.ledger.see(device, message.conversation_id, message.seq)

    def _arrive(self, number: int, kind: str) -> None:
        sent = self._under_way[number]
        sent.missing -= 1
        if not sent.missing:
            del self._under_way[number]
        if not sent.missing if self._looping else kind != "ack":
            self.took.append((time.perf_counter() - self.due[number]) * 1000)
        if self._looping and not sent.missing:
            self._send(time.perf_counter(), sent.turn)
        elif not self._under_way:
            self._complete.set()


Kind = TypeVar("Kind", bound=Traffic)


async def pairs(url: str | Sequence[str], people: Sequence[Person]) -> Traffic:
    """Connect people in pairs of a writer and a receiver."""
    rooms = [
        Room(f'"receiver_id":"{people[place + 1].id}"', range(place, place + 2), 1)
        for place in range(0, len(people), 2)
    ]
    return Traffic(await open_all(url, people, open_program), rooms)


@contextlib.asynccontextmanager
async def rooms_of(
    plan: Plan,
    members: int,
    size: int,
    traffic_of: Callable[[list[Wire], list[Room]], Kind],
    *,
    away: int = 0,
) -> AsyncIterator[tuple[Kind, list[int]]]:
    """Yield rooms and the servers' processes; compare at the end.

    Every member is connected but for `away` more in each room.
    """
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, members)
            others = await new_users(node, away) if away else []
            rooms = []
            for start in range(0, members, size):
                group = await stage.add_group(node, people[start : start + size], others)
                devices = range(start, start + size)
                rooms.append(Room(f'"conversation_id":"{group}"', devices, size))
        with chat.servers(plan.nodes) as nodes:
            urls = [nodes[device % len(nodes)].url for device in range(members)]
            traffic = traffic_of(await open_all(urls, people, open_program), rooms)
            yield traffic, [node.server.process.pid for node in nodes]
            check_open(traffic.wires)
        async with chat.node() as node:
            await traffic.ledger.compare(node.database)


async def measure_delivery(plan: Plan) -> list[Figures]:
    """Run *open*: the delivery target's rate, then ever more until it is too much."""
    delivery = Figures(
        "open",
        f"{RATE} msg/s in, {SIZE} bytes, {SOCKETS} sockets in rooms of {ROOM}, "
        f"timed from the scheduled sending, {plan.durability}",
    )
    steps = f"the same rooms, +10 % a step of {plan.step:g} s until p99 > {KNEE_MS} ms twice"
    knee = Figures("knee", steps)
    await _measure(plan, delivery, SOCKETS, ROOM, RATE, most_p50=5, most_p99=25)
    await _find_knee(plan, knee)
    return [delivery, knee]


async def measure_large_room(plan: Plan) -> list[Figures]:
    """Run *rooms*: one room of 1,000 members, and one of 5,000 of whom 200 are there."""
    size = 100 if plan.quick else LARGE_ROOM
    figures = Figures(f"room of {size:,}", f"{LARGE_RATE} msg/s in, fan-out {size:,}")
    await _measure(plan, figures, size, size, LARGE_RATE)
    members, there = (200, 20) if plan.quick else (MEMBERS, THERE)
    large = Figures(
        f"room of {members:,}", f"{there} connected, {THERE_RATE} msg/s in, {plan.durability}"
    )
    away = members - there
    await _measure(plan, large, there, there, THERE_RATE, away=away, most_p99=200)
    return [figures, large]


async def _measure(
    plan: Plan,
    figures: Figures,
    members: int,
    size: int,
    rate: float,
    *,
    away: int = 0,
    **targets: float,
) -> None:
    async with rooms_of(plan, members, size, Traffic, away=away) as (traffic, pids):
        await traffic.offer(rate / 2, plan.warm_up, *pids)
        for _ in range(plan.runs):
            outcome = await traffic.offer(rate, plan.seconds, *pids)
            figures.add_times("delivered, ", outcome.took, **targets)
            figures.add("server CPU, µs a delivery", outcome.cpu_us)
            figures.add("messages sent late by the load client, p99, ms", outcome.late_ms)
            figures.add("server, share of a core", outcome.server_share)
            figures.add("load client, share of a core, waiting included", outcome.client_share)


async def _find_knee(plan: Plan, figures: Figures) -> None:
    best, rate, second_try = None, float(FIRST_STEP), False
    async with rooms_of(plan, SOCKETS, ROOM, Traffic) as (traffic, pids):
        await traffic.offer(RATE, plan.warm_up, *pids)
        while True:
            outcome = await traffic.offer(rate, plan.step, *pids)
            p50_ms, p99_ms = percentile(outcome.took, 50), percentile(outcome.took, 99)
            figures.points.append({"rate": rate, "p50_ms": p50_ms, "p99_ms": p99_ms})
            if p99_ms <= KNEE_MS and outcome.per_second >= rate * 0.95:
                best, rate, second_try = outcome, rate * STEP, False
            elif second_try:
                break
            else:
                second_try = True  # a pause of the machine is no knee
    figures.add("last rate below the knee, msg/s in", best.per_second if best else 0, least=2000)
    if best is not None:
        figures.add("frames/s out", best.per_second * ROOM, least=20_000)
        figures.add("p50 at that rate, ms", percentile(best.took, 50))
        figures.add("p99 at that rate, ms", percentile(best.took, 99))
        figures.add("server, share of a core", best.server_share)
