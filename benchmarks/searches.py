"""The search of messages: building its index, finding among many, and what it costs a send."""

import asyncio
import gc
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlmodel import col

from benchmarks import machine, stage
from benchmarks.figures import Figures, percentile
from benchmarks.texts import asked, texts
from benchmarks.workload import Plan
from chat_app.archive.codec import Row
from chat_app.archive.schema import Shape, schema_at
from chat_app.archive.tables import write_table
from chat_app.core import migrations
from chat_app.core.clock import utc_now
from chat_app.core.ids import first_id_since, id_at
from chat_app.models import Conversation, Member
from chat_app.node.node import Node
from chat_app.search.embedded.store import index_file
from chat_app.search.indexer import Indexer
from chat_app.search.rebuild import rebuild
from chat_app.server.uvicorn import GC_THRESHOLDS
from tests.harness.nodes import new_users, to_conversation

PEOPLE, ROOMS, MEMBERS = 500, 2_000, 17
# Rooms of the one who searches, and of somebody who has just joined one.
OWN_ROOMS, NEW_ROOMS = 200, 1
AT_ONCE = 5_000
KNOWN = 2_000
# Sends a second, and how long the sender sleeps in between.
RATE, TICK_S = 2_000, 0.002
# Sends as fast as they are stored, and how many of them wait at a time.
SENDS, WAITING = 12_000, 300
TURNS = 3
# The index has read all of the turn before; what it reads of is looked for once a second.
SETTLED_S = 0.8
BEHIND = "chat_search_behind_seconds"
MOST_MS, MOST_MB, MOST_COST, MOST_BEHIND_S = 50, 60, 1.05, 1.0
MB = 2**20


async def measure(plan: Plan) -> list[Figures]:
    """Run *search-messages* at the largest scale."""
    scale = max(plan.scales)
    figures = Figures(
        "search-messages-long" if plan.is_long else "search-messages",
        f"{scale:,} messages of 66 letters in {ROOMS:,} groups, {PEOPLE} people; 50 a page;"
        f" one question after the other, without HTTP; {plan.durability}",
    )
    with machine.on(machine.ALL_CORES), stage.fresh(plan) as chat:
        async with chat.node() as node:
            await _measure_at(plan, figures, node, scale)
    return [figures]


async def _measure_at(plan: Plan, figures: Figures, node: Node, scale: int) -> None:
    people = await new_users(node, PEOPLE)
    rooms = await _make_rooms(node, people)
    known = await _fill(node, people, rooms, scale)
    started = time.perf_counter()
    await rebuild(node.database, lambda _: None)
    took = time.perf_counter() - started
    figures.add("index built, messages a second", scale / took)
    size = await _index_bytes(node)
    most = MOST_MB if node.database.is_sqlite else None
    figures.add("index, MB for a million messages", size / MB * 1e6 / scale, most=most)
    for run in range(plan.runs + 1):
        for who, viewer in (("200 groups", people[0]), ("a newcomer", people[-1])):
            times = await _ask(node, viewer, known, f"{run} {who}", plan.seconds)
            if run:  # the first round warms up
                everything = [ms for one in times.values() for ms in one]
                for kind, one in times.items():
                    figures.add_times(f"{who}, {kind}, ", one)
                figures.add_times(f"{who}, all, ", everything, most_p99=MOST_MS)


async def _ask(
    node: Node, viewer: UUID, known: list[str], seed: str, seconds: float
) -> dict[str, list[float]]:
    chance = random.Random(seed)  # noqa: S311  # questions, not secrets
    end = time.perf_counter() + seconds
    took: dict[str, list[float]] = defaultdict(list)
    while time.perf_counter() < end:
        for kind, question in asked(known, chance).items():
            started = time.perf_counter()
            await node.search.find(viewer_id=viewer, text=question)
            took[kind].append((time.perf_counter() - started) * 1000)
    return took


async def _make_rooms(node: Node, people: Sequence[UUID]) -> list[tuple[UUID, list[UUID]]]:
    """Make the groups: the first person is in 200 of them, the last in one, from its end on."""
    chance = random.Random(1)  # noqa: S311  # groups, not secrets
    now = utc_now()
    rooms = [(id_at(now), chance.sample(people[1:-1], MEMBERS - 1)) for _ in range(ROOMS)]
    for _, members in rooms[:: ROOMS // OWN_ROOMS]:
        members.append(people[0])
    async with node.database.transaction() as connection:
        values = [
            {"id": one, "kind": "group", "title": "Room", "created_by": people[1], "last_seq": 1}
            for one, _ in rooms
        ]
        await connection.execute(insert(Conversation), values)
        memberships = [
            {"conversation_id": room, "user_id": member, "opened": True}
            for room, members in rooms
            for member in members
        ]
        await connection.execute(insert(Member), memberships)
    return rooms


async def _fill(
    node: Node, people: Sequence[UUID], rooms: list[tuple[UUID, list[UUID]]], scale: int
) -> list[str]:
    """Write the messages, evenly over a year; return some of their texts."""
    shape = next(
        one for one in schema_at(str(migrations.newest_revision())) if one.name == "message"
    )
    seqs = [0] * len(rooms)
    known: list[str] = []
    chance = random.Random(2)  # noqa: S311  # places, not secrets
    begun, step = utc_now() - timedelta(days=365), timedelta(days=365) / scale
    some = enumerate(texts(scale))
    while batch := list(islice(some, AT_ONCE)):
        known.extend(content for _, content in batch[: max(1, KNOWN * AT_ONCE // scale)])
        rows: list[Row] = []
        for number, content in batch:
            place = int(len(rooms) * chance.random() ** 2)
            seqs[place] += 1
            moment = begun + step * number
            rows.append(
                _row(
                    shape,
                    {
                        "id": f"{first_id_since(moment).int >> 80:012x}7{number:019x}",
                        "conversation_id": rooms[place][0].hex,
                        "seq": seqs[place],
                        "rev": seqs[place],
                        "client_id": f"m{number}",
                        "sender_id": chance.choice(rooms[place][1]).hex,
                        "content": content,
                        "kind": "text",
                        "created_at": moment.strftime("%Y-%m-%d %H:%M:%S.%f"),
                    },
                )
            )
        async with node.database.transaction() as connection:
            if not node.database.is_sqlite:
                # Every row's foreign keys are right; looking each up takes longer than writing it.
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
            await write_table(connection, shape, _once(rows))
    async with node.database.transaction() as connection:
        for (room, _), seq in zip(rooms, seqs, strict=True):
            ends = {"last_seq": max(1, seq), "last_rev": seq}
            statement = update(Conversation).where(col(Conversation.id) == room).values(ends)
            await connection.execute(statement)
        newcomer = {
            "conversation_id": rooms[0][0],
            "user_id": people[-1],
            "opened": True,
            "since_seq": max(2, seqs[0] - 100),
        }
        await connection.execute(insert(Member), [newcomer])
        await connection.execute(text("ANALYZE"))
    return known


async def _once(rows: list[Row]) -> AsyncIterator[list[Row]]:
    yield rows


def _row(shape: Shape, values: dict[str, str | int]) -> Row:
    return tuple(
        values.get(column.name)
        if column.name in values or column.is_nullable
        else 0
        if column.kind in {"flag", "number"}
        else ""
        for column in shape.columns
    )


async def _index_bytes(node: Node) -> int:
    if node.database.file is None:
        async with node.database.reading() as session:
            size = text("SELECT pg_total_relation_size('search_entry')")
            return int((await session.execute(size)).scalar_one())
    return await asyncio.to_thread(_file_bytes, index_file(node.database.file))


def _file_bytes(file: Path) -> int:
    return file.stat().st_size


async def measure_cost(plan: Plan) -> list[Figures]:
    """Run *search-cost*: sends as fast as they are stored and at a rate, with and without it."""
    figures = Figures(
        "search-cost",
        f"{RATE:,} sends a second, and {WAITING} waiting at a time, in {OWN_ROOMS} groups,"
        f" without HTTP; a run is {TURNS} turns with the index and as many without;"
        f" {plan.durability}",
    )
    contents = list(texts(int(RATE * plan.seconds)))
    with machine.on(machine.ALL_CORES), stage.fresh(plan) as chat:
        for run in range(plan.runs + 1):
            took: dict[bool, list[float]] = {True: [], False: []}
            rates: dict[bool, list[float]] = {True: [], False: []}
            behind_s: list[float] = []
            for turn in range(2 * TURNS):
                is_indexed = (turn + run) % 2 == 0
                async with _node(chat, is_indexed=is_indexed) as node:
                    rooms = await _own_rooms(node)
                    rates[is_indexed].append(await _send_at_once(plan, node, rooms))
                    if is_indexed:
                        await _until_indexed(node)
                    times, behind = await _send_at_rate(node, rooms, contents)
                    took[is_indexed] += times
                    if is_indexed:
                        behind_s.append(behind)
            if run:  # the first round warms up
                _add_cost(figures, took, rates, max(behind_s))
    return [figures]


def _add_cost(
    figures: Figures,
    took: dict[bool, list[float]],
    rates: dict[bool, list[float]],
    behind_s: float,
) -> None:
    figures.add("index behind, at most, s", behind_s, most=MOST_BEHIND_S)
    for is_indexed, name in ((True, "with"), (False, "without")):
        figures.add_times(f"{name} the index, ", took[is_indexed])
    slower = percentile(took[True], 50) / percentile(took[False], 50)
    figures.add("p50 with / without", slower, most=MOST_COST)
    for is_indexed, name in ((True, "with"), (False, "without")):
        figures.add(f"as fast as stored, {name}, sends a second", fmean(rates[is_indexed]))


@asynccontextmanager
async def _node(chat: stage.Stage, *, is_indexed: bool) -> AsyncIterator[Node]:
    start = Indexer.start
    if not is_indexed:
        Indexer.start = lambda *_: None  # type: ignore[method-assign]  # for one node
    try:
        async with chat.node() as node:
            # As a server does before it serves.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
            yield node
    finally:
        Indexer.start = start  # type: ignore[method-assign]  # as it was


async def _until_indexed(node: Node) -> None:
    while _reading(node, BEHIND) > SETTLED_S:  # noqa: ASYNC110  # the gauge tells nobody
        await asyncio.sleep(TICK_S)


async def _own_rooms(node: Node) -> list[tuple[UUID, UUID]]:
    """Make groups of two; return their ids with a member of each."""
    people = await new_users(node, 2 * OWN_ROOMS)
    return [
        (await stage.add_group(node, [_person(one), _person(other)]), one)
        for one, other in zip(people[::2], people[1::2], strict=True)
    ]


async def _send_at_rate(
    node: Node, rooms: Sequence[tuple[UUID, UUID]], contents: Sequence[str]
) -> tuple[list[float], float]:
    """Send at the rate; return the ms from when each was due, and how far the index was behind."""
    behind_s = 0.0
    took: list[float] = []
    count = len(contents)
    some: set[asyncio.Task[None]] = set()

    async def send(due: float, room: UUID, sender: UUID, content: str) -> None:
        await node.messages.send(to_conversation(sender, room, content))
        took.append((time.perf_counter() - due) * 1000)

    started, begun = time.perf_counter(), 0
    while begun < count:
        due_by_now = min(count, int((time.perf_counter() - started) * RATE))
        for number in range(begun, due_by_now):
            room, sender = rooms[number % len(rooms)]
            task = asyncio.create_task(
                send(started + number / RATE, room, sender, contents[number])
            )
            some.add(task)
            task.add_done_callback(some.discard)
        begun = due_by_now
        behind_s = max(behind_s, _reading(node, BEHIND))
        await asyncio.sleep(TICK_S)
    await asyncio.gather(*some)
    return took, behind_s


async def _send_at_once(plan: Plan, node: Node, rooms: Sequence[tuple[UUID, UUID]]) -> float:
    """Send as fast as messages are stored; return how many a second."""
    count = SENDS // 10 if plan.quick else SENDS
    contents = list(texts(count))
    waiting = asyncio.Semaphore(WAITING)

    async def send(number: int, content: str) -> None:
        room, sender = rooms[number % len(rooms)]
        async with waiting:
            await node.messages.send(to_conversation(sender, room, content))

    started = time.perf_counter()
    await asyncio.gather(*map(send, range(count), contents))
    return count / (time.perf_counter() - started)


def _person(user_id: UUID) -> stage.Person:
    return stage.Person(user_id, "", "")


def _reading(node: Node, name: str) -> float:
    values: Any = node.metrics.readings[name].read()
    return float(values[""])
