"""Open tabs of the user interface: raw Engine.IO against the whole chat in production.

A tab is what a browser keeps open: a hydrated Reflex state behind a socket, showing one room.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Self
from uuid import uuid4

from benchmarks import stage
from benchmarks.figures import Figures
from benchmarks.ledger import Violation
from benchmarks.machine import Usage, memory
from benchmarks.rooms import Room, Traffic
from benchmarks.sockets import Wire, check_open, open_all, open_program
from benchmarks.stage import Person
from benchmarks.workload import Plan
from tests.harness.tabs import MESSAGE, PING, PONG, hydration

TABS = 200
WARM_UP = 10
RATE = 20
AT_ONCE = 10
PATIENCE_S = 60
SETTLE_S = 20
MARK = re.compile(rb"mark-(\d+)-")


@dataclass
class OpenTab:
    """One tab that watches for marked messages, which were due at these moments."""

    due: list[float]
    wire: Wire
    refreshes: int = 0
    took: list[float] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    _shown: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def open(cls, due: list[float], room: str, url: str, person: Person) -> Self:
        """Open the socket, hydrate, and wait until the room is shown."""
        wire = await Wire.open(
            f"{url}/_event/?EIO=4&transport=websocket&token={uuid4()}",
            headers={"Cookie": person.cookie, "Origin": url},
        )
        tab = cls(due, wire)
        wire.on_text = tab._take
        router = {"pathname": "/chat/[conversation_id]", "query": {"conversation_id": room}}
        wire.send(hydration(f"/chat/{room}", **router).encode())
        async with asyncio.timeout(PATIENCE_S):
            await tab._shown.wait()
        return tab

    def _take(self, text: bytes) -> None:
        if text == PING.encode():
            self.wire.send(PONG.encode())
        elif text.startswith(MESSAGE.encode()):
            self.refreshes += 1
            now = time.perf_counter()
            for number in {int(mark) for mark in MARK.findall(text)} - self.seen:
                self.seen.add(number)
                self._shown.set()
                self.took.append((now - self.due[number]) * 1000)


async def measure(plan: Plan) -> list[Figures]:
    """Run *tabs*: memory of a hydrated tab, then all of them in one busy room."""
    count = TABS // 10 if plan.quick else TABS
    setting = f"{count} hydrated tabs of as many people in one room, {RATE} msg/s in"
    figures = Figures("tabs", setting)
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, WARM_UP + count)
            room = await stage.add_group(node, people)
        with chat.full_server() as server:
            pid = server.server.process.pid
            writer = [await open_program(server.url, people[0])]
            traffic = Traffic(writer, [Room(f'"conversation_id":"{room}"', range(1), 1)])
            await traffic.offer(RATE, 1 / RATE)
            opened = partial(OpenTab.open, traffic.due, str(room))
            warm = await open_all(server.url, people[:WARM_UP], opened, at_once=AT_ONCE)
            before = memory(pid)
            tabs = await open_all(server.url, people[WARM_UP:], opened, at_once=AT_ONCE)
            after = memory(pid)
            figures.add("memory of a tab, KiB", (after - before) / count / 1024, most=300)
            # The first run warms up.
            for into in (Figures("", ""), *[figures] * plan.runs):
                await _run(into, [*warm, *tabs], traffic, pid, plan.seconds)
    return [figures]


async def _run(
    figures: Figures, tabs: list[OpenTab], traffic: Traffic, pid: int, seconds: float
) -> None:
    check_open([tab.wire for tab in tabs])
    for tab in tabs:
        tab.refreshes = 0
        tab.took.clear()
    usage = Usage(pid)
    await traffic.offer(RATE, seconds)
    end = time.perf_counter() + SETTLE_S
    while missing := sum(len(tab.due) - len(tab.seen) for tab in tabs):
        if time.perf_counter() > end:
            raise Violation(f"{missing} messages were never shown")
        await asyncio.sleep(0.02)
    refreshes = sum(tab.refreshes for tab in tabs)
    took = [ms for tab in tabs for ms in tab.took]
    figures.add_times("shown, ", took, most_p99=500)
    cpu_ms = usage.server_us(refreshes) / 1000
    figures.add("CPU of a refresh, sending included, ms", cpu_ms, most=0.2)
    figures.add("messages in one refresh", len(took) / refreshes)
    figures.add("server, share of a core", usage.server_share())
    figures.add("load client, share of a core", usage.client_share())
