"""Finding people by a part of their names: among ten thousand, of every length, in every script."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec

from benchmarks import stage
from benchmarks.figures import Figures, at_most, percentile
from benchmarks.ledger import Violation
from benchmarks.names import Name, names
from benchmarks.pages import Pages
from benchmarks.stage import Person
from benchmarks.workload import Plan
from chat_app.core.text import fold
from chat_app.friends.search import search_users
from chat_app.node.node import Node, running_node

PEOPLE = 10_000
CLIENTS = 4
LENGTHS = (1, 2, 3, 8)
TARGET_MS = 50
# Ends no name of anybody.
MISSING = "zq"

Ask = Callable[[str], Awaitable[int]]


class Hits(msgspec.Struct):
    """What is checked of an answer."""

    items: list[Any]


async def measure(plan: Plan) -> list[Figures]:
    """Run *search* over HTTP, and without the door in between."""
    count = PEOPLE // 10 if plan.quick else PEOPLE
    figures = Figures(
        "search",
        f"{count:,} people in nine scripts, 20 hits at most; over HTTP with the bearer token, "
        f"{CLIENTS} clients, and one question after the other without HTTP",
    )
    crowd = list(names(count))
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            viewer = (await stage.add_people(node, 1))[0]
            await stage.add_crowd(node, crowd)
            for run in range(plan.runs + 1):
                took = await _alone(node, viewer, crowd, run, plan.seconds / 2)
                if run:  # the first round warms up
                    _note(figures, "alone", took)
        with stage.chat_server(storage) as chat:
            for run in range(plan.runs + 1):
                took = await _over_http(chat.url, viewer, crowd, run, plan.seconds)
                if run:
                    _note(figures, "HTTP", took)
    return [figures]


def questions(crowd: list[Name], chance: random.Random) -> dict[str, str]:
    """Return a question of each kind: parts of somebody's name, and one that nobody has."""
    asked = {}
    for length in LENGTHS:
        words = ""
        while len(words) < length:
            words = fold(chance.choice(chance.choice(crowd)))
        start = chance.randint(0, len(words) - length)
        part = words[start : start + length].strip() or words[0]
        asked[f"{length} characters"] = part
    asked["nobody"] = chance.choice("aein王م") + MISSING
    return asked


def _note(figures: Figures, how: str, took: dict[str, list[float]]) -> None:
    everything = [one for some in took.values() for one in some]
    for kind, some in {**took, "all": everything}.items():
        figures.add(f"{how}, {kind}, p50, ms", percentile(some, 50))
        figures.add(f"{how}, {kind}, p99, ms", percentile(some, 99), at_most(TARGET_MS))


async def _ask_all(
    ask: Ask, crowd: list[Name], seed: str, seconds: float, took: dict[str, list[float]]
) -> None:
    chance = random.Random(seed)  # noqa: S311  # questions, not secrets
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for kind, text in questions(crowd, chance).items():
            started = time.perf_counter()
            hits = await ask(text)
            took.setdefault(kind, []).append((time.perf_counter() - started) * 1000)
            if (hits == 0) != (kind == "nobody"):
                raise Violation(f"{hits} people found by {text!r}")


async def _alone(
    node: Node, viewer: Person, crowd: list[Name], run: int, seconds: float
) -> dict[str, list[float]]:
    async def ask(text: str) -> int:
        async with node.database.reading() as session:
            found = await search_users(session, viewer_id=viewer.id, text=text, online=node.online)
        return len(found)

    took: dict[str, list[float]] = {}
    await _ask_all(ask, crowd, f"alone {run}", seconds, took)
    return took


async def _over_http(
    url: str, viewer: Person, crowd: list[Name], run: int, seconds: float
) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {}

    async def client(number: int) -> None:
        async with Pages(url, viewer.token) as pages:

            async def ask(text: str) -> int:
                body = await pages.get(f"/api/users?q={quote(text)}")
                return len(msgspec.json.decode(body, type=Hits).items)

            await _ask_all(ask, crowd, f"client {number} {run}", seconds, took)

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return took
