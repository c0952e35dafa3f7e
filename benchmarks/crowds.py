"""A thousand people come, go or return at once: presence, and the others' messages meanwhile.

*presence*: people with 20 friends each are connected; some leave and come back. Latency counts
from the moment their socket opened or closed (less the grace, for the latter) until a friend's
socket has the event. *storm*: all connect within 10 s. *reconnect*: all are cut at one moment, come
back at the next and resume with twenty missed messages each, written before the server started.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import insert

from benchmarks import stage
from benchmarks.figures import Figures, percentile
from benchmarks.filling import Thread, fill
from benchmarks.ledger import Violation
from benchmarks.machine import Usage
from benchmarks.rooms import SIZE, Traffic, at_rate, pairs
from benchmarks.sockets import Wire, open_all, open_program, read_frame
from benchmarks.stage import Person
from benchmarks.workload import Plan
from chat_app.core.clock import utc_now
from chat_app.models import Friendship
from chat_app.node.node import Node
from tests.harness.servers import ChatServer

PEOPLE, FRIENDS = 1_000, 20
STORM_S = 10.0
PER_SECOND, PAIRS = 50, 25
GRACE_S = 10.0
CHANGES = 60
MISSED = 20
RECONNECT_S = 6.0
PATIENCE_S = 60

Presence = tuple[str, bool | None]
Prepare = Callable[[Node, list[Person]], Awaitable[None]]
Disturb = Callable[[ChatServer, list[Person], Traffic], Awaitable[None]]


@dataclass
class Watchers:
    """People who are friends in a circle, their sockets, and when each saw whose presence."""

    url: str
    people: list[Person]
    wires: dict[int, Wire] = field(default_factory=dict)
    events: int = 0
    seen_at: dict[Presence, list[float]] = field(default_factory=lambda: defaultdict(list))
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(self, place: int) -> None:
        """Connect one of the people."""
        self.wires[place] = await open_program(self.url, self.people[place])
        self.wires[place].on_text = self._take

    async def seen(self, place: int, since: float, *, online: bool) -> list[float]:
        """Wait until the friends who are connected have seen a change; return the ms of each."""
        key = (str(self.people[place].id), online)
        times = len(self.wires.keys() & friends(place, len(self.people)))
        async with asyncio.timeout(GRACE_S + PATIENCE_S):
            while len(self.seen_at[key]) < times:
                self._more.clear()
                await self._more.wait()
        return [(at - since) * 1000 for at in self.seen_at.pop(key)]

    def _take(self, text: bytes) -> None:
        if text.startswith(b'{"type":"presence"'):
            self.events += 1
            event = read_frame(text)
            self.seen_at[event.user_id, event.online].append(time.perf_counter())
            self._more.set()


async def measure_presence(plan: Plan) -> list[Figures]:
    """Run *presence*."""
    count = 200 if plan.quick else PEOPLE
    figures = Figures(
        "presence", f"{count:,} people connected, {FRIENDS} friends each; after the grace of 10 s"
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, count)
            await befriend(node, people)
        with chat.server() as server:
            watchers = Watchers(server.url, people)
            await asyncio.gather(*map(watchers.connect, range(count)))
            await asyncio.sleep(plan.warm_up + 1)
            changing = range(0, count, count // (10 if plan.quick else CHANGES))
            for _ in range(plan.runs):
                gone, came = await _leave(changing, watchers), await _come_back(changing, watchers)
                figures.add_times("seen to have gone, ", gone, most_p99=1000)
                figures.add_times("seen to have come, ", came, most_p99=1000)
    return [figures]


async def _leave(changing: range, watchers: Watchers) -> list[float]:
    """Cut the people of `changing`, a little apart, and return how late their friends saw it."""
    watchers.seen_at.clear()
    left_at = {}
    for place in changing:
        watchers.wires.pop(place).close()
        left_at[place] = time.perf_counter() + GRACE_S
        await asyncio.sleep(0.05)
    took = []
    for place, since in left_at.items():
        took += await watchers.seen(place, since, online=False)
    return took


async def _come_back(changing: range, watchers: Watchers) -> list[float]:
    took = []
    for place in changing:
        watchers.seen_at.clear()
        started = time.perf_counter()
        await watchers.connect(place)
        took += await watchers.seen(place, started, online=True)
    return took


async def measure_storm(plan: Plan) -> list[Figures]:
    """Run *storm*."""
    count, lasts = (200, 2.0) if plan.quick else (PEOPLE, STORM_S)
    figures = Figures(
        "storm",
        f"{count:,} people with {FRIENDS} friends each connect in {lasts:g} s, beside "
        f"{PER_SECOND} direct messages a second; {plan.durability}",
    )

    async def storm(server: ChatServer, people: list[Person], traffic: Traffic) -> None:
        watchers = Watchers(server.url, people)
        quiet = (await traffic.offer(PER_SECOND, 2.0)).took
        usage = Usage(server.server.process.pid)
        async with asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(traffic.offer(PER_SECOND, lasts + 2))
            places = iter(range(count))
            async for _ in at_rate(count / lasts, lasts):
                tasks.create_task(watchers.connect(next(places)))
        figures.add("messages before it, p99, ms", percentile(quiet, 99))
        figures.add_times("messages during it, ", talking.result().took, most_p99=200)
        figures.add("presence events heard", watchers.events, most=count * FRIENDS)
        figures.add("server, share of a core", usage.server_share())

    await _beside_messages(plan, count, befriend, storm)
    return [figures]


async def measure_reconnect(plan: Plan) -> list[Figures]:
    """Run *reconnect*."""
    count = PEOPLE // 10 if plan.quick else PEOPLE
    figures = Figures(
        "reconnect",
        f"{count:,} clients cut at once, {MISSED} missed messages each, all back at once, beside "
        f"{PER_SECOND} direct messages a second; {plan.durability}",
    )
    threads: list[Thread] = []

    async def write(node: Node, people: list[Person]) -> None:
        sender = (await stage.add_people(node, 1))[0]
        threads.extend(Thread(sender, person, 1 + MISSED, SIZE) for person in people)
        await fill(node, threads)

    async def cut(server: ChatServer, people: list[Person], traffic: Traffic) -> None:
        usage = Usage(server.server.process.pid)
        wires = await open_all(server.url, people, open_program)
        figures.add("server CPU a connection, ms", usage.server_us(count) / 1000)
        before = (await traffic.offer(PER_SECOND, 2.0)).took
        talking = asyncio.create_task(traffic.offer(PER_SECOND, RECONNECT_S))
        for wire in wires:
            wire.close()
        usage = Usage(server.server.process.pid)
        started = time.perf_counter()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(_resume(server.url, thread) for thread in threads))
        figures.add("until all have resumed, s", time.perf_counter() - started, most=5)
        figures.add("server CPU a client that comes back, ms", usage.server_us(count) / 1000)
        meanwhile = (await talking).took
        figures.add("the others' messages before, p99, ms", percentile(before, 99))
        figures.add("the others' messages meanwhile, p99, ms", percentile(meanwhile, 99), most=500)

    await _beside_messages(plan, count, write, cut)
    return [figures]


async def _beside_messages(plan: Plan, count: int, prepare: Prepare, disturb: Disturb) -> None:
    """Run a disturbance by `count` people on each of several servers, beside messages of others."""
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, count)
            await prepare(node, people)
            talkers = [await stage.add_people(node, 2 * PAIRS) for _ in range(plan.runs)]
        for some in talkers:
            with chat.server() as server:
                await disturb(server, people, await pairs(server.url, some))


async def _resume(url: str, thread: Thread) -> None:
    """Connect and resume after the first message. Raises Violation when another does not come."""
    missed, resumed = 0, asyncio.Event()

    def take(text: bytes) -> None:
        nonlocal missed
        missed += text.count(b'"type":"message.created"')
        if text.startswith(b'{"type":"resumed"'):
            resumed.set()

    wire = await Wire.open(f"{url}/ws", on_text=take)
    wire.send(msgspec.json.encode({"type": "auth", "content": thread.other.token}))
    wire.send(msgspec.json.encode({"type": "resume", "cursors": {str(thread.id): 1}}))
    await resumed.wait()
    if missed < MISSED:
        raise Violation(f"{missed} of {MISSED} missed messages came")


def friends(place: int, count: int) -> set[int]:
    """Return the places of somebody's friends: the ten before and the ten after, in a circle."""
    half = FRIENDS // 2
    return {(place + step) % count for step in range(-half, half + 1) if step}


async def befriend(node: Node, people: list[Person]) -> None:
    """Make everybody a friend of twenty others."""
    now = utc_now()
    rows = [
        {"user_id": one.id, "friend_id": people[friend].id, "created_at": now}
        for place, one in enumerate(people)
        for friend in friends(place, len(people))
    ]
    async with node.database.transaction() as connection:
        await connection.execute(insert(Friendship), rows)
