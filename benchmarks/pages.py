"""Reading over HTTP with clients that never pause: pages of a conversation, search for people."""

import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from benchmarks import stage
from benchmarks.figures import Figures, percentile
from benchmarks.filling import Thread, fill
from benchmarks.ledger import Violation
from benchmarks.names import Name, names
from benchmarks.sockets import CLIENTS, Get, with_clients
from benchmarks.workload import Plan
from chat_app.core.text import fold
from chat_app.friends.queries import search_users
from tests.harness.nodes import add_crowd

SHORT, LONG, SIZE = 10_000, 100_000, 100
PAGE = 50
PEOPLE = 10_000
LENGTHS = (1, 2, 3, 8)
# A suffix of no name.
MISSING = "zq"

Ask = Callable[[str], Awaitable[int]]


class Item(msgspec.Struct):
    """The checked part of a message; of a person nothing is checked."""

    seq: int = 0


class Page(msgspec.Struct):
    """The checked part of a page of messages, or of people."""

    items: list[Item]


async def measure_history(plan: Plan) -> list[Figures]:
    """Run *history* on a short and a long conversation in turn."""
    short, long = (SHORT // 10, LONG // 10) if plan.quick else (SHORT, LONG)
    figures = Figures(
        "history",
        f"{long:,} messages of {SIZE} bytes, pages of {PAGE} over HTTP with the bearer token, "
        f"{CLIENTS} clients",
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            viewer, *others = await stage.add_people(node, 3)
            small = Thread(viewer, others[0], short, size=SIZE)
            large = Thread(viewer, others[1], long, size=SIZE)
            await fill(node, [small, large])
        with chat.server() as server:
            for run in range(plan.runs + 1):
                compared, newest, deepest = [
                    await _read(server.url, room, last, plan.seconds / 2)
                    for room, last in ((small, short), (large, long), (large, PAGE))
                ]
                if run:  # the first round warms up
                    figures.add_times("newest page, ", newest, most_p99=20)
                    figures.add_times("deepest page, ", deepest, most_p99=20)
                    ratio = percentile(newest, 50) / percentile(compared, 50)
                    figures.add(f"newest page, {long:,} / {short:,} messages, p50", ratio, most=1.3)
    return [figures]


async def _read(url: str, room: Thread, last: int, seconds: float) -> list[float]:
    """Read the page that ends with message `last` with every client; return the ms of each."""
    end = time.perf_counter() + seconds
    took: list[float] = []
    wanted = list(range(last - PAGE + 1, last + 1))
    before = f"&before={last + 1}" if last < room.length else ""
    path = f"/api/conversations/{room.id}/messages?limit={PAGE}{before}"

    async def work(get: Get, _number: int) -> None:
        while time.perf_counter() < end:
            started = time.perf_counter()
            body = await get(path)
            took.append((time.perf_counter() - started) * 1000)
            page = msgspec.json.decode(body, type=Page)
            if [item.seq for item in page.items] != wanted:
                raise Violation(f"{path} has holes: {body[:200]!r}")

    await with_clients(url, room.one.token, work)
    return took


async def measure_search(plan: Plan) -> list[Figures]:
    """Run *search* over HTTP, and directly on the node."""
    count = PEOPLE // 10 if plan.quick else PEOPLE
    figures = Figures(
        "search",
        f"{count:,} people in nine scripts, 20 hits at most; over HTTP with the bearer token, "
        f"{CLIENTS} clients, and one question after the other without HTTP",
    )
    crowd = list(names(count))
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            viewer = (await stage.add_people(node, 1))[0]
            await add_crowd(node, crowd)

            async def ask(text: str) -> int:
                return len(await stage.read(node, viewer.id, search_users, text=text))

            for run in range(plan.runs + 1):
                search = Search(crowd, f"alone {run}", plan.seconds / 2)
                await search.ask_all(ask)
                if run:  # the first round warms up
                    search.note(figures, "alone")
        with chat.server() as server:
            for run in range(plan.runs + 1):
                search = Search(crowd, f"HTTP {run}", plan.seconds)
                await with_clients(server.url, viewer.token, search.ask_over_http)
                if run:
                    search.note(figures, "HTTP")
    return [figures]


@dataclass
class Search:
    """Search queries of every kind for a while, and the ms of each."""

    crowd: list[Name]
    seed: str
    seconds: float
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def ask_over_http(self, get: Get, number: int) -> None:
        """Query as one of the clients."""

        async def ask(text: str) -> int:
            body = await get(f"/api/users?q={quote(text)}")
            return len(msgspec.json.decode(body, type=Page).items)

        await self.ask_all(ask, number)

    async def ask_all(self, ask: Ask, number: int = 0) -> None:
        """Send one query after the other; `ask` returns how many people were found."""
        chance = random.Random(f"{self.seed} {number}")  # noqa: S311  # questions, not secrets
        end = time.perf_counter() + self.seconds
        while time.perf_counter() < end:
            for kind, text in questions(self.crowd, chance).items():
                started = time.perf_counter()
                hits = await ask(text)
                self.took[kind].append((time.perf_counter() - started) * 1000)
                if (hits == 0) != (kind == "nobody"):
                    raise Violation(f"{hits} people found by {text!r}")

    def note(self, figures: Figures, how: str) -> None:
        """Record the times of each kind, and of all."""
        everything = [ms for took in self.took.values() for ms in took]
        for kind, took in {**self.took, "all": everything}.items():
            figures.add_times(f"{how}, {kind}, ", took, most_p99=50)


def questions(crowd: list[Name], chance: random.Random) -> dict[str, str]:
    """Return a query of each kind: parts of a user's name, and a text in no name."""
    asked = {}
    for length in LENGTHS:
        words = ""
        while len(words) < length:
            words = fold(chance.choice(chance.choice(crowd)))
        start = chance.randint(0, len(words) - length)
        asked[f"{length} characters"] = words[start : start + length].strip() or words[0]
    asked["nobody"] = chance.choice("aein王م") + MISSING
    return asked
