"""Open tabs of the user interface: raw Engine.IO against the whole chat in production.

A tab is what a browser keeps open: a hydrated Reflex state behind a socket, showing one room.
"""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

from benchmarks import stage
from benchmarks.figures import Figures, at_most, percentile
from benchmarks.ledger import Violation
from benchmarks.machine import Usage, memory
from benchmarks.sockets import open_program
from benchmarks.stage import Person
from benchmarks.wire import Wire
from benchmarks.workload import Plan
from chat_app.node.node import running_node
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

    def __init__(self) -> None:
        self.refreshes = 0
        self.seen: set[int] = set()
        self.took: list[float] = []
        self._wire: Wire | None = None
        self._shown = asyncio.Event()

    async def open(self, url: str, person: Person, room: UUID) -> None:
        """Open the socket, hydrate, and wait until the room is shown."""
        wire = await Wire.open(
            f"{url}/_event/?EIO=4&transport=websocket&token={uuid4()}",
            headers={"Cookie": person.cookie, "Origin": url},
        )
        self._wire = wire
        wire.on_text = partial(self._hear, wire, [])
        path = f"/chat/{room}"
        router = {"pathname": "/chat/[conversation_id]", "asPath": path}
        router_data = {**router, "query": {"conversation_id": str(room)}}
        event = {"name": HYDRATE, "payload": {}, "router_data": router_data}
        wire.send(b"40/_event," + json.dumps({"event": event}).encode())
        async with asyncio.timeout(PATIENCE_S):
            await self._shown.wait()

    def watch(self, due: Sequence[float]) -> None:
        """Time the marked messages from when each was due."""
        if self._wire is None or self._wire.closed:
            raise Violation(f"a tab was ended: {self._wire and self._wire.closed}")
        self.refreshes = 0
        self.took.clear()
        self._wire.on_text = partial(self._hear, self._wire, due)

    def _hear(self, wire: Wire, due: Sequence[float], text: bytes) -> None:
        if text == PING.encode():
            wire.send(PONG.encode())
        elif text.startswith(MESSAGE.encode()):
            self.refreshes += 1
            now = time.perf_counter()
            for mark in MARK.findall(text):
                number = int(mark)
                if number not in self.seen:
                    self.seen.add(number)
                    self._shown.set()
                    if number < len(due):
                        self.took.append((now - due[number]) * 1000)


async def measure(plan: Plan) -> list[Figures]:
    """Run *tabs*: memory of a hydrated tab, then all of them in one busy room."""
    count = TABS // 10 if plan.quick else TABS
    figures = Figures(
        "tabs", f"{count} hydrated tabs of as many people in one room, {RATE} msg/s in"
    )
    await watch(figures, plan, count)
    return [figures]


async def watch(figures: Figures, plan: Plan, count: int, library: str = "") -> None:
    """Open `count` tabs in one room, and note what each costs and when it shows a message."""
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, WARM_UP + count)
            room = (await stage.add_rooms(node, people, len(people)))[0]
        with stage.full_server(storage, library=library) as chat:
            pid = chat.server.process.pid
            writer = await open_program(chat.url, people[0])
            due = [time.perf_counter()]
            _write(writer, room, 0)
            warm = await _open_tabs(chat.url, people[:WARM_UP], room)
            before = memory(pid)
            tabs = await _open_tabs(chat.url, people[WARM_UP:], room)
            after = memory(pid)
            figures.add("memory of a tab, KiB", (after - before) / count / 1024, at_most(300))
            for run in range(plan.runs + 1):
                await _one_run(figures, [*warm, *tabs], writer, room, due, pid, plan, note=run > 0)


async def _one_run(  # noqa: PLR0917  # one place calls it, with everything there is
    figures: Figures,
    tabs: list[OpenTab],
    writer: Wire,
    room: UUID,
    due: list[float],
    pid: int,
    plan: Plan,
    *,
    note: bool,
) -> None:
    for tab in tabs:
        tab.watch(due)
    usage = Usage(pid)
    started = time.perf_counter()
    for number in range(int(RATE * plan.seconds)):
        moment = started + number / RATE
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        due.append(moment)
        _write(writer, room, len(due) - 1)
    await _all_seen(tabs, len(due))
    share, client = usage.server_share(), usage.client_share()
    refreshes = sum(tab.refreshes for tab in tabs)
    if not note:
        return  # the first run warms up
    took = [ms for tab in tabs for ms in tab.took]
    figures.add("shown, p50, ms", percentile(took, 50))
    figures.add("shown, p99, ms", percentile(took, 99), at_most(500))
    cpu_ms = usage.server_seconds() / refreshes * 1000
    figures.add("CPU of a refresh, sending included, ms", cpu_ms, at_most(0.2))
    figures.add("messages in one refresh", len(took) / refreshes)
    figures.add("server, share of a core", share)
    figures.add("load client, share of a core", client)


async def _open_tabs(url: str, people: Sequence[Person], room: UUID) -> list[OpenTab]:
    turns = asyncio.Semaphore(AT_ONCE)
    tabs = [OpenTab() for _ in people]

    async def one(tab: OpenTab, person: Person) -> None:
        async with turns:
            await tab.open(url, person, room)

    await asyncio.gather(*(one(tab, person) for tab, person in zip(tabs, people, strict=True)))
    return tabs


def _write(writer: Wire, room: UUID, number: int) -> None:
    text = f"mark-{number}-".ljust(100, "x")
    frame = {"type": "message", "conversation_id": str(room), "content": text, "id": f"t{number}"}
    writer.send(json.dumps(frame).encode())


async def _all_seen(tabs: list[OpenTab], count: int) -> None:
    """Wait until every tab has shown every message; raise Violation when one does not."""
    end = time.perf_counter() + SETTLE_S
    while missing := sum(count - len(tab.seen) for tab in tabs):
        if time.perf_counter() > end:
            raise Violation(f"{missing} messages were never shown")
        await asyncio.sleep(0.02)
