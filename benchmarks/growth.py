"""The same work on ever more: messages in the whole chat, and members of one conversation.

Asked of the use cases themselves, one after the other, so that what is measured is the database
and the code around it and not a queue in front of them.
"""

import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from benchmarks import machine, stage
from benchmarks.figures import Figures, at_most, percentile
from benchmarks.filling import CONTENT, fill, thread
from benchmarks.names import names
from benchmarks.stage import Person, Storage
from benchmarks.workload import Plan
from chat_app.conversations.queries import get_conversation, list_conversations, unread_counts
from chat_app.friends.search import search_users
from chat_app.messages.queries import history
from chat_app.node.node import Node, running_node
from tests.harness.nodes import to_conversation

DESK, DESK_LENGTH = 50, 100
LENGTH = 1_000
CROWD = 10_000
PAGE = 50
SIZES = (2, 100, 5_000)
MOST = 1.3

Work = Callable[[], Awaitable[object]]


async def measure_messages(plan: Plan) -> list[Figures]:
    """Run *growth*: the whole chat at every scale, in turn."""
    scales = " and ".join(f"{scale:,}" for scale in plan.scales)
    figures = Figures(
        "growth-long" if plan.is_long else "growth",
        f"{scales} messages of {CONTENT} bytes, a quarter of them in one conversation, "
        f"{CROWD:,} people; {plan.durability}",
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(machine.on(machine.ALL_CORES))
        work = {}
        for scale in plan.scales:
            storage = stack.enter_context(stage.storage(*plan.addresses))
            node = await stack.enter_async_context(running_node(storage.settings()))
            started = time.monotonic()
            work[scale] = await _chat_of(node, storage, scale, 500 if plan.quick else CROWD)
            print(f"{scale:,} messages in {time.monotonic() - started:.0f} s", flush=True)
            size = await _bytes(node, storage)
            figures.add(f"bytes a message on the disk, {scale:,} messages", size / scale)
        await _compare(figures, plan, work, "messages", min(work))
    return [figures]


async def measure_members(plan: Plan) -> list[Figures]:
    """Run *members*: groups of every size in one chat, in turn."""
    sizes = (2, 100, 200) if plan.quick else SIZES
    figures = Figures(
        "members", f"groups of {', '.join(f'{size:,}' for size in sizes)}; {plan.durability}"
    )
    with machine.on(machine.ALL_CORES), stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, max(sizes) + len(sizes))
            # Into each group somebody else looks, who is in no other.
            viewers, others = people[: len(sizes)], people[len(sizes) :]
            work = {
                size: await _group_of(node, [viewer, *others[: size - 1]])
                for viewer, size in zip(viewers, sizes, strict=True)
            }
            # A conversation shows a hundred of its members: up to there more are more work.
            await _compare(figures, plan, work, "members", sizes[1])
    return [figures]


async def _compare(
    figures: Figures, plan: Plan, work: Mapping[int, Mapping[str, Work]], unit: str, base: int
) -> None:
    """Do every piece of work at every scale in turn; note what growth past `base` costs."""
    larger = [scale for scale in sorted(work) if scale > base]
    for run in range(plan.runs + 1):
        for name in work[base]:
            works = {scale: work[scale][name] for scale in sorted(work)}
            took = await _in_turn(works, plan.seconds * len(works) / len(work[base]))
            if not run:
                continue  # the first round warms up
            for scale, some in took.items():
                figures.add(f"{name}, {scale:,} {unit}, p50, ms", percentile(some, 50))
                figures.add(f"{name}, {scale:,} {unit}, p99, ms", percentile(some, 99))
            for scale in larger:
                ratio = percentile(took[scale], 50) / percentile(took[base], 50)
                figures.add(f"{name}, {scale:,} / {base:,} {unit}", ratio, at_most(MOST))
    for scale in sorted(work):
        point = {name: figures.median(f"{name}, {scale:,} {unit}, p50, ms") for name in work[scale]}
        figures.points.append({unit: scale, **point})


async def _in_turn(works: Mapping[int, Work], seconds: float) -> dict[int, list[float]]:
    """Do the same work at one scale after the other: what else the machine does meets all alike."""
    took: dict[int, list[float]] = {scale: [] for scale in works}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for scale, work in works.items():
            started = time.perf_counter()
            await work()
            took[scale].append((time.perf_counter() - started) * 1000)
    return took


async def _chat_of(node: Node, storage: Storage, scale: int, crowd: int) -> dict[str, Work]:
    """Fill a chat and return what somebody does in it."""
    await stage.add_crowd(node, list(names(crowd)))
    people = await stage.add_people(node, DESK + 2)
    others = await stage.add_people(node, max(2, scale // LENGTH // 20))
    viewer, friend = people[0], people[1]
    deep = thread(viewer, friend, scale // 4)
    desk = [thread(viewer, person, DESK_LENGTH) for person in people[2:]]
    rest = scale - deep.length - DESK * DESK_LENGTH
    count = len(others)
    pairs = [(one, one + step) for step in range(1, count) for one in range(count - step)]
    threads = [thread(others[a], others[b], LENGTH) for a, b in pairs[: max(0, rest // LENGTH)]]
    await fill(node, storage, [*threads, *desk, deep])
    return _work(node, viewer.id, deep.id, deep.length) | {"search people": _search(node, viewer)}


async def _group_of(node: Node, members: Sequence[Person]) -> dict[str, Work]:
    group = await node.conversations.create_group(
        actor_id=members[0].id, title="Room", member_ids=[person.id for person in members]
    )
    for number in range(2 * PAGE):
        sender = members[number % len(members)]
        await node.messages.send(to_conversation(sender.id, group, "x" * CONTENT))
    return _work(node, members[0].id, group, 2 * PAGE)


def _work(node: Node, viewer_id: UUID, room: UUID, length: int) -> dict[str, Work]:
    """Return what somebody does, by name."""
    # One's own messages, and so one's read marks, must not pile up: the other one is the writer.
    return {
        "send": lambda: node.messages.send(to_conversation(viewer_id, room, "x" * CONTENT)),
        "newest page": lambda: _page(node, viewer_id, room, None),
        "deepest page": lambda: _page(node, viewer_id, room, PAGE + 1),
        "page in the middle": lambda: _page(node, viewer_id, room, length // 2),
        "list of conversations": lambda: _reading(node, viewer_id, list_conversations),
        "open a conversation": lambda: _reading(
            node, viewer_id, get_conversation, conversation_id=room
        ),
        "unread counts": lambda: _unread(node, viewer_id),
    }


async def _page(node: Node, viewer_id: UUID, room: UUID, before: int | None) -> object:
    return await history(node.database, viewer_id=viewer_id, conversation_id=room, before=before)


async def _reading(
    node: Node, viewer_id: UUID, ask: Callable[..., Awaitable[object]], **about: object
) -> object:
    async with node.database.reading() as session:
        return await ask(session, viewer_id=viewer_id, online=node.online, **about)


async def _unread(node: Node, viewer_id: UUID) -> object:
    async with node.database.reading() as session:
        return await unread_counts(session, viewer_id=viewer_id)


def _search(node: Node, viewer: Person) -> Work:
    chance = random.Random(7)  # noqa: S311  # questions, not secrets
    asked = [name.display_name[:3] for name in names(100, seed=3)]
    return lambda: _reading(node, viewer.id, search_users, text=chance.choice(asked))


async def _bytes(node: Node, storage: Storage) -> float:
    """Return what the messages with their indexes take."""
    if node.database.is_sqlite:
        return _file_bytes(storage.folder)
    async with node.database.reading() as session:
        size = text("SELECT pg_total_relation_size('message')")
        return float((await session.execute(size)).scalar_one())


def _file_bytes(folder: Path) -> float:
    return float(sum(file.stat().st_size for file in folder.glob("chat.db*")))
