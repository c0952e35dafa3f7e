"""What a message asks of the database: statements counted where they are sent."""

from benchmarks import stage
from benchmarks.figures import Figures, at_most
from benchmarks.workload import Plan
from chat_app.node.node import running_node
from tests.harness.nodes import to_conversation
from tests.harness.statements import statements

SIZES = (2, 100, 5_000)
# What the node does beside them is counted too: most of the sends must be alone.
SENDS = 5


async def measure(plan: Plan) -> list[Figures]:
    """Run *statements*: one message into groups of every size."""
    figures = Figures(
        "statements",
        "a message into a group that has some; everything asked of the database meanwhile",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            sizes = SIZES[:2] if plan.quick else SIZES
            people = await stage.add_people(node, max(sizes))
            for size in sizes:
                members = [person.id for person in people[:size]]
                group = await node.conversations.create_group(
                    actor_id=members[0], title="Room", member_ids=members
                )
                await node.messages.send(to_conversation(members[0], group))
                for _ in range(SENDS):
                    with statements() as asked:
                        await node.messages.send(to_conversation(members[1], group))
                    figures.add(f"SQL statements a send, {size:,} members", len(asked), at_most(6))
    return [figures]
