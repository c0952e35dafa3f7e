"""The same work on ever more data: messages in the whole chat, and members of one conversation.

Asked of the use cases themselves, one after the other, so that what is measured is the database
and the code around it and not a queue in front of them.
"""

import contextlib
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from sqlalchemy import text

from benchmarks import machine, stage
from benchmarks.figures import Figures, percentile
from benchmarks.filling import Thread, fill
from benchmarks.names import names
from benchmarks.stage import read
from benchmarks.workload import Plan
from chat_app.conversations.queries import get_conversation, list_conversations, unread_counts
from chat_app.friends.queries import search_users
from chat_app.messages.queries import history
from chat_app.node.node import Node
from tests.harness.nodes import add_crowd, to_conversation
from tests.harness.statements import statements as sql_statements

CONTENT = 50
DESK, DESK_LENGTH = 50, 100
LENGTH = 1_000
CROWD = 10_000
PAGE = 50
SIZES = (2, 100, 5_000)
MOST = 1.3
# The node's background statements are counted too: most sends must run alone.
SENDS = 5

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
            chat = stack.enter_context(stage.fresh(plan))
            node = await stack.enter_async_context(chat.node())
            work[scale] = await _chat_of(node, scale, 500 if plan.quick else CROWD)
            size = await _bytes(node)
            figures.add(f"bytes a message on the disk, {scale:,} messages", size / scale)
        await _compare(figures, plan, work, "messages", min(work))
    return [figures]


async def measure_members(plan: Plan) -> list[Figures]:
    """Run *members*: groups of every size in one chat, in turn."""
    sizes = (2, 100, 200) if plan.quick else SIZES
    setting = f"groups of {', '.join(f'{size:,}' for size in sizes)}; {plan.durability}"
    figures = Figures("members", setting)
    with machine.on(machine.ALL_CORES), stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, max(sizes) + len(sizes))
            # Each group has a viewer of its own, who is in no other.
            viewers, others = people[: len(sizes)], people[len(sizes) :]
            work = {}
            for viewer, size in zip(viewers, sizes, strict=True):
                members = [viewer, *others[: size - 1]]
                group = await stage.add_group(node, members)
                for number in range(2 * PAGE):
                    await _send(node, members[number % size].id, group)
                work[size] = _work(node, viewer.id, group, 2 * PAGE)
            # A conversation shows a hundred of its members: up to there more are more work.
            await _compare(figures, plan, work, "members", sizes[1])
    return [figures]


async def measure_statements(plan: Plan) -> list[Figures]:
    """Run *statements*: count the SQL of one message into groups of every size."""
    setting = "a message into a group that has some; everything asked of the database meanwhile"
    figures = Figures("statements", setting)
    sizes = SIZES[:2] if plan.quick else SIZES
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, max(sizes))
            for size in sizes:
                group = await stage.add_group(node, people[:size])
                await _send(node, people[0].id, group)
                for _ in range(SENDS):
                    with sql_statements() as asked:
                        await _send(node, people[1].id, group)
                    figures.add(f"SQL statements a send, {size:,} members", len(asked), most=6)
    return [figures]


async def _compare(
    figures: Figures, plan: Plan, work: Mapping[int, Mapping[str, Work]], unit: str, base: int
) -> None:
    """Do every piece of work at every scale in turn; note what growth past `base` costs."""
    points = {scale: {unit: float(scale)} for scale in sorted(work)}
    for run in range(plan.runs + 1):
        for name in work[base]:
            works = {scale: work[scale][name] for scale in points}
            took = await _in_turn(works, plan.seconds * len(works) / len(work[base]))
            if not run:
                continue  # the first round warms up
            for scale, some in took.items():
                figures.add_times(f"{name}, {scale:,} {unit}, ", some)
                points[scale][name] = figures.rows[f"{name}, {scale:,} {unit}, p50, ms"].median()
                if scale > base:
                    ratio = percentile(some, 50) / percentile(took[base], 50)
                    figures.add(f"{name}, {scale:,} / {base:,} {unit}", ratio, most=MOST)
    figures.points.extend(points.values())


async def _in_turn(works: Mapping[int, Work], seconds: float) -> dict[int, list[float]]:
    """Do the same work at one scale after the other, so that other load affects all alike."""
    took: dict[int, list[float]] = {scale: [] for scale in works}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for scale, work in works.items():
            started = time.perf_counter()
            await work()
            took[scale].append((time.perf_counter() - started) * 1000)
    return took


async def _chat_of(node: Node, scale: int, crowd: int) -> dict[str, Work]:
    """Fill a chat and return the measured actions."""
    await add_crowd(node, list(names(crowd)))
    people = await stage.add_people(node, DESK + 2)
    others = await stage.add_people(node, max(2, scale // LENGTH // 20))
    viewer, friend = people[0], people[1]
    deep = Thread(viewer, friend, scale // 4, size=CONTENT)
    desk = [Thread(viewer, person, DESK_LENGTH, size=CONTENT) for person in people[2:]]
    rest = scale - deep.length - DESK * DESK_LENGTH
    pairs = itertools.islice(itertools.combinations(others, 2), max(0, rest // LENGTH))
    threads = [Thread(one, other, LENGTH, CONTENT) for one, other in pairs]
    await fill(node, [*threads, *desk, deep])
    chance = random.Random(7)  # noqa: S311  # questions, not secrets
    asked = [name.display_name[:3] for name in names(100, seed=3)]
    return {
        **_work(node, viewer.id, deep.id, deep.length),
        "search people": lambda: read(node, viewer.id, search_users, text=chance.choice(asked)),
    }


def _work(node: Node, viewer: UUID, room: UUID, length: int) -> dict[str, Work]:
    """Return the measured actions, by name."""

    def page(before: int | None) -> Awaitable[object]:
        return history(node.database, viewer_id=viewer, conversation_id=room, before=before)

    return {
        "send": lambda: _send(node, viewer, room),
        "newest page": lambda: page(None),
        "deepest page": lambda: page(PAGE + 1),
        "page in the middle": lambda: page(length // 2),
        "list of conversations": lambda: list_conversations(
            node.database, viewer_id=viewer, online=node.online
        ),
        "open a conversation": lambda: read(node, viewer, get_conversation, conversation_id=room),
        "unread counts": lambda: unread_counts(node.database, viewer_id=viewer),
    }


async def _send(node: Node, sender_id: UUID, room: UUID) -> object:
    return await node.messages.send(to_conversation(sender_id, room, "x" * CONTENT))


async def _bytes(node: Node) -> float:
    """Return the size of the messages and their indexes; of everything, on SQLite."""
    whole = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    size = whole if node.database.is_sqlite else "SELECT pg_total_relation_size('message')"
    async with node.database.reading() as session:
        return float((await session.execute(text(size))).scalar_one())
