"""Open tabs of the user interface: raw Engine.IO against the whole chat in production.

A tab is what a browser keeps open: a hydrated Reflex state behind a socket, showing one room.
"""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

from benchmarks import stage
from benchmarks.figures import Figures
from benchmarks.ledger import Violation
from benchmarks.machine import Usage, memory
from benchmarks.rooms import Room, Traffic
from benchmarks.sockets import Wire, check_open, open_program
from benchmarks.stage import Person
from benchmarks.workload import Plan
from tests.harness.tabs import HYDRATE, MESSAGE, PING, PONG

TABS = 200
WARM_UP = 10
RATE = 20
AT_ONCE = 10
PATIENCE_S = 60
SETTLE_S = 20
MARK = re.compile(rb"mark-(\d+)-")


class OpenTab:
    """One tab that watches for marked messages."""

    def __init__(self, due: list[float]) -> None:
        self.refreshes = 0
        self.took: list[float] = []
        self.wire: Wire | None = None
        self._due = due
        self._seen: set[int] = set()
        self._shown = asyncio.Event()

    async def open(self, url: str, person: Person, room: str) -> None:
        """Open the socket, hydrate, and wait until the room is shown."""
        self.wire = await Wire.open(
            f"{url}/_event/?EIO=4&transport=websocket&token={uuid4()}",
            headers={"Cookie": person.cookie, "Origin": url},
            on_text=self._take,
        )
        router = {"pathname": "/chat/[conversation_id]", "asPath": f"/chat/{room}"}
        router_data = {**router, "query": {"conversation_id": room}}
        event = {"name": HYDRATE, "payload": {}, "router_data": router_data}
        self.wire.send(b"40/_event," + json.dumps({"event": event}).encode())
        async with asyncio.timeout(PATIENCE_S):
            await self._shown.wait()

    def unseen(self) -> int:
        """Return how many of the messages it has not shown."""
        return len(self._due) - len(self._seen)

    def _take(self, text: bytes) -> None:
        if text == PING.encode() and self.wire is not None:
            self.wire.send(PONG.encode())
        elif text.startswith(MESSAGE.encode()):
            self.refreshes += 1
            now = time.perf_counter()
            for number in {int(mark) for mark in MARK.findall(text)} - self._seen:
                self._seen.add(number)
                self._shown.set()
                self.took.append((now - self._due[number]) * 1000)


async def measure(plan: Plan) -> list[Figures]:
    """Run *tabs*: memory of a hydrated tab, then all of them in one busy room."""
    count = TABS // 10 if plan.quick else TABS
    figures = Figures(
        "tabs", f"{count} hydrated tabs of as many people in one room, {RATE} msg/s in"
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, WARM_UP + count)
            room = await stage.add_group(node, people)
        with chat.full_server() as server:
            pid = server.server.process.pid
            writer = [await open_program(server.url, people[0])]
            traffic = Traffic(writer, [Room(f'"conversation_id":"{room}"', range(1), 1)])
            await traffic.offer(RATE, 1 / RATE)
            warm = await _open_tabs(server.url, people[:WARM_UP], room, traffic.due)
            before = memory(pid)
            tabs = await _open_tabs(server.url, people[WARM_UP:], room, traffic.due)
            after = memory(pid)
            figures.add("memory of a tab, KiB", (after - before) / count / 1024, most=300)
            # The first run warms up.
            for into in (Figures("", ""), *[figures] * plan.runs):
                await _run(into, [*warm, *tabs], traffic, pid, plan.seconds)
    return [figures]


async def _run(
    figures: Figures, tabs: list[OpenTab], traffic: Traffic, pid: int, seconds: float
) -> None:
    check_open([tab.wire for tab in tabs if tab.wire])
    for tab in tabs:
        tab.refreshes = 0
        tab.took.clear()
    usage = Usage(pid)
    await traffic.offer(RATE, seconds)
    end = time.perf_counter() + SETTLE_S
    while missing := sum(tab.unseen() for tab in tabs):
        if time.perf_counter() > end:
            raise Violation(f"{missing} messages were never shown")
        await asyncio.sleep(0.02)
    share, client = usage.server_share(), usage.client_share()
    refreshes = sum(tab.refreshes for tab in tabs)
    took = [ms for tab in tabs for ms in tab.took]
    figures.add_times("shown, ", took, most_p99=500)
    cpu_ms = usage.server_seconds() / refreshes * 1000
    figures.add("CPU of a refresh, sending included, ms", cpu_ms, most=0.2)
    figures.add("messages in one refresh", len(took) / refreshes)
    figures.add("server, share of a core", share)
    figures.add("load client, share of a core", client)


async def _open_tabs(
    url: str, people: Sequence[Person], room: UUID, due: list[float]
) -> list[OpenTab]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(person: Person) -> OpenTab:
        tab = OpenTab(due)
        async with turns:
            await tab.open(url, person, str(room))
        return tab

    return await asyncio.gather(*(one(person) for person in people))
