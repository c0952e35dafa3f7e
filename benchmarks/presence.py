"""Coming and going: how soon a friend hears of it, and what a storm of it does to messages.

*presence*: 1,000 people with 20 friends each are connected; some leave and come back. Latency
counts from the moment their socket opened or closed (less the grace, for the latter) until a
friend's socket has the event. *storm*: 1,000 people connect within 10 s while messages flow.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import insert

from benchmarks import stage
from benchmarks.figures import Figures, at_most, percentile
from benchmarks.machine import Usage
from benchmarks.sockets import open_all, open_program
from benchmarks.stage import Person
from benchmarks.wire import Wire
from benchmarks.workload import Plan
from chat_app.core.clock import utc_now
from chat_app.models import Friendship
from chat_app.node.node import Node, running_node
from tests.harness.servers import ChatServer

PEOPLE, FRIENDS = 1_000, 20
STORM_S = 10.0
PER_SECOND = 50
PAIRS = 25
GRACE_S = 10.0
CHANGES = 60
PATIENCE_S = 30
TEXT = "x" * 100


class Heard(msgspec.Struct):
    """The fields of an event that measuring needs."""

    type: str
    user_id: str = ""
    online: bool | None = None
    id: str | None = None


read_heard = msgspec.json.Decoder(Heard).decode


class Ears:
    """What all sockets hear of people's coming and going, by person and by what was said."""

    def __init__(self) -> None:
        self.events = 0
        self.heard_at: defaultdict[tuple[str, bool | None], list[float]] = defaultdict(list)
        self._more = asyncio.Event()

    def take(self, text: bytes) -> None:
        """Note an event."""
        if not text.startswith(b'{"type":"presence"'):
            return
        self.events += 1
        heard = read_heard(text)
        self.heard_at[heard.user_id, heard.online].append(time.perf_counter())
        self._more.set()

    async def until(self, person: Person, *, online: bool, times: int) -> list[float]:
        """Wait until `times` friends have heard it, and return when each did."""
        key = (str(person.id), online)
        async with asyncio.timeout(GRACE_S + PATIENCE_S):
            while len(self.heard_at[key]) < times:
                self._more.clear()
                await self._more.wait()
        return self.heard_at.pop(key)

    def forget(self) -> None:
        """Begin anew."""
        self.events = 0
        self.heard_at.clear()


async def measure_changes(plan: Plan) -> list[Figures]:
    """Run *presence*."""
    people_count = 200 if plan.quick else PEOPLE
    figures = Figures(
        "presence",
        f"{people_count:,} people connected, {FRIENDS} friends each; after the grace of 10 s",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, people_count)
            await befriend(node, people)
        with stage.chat_server(storage) as chat:
            ears = Ears()
            wires = await open_all(chat.url, people)
            for wire in wires:
                wire.on_text = ears.take
            await asyncio.sleep(plan.warm_up + 1)
            changing = range(0, people_count, people_count // (10 if plan.quick else CHANGES))
            for _ in range(plan.runs):
                ears.forget()
                gone = await _leave(changing, people, wires, ears)
                came = await _come_back(chat.url, changing, people, wires, ears)
                figures.add("seen to have gone, p50, ms", percentile(gone, 50))
                figures.add("seen to have gone, p99, ms", percentile(gone, 99), at_most(1000))
                figures.add("seen to have come, p50, ms", percentile(came, 50))
                figures.add("seen to have come, p99, ms", percentile(came, 99), at_most(1000))
            for wire in wires:
                wire.close()
    return [figures]


async def _leave(
    changing: Sequence[int], people: list[Person], wires: list[Wire], ears: Ears
) -> list[float]:
    left_at = {}
    for place in changing:
        wires[place].close()
        left_at[place] = time.perf_counter() + GRACE_S
        await asyncio.sleep(0.05)
    took = []
    for place in changing:
        times = _there(place, changing, len(people))
        heard = await ears.until(people[place], online=False, times=times)
        took += [(at - left_at[place]) * 1000 for at in heard]
    return took


async def _come_back(  # one step of the measurement above
    url: str, changing: Sequence[int], people: list[Person], wires: list[Wire], ears: Ears
) -> list[float]:
    took = []
    for place in changing:
        ears.heard_at.clear()
        started = time.perf_counter()
        wires[place] = await open_program(url, people[place])
        wires[place].on_text = ears.take
        # Some of the friends may not be back themselves.
        times = len([p for p in _friends(place, len(people)) if p not in changing or p < place])
        heard = await ears.until(people[place], online=True, times=times)
        took += [(at - started) * 1000 for at in heard]
    return took


def _there(place: int, changing: Sequence[int], count: int) -> int:
    return len([friend for friend in _friends(place, count) if friend not in changing])


async def measure_storm(plan: Plan) -> list[Figures]:
    """Run *storm*."""
    count, lasts = (200, 2.0) if plan.quick else (PEOPLE, STORM_S)
    figures = Figures(
        "storm",
        f"{count:,} people with {FRIENDS} friends each connect in {lasts:g} s, beside "
        f"{PER_SECOND} direct messages a second; {plan.durability}",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, count)
            await befriend(node, people)
            talkers = await stage.add_people(node, 2 * PAIRS)
        for _ in range(plan.runs):
            with stage.chat_server(storage) as chat:
                await _storm(figures, chat, people, talkers, lasts)
    return [figures]


async def _storm(
    figures: Figures, chat: ChatServer, people: list[Person], talkers: list[Person], lasts: float
) -> None:
    ears = Ears()
    wires = await open_all(chat.url, talkers)
    quiet = await talk(wires, talkers, 2.0)
    usage = Usage(chat.server.process.pid)
    talking = asyncio.create_task(talk(wires, talkers, lasts + 2))
    started = time.perf_counter()
    came: list[asyncio.Task[Wire]] = []
    for number, person in enumerate(people):
        await asyncio.sleep(max(0.0, started + lasts * number / len(people) - time.perf_counter()))
        came.append(asyncio.create_task(_come(chat.url, person, ears)))
    wires += await asyncio.gather(*came)
    took = await talking
    figures.add("messages before it, p99, ms", percentile(quiet, 99))
    figures.add("messages during it, p50, ms", percentile(took, 50))
    figures.add("messages during it, p99, ms", percentile(took, 99), at_most(200))
    figures.add("presence events heard", ears.events, at_most(len(people) * FRIENDS))
    figures.add("server, share of a core", usage.server_share())
    for wire in wires:
        wire.close()


async def _come(url: str, person: Person, ears: Ears) -> Wire:
    wire = await open_program(url, person)
    wire.on_text = ears.take
    return wire


async def talk(
    wires: list[Wire], talkers: list[Person], seconds: float, rate: float = PER_SECOND
) -> list[float]:
    """Send at the rate, each message at its time, and return what each took to arrive in ms."""
    due: dict[str, float] = {}
    took: list[float] = []
    total, pairs = int(seconds * rate), len(talkers) // 2
    all_arrived = asyncio.Event()

    def arrived(text: bytes) -> None:
        if text.startswith(b'{"type":"message.created"'):
            client_id = text.partition(b'"client_id":"')[2].partition(b'"')[0].decode()
            took.append((time.perf_counter() - due[client_id]) * 1000)
            if len(took) == total:
                all_arrived.set()

    started = time.perf_counter()
    for pair in range(pairs):
        wires[2 * pair + 1].on_text = arrived
    for number in range(total):
        at = started + number / rate
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        pair, name = number % pairs, f"{started:.6f}-{number}".replace(".", "_")
        due[name] = at
        to = talkers[2 * pair + 1].id
        frame = f'{{"type":"message","receiver_id":"{to}","content":"{TEXT}","id":"{name}"}}'
        wires[2 * pair].send(frame.encode())
    async with asyncio.timeout(PATIENCE_S):
        await all_arrived.wait()
    return took


def _friends(place: int, count: int) -> list[int]:
    """Return the places of somebody's friends: the ten before and the ten after, in a circle."""
    half = FRIENDS // 2
    return [(place + step) % count for step in range(-half, half + 1) if step]


async def befriend(node: Node, people: list[Person]) -> None:
    """Make everybody a friend of twenty others."""
    now = utc_now()
    ids: list[UUID] = [person.id for person in people]
    rows = [
        {"user_id": ids[place], "friend_id": ids[friend], "created_at": now}
        for place in range(len(ids))
        for friend in _friends(place, len(ids))
    ]
    async with node.database.transaction() as connection:
        await connection.execute(insert(Friendship), rows)
