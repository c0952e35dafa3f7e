"""Groups: making one of 500, the members of one of 5,000, and the list of somebody with 500."""

import time
import zlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from benchmarks import machine, stage
from benchmarks.figures import Figures
from benchmarks.names import names
from benchmarks.workload import Plan
from chat_app.conversations.groups.queries import list_members
from chat_app.conversations.groups.schemas import GroupRequest
from chat_app.conversations.queries import get_conversation, list_conversations
from chat_app.messages.queries import history
from chat_app.node.node import Node
from tests.harness.groups import add_group
from tests.harness.nodes import add_crowd, new_users, people_named, to_conversation

LARGE, NEW, OWN = 5_000, 500, 500
QUICK = 20


async def measure(plan: Plan) -> list[Figures]:
    """Run *groups*."""
    large, new, own = (QUICK,) * 3 if plan.quick else (LARGE, NEW, OWN)
    figures = Figures(
        "groups", f"a group of {large:,}, {own:,} groups of one person; {plan.durability}"
    )
    with machine.on(machine.ALL_CORES), stage.fresh(plan) as chat:
        async with chat.node() as node:
            named = list(names(large))
            await add_crowd(node, named)
            crowd = await people_named(node, [username for username, _ in named])
            me, *others = crowd
            group = await add_group(node, actor_id=me, title="All", member_ids=others)
            for sender in crowd[:60]:
                await node.messages.send(to_conversation(sender, group))
            mine, *friends = await new_users(node, 6)
            for number in range(own):
                some = await add_group(
                    node, actor_id=mine, title=f"Group {number}", member_ids=friends
                )
                await node.messages.send(to_conversation(friends[number % 5], some))
            for _ in range(plan.runs):
                took = await _repeat(plan, lambda: _open(node, me, group))
                figures.add_times(f"opening one of {large:,}, ", took, most_p99=50)
                took = await _repeat(
                    plan,
                    lambda: list_members(
                        node.database,
                        viewer_id=me,
                        conversation_id=group,
                        online=node.online,
                        text="an",
                    ),
                )
                figures.add_times(f"searching {large:,} members, ", took, most_p99=50)
                took = await _repeat(
                    plan,
                    lambda: list_conversations(node.database, viewer_id=mine, online=node.online),
                )
                figures.add_times(f"a page of the list of {own:,} groups, ", took, most_p99=50)
                page = await list_conversations(node.database, viewer_id=mine, online=node.online)
                body = msgspec.json.encode(page)
                figures.add("that page, KiB", len(body) / 1024)
                # As deploy/nginx.conf has it.
                packed = zlib.compress(body, level=4)
                figures.add("that page as nginx sends it, KiB", len(packed) / 1024, most=60)
                data = GroupRequest.model_validate(
                    {"kind": "group", "title": "New", "member_ids": others[: new - 1]}
                )
                started = time.perf_counter()
                await node.groups.create(actor_id=me, data=data)
                seconds = time.perf_counter() - started
                figures.add(f"making a group of {new:,}, s", seconds, most=0.5)
    return [figures]


async def _open(node: Node, viewer_id: UUID, group: UUID) -> None:
    async with node.database.reading() as session:
        await get_conversation(
            session, viewer_id=viewer_id, conversation_id=group, online=node.online
        )
    await history(node.database, viewer_id=viewer_id, conversation_id=group)


async def _repeat(plan: Plan, work: Callable[[], Awaitable[object]]) -> list[float]:
    """Do it for a while; return the times in ms."""
    took: list[float] = []
    ends = time.perf_counter() + plan.seconds
    while (started := time.perf_counter()) < ends or not took:
        await work()
        took.append((time.perf_counter() - started) * 1000)
    return took
