"""P5: suggestions of people, with their reasons."""

from itertools import product
from uuid import UUID

from chat_app.friends.queries import MAX_SUGGESTIONS, suggest_people
from chat_app.friends.schemas import Suggestion
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.nodes import delete_user, new_user, open_node, to_user
from tests.harness.statements import plan_of, statements


async def make_friends(node: Node, one: UUID, *others: UUID) -> None:
    for other in others:
        await node.friends.request(actor_id=one, user_id=other)
        await node.friends.accept(actor_id=other, user_id=one)


async def suggested(node: Node, viewer_id: UUID) -> list[Suggestion]:
    async with node.database.reading() as session:
        found = await suggest_people(session, viewer_id=viewer_id, online=node.online)
    return found.items


async def test_a_new_user_has_no_suggestions(storage: Storage) -> None:
    async with open_node(storage) as node:
        assert await suggested(node, await new_user(node)) == []


async def test_most_friends_in_common_come_first_then_those_written_with(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        me, ann, ben, close, distant, early, late = [await new_user(node) for _ in range(7)]
        await make_friends(node, me, ann, ben)
        await make_friends(node, close, ann, ben)
        await make_friends(node, distant, ann)
        await node.messages.send(to_user(me, early))
        await node.messages.send(to_user(late, me))
        # Somebody with friends in common is named for these.
        await node.messages.send(to_user(me, distant))

        found = [
            (item.user.id, item.mutual_friends, item.reason) for item in await suggested(node, me)
        ]

    assert found == [
        (close, 2, "mutual_friends"),
        (distant, 1, "mutual_friends"),
        (late, 0, "written_with"),
        (early, 0, "written_with"),
    ]


RELATIONS = ("friends", "requested", "incoming", "blocked", "has blocked me", "deleted")


async def test_people_with_a_relation_are_not_suggested(storage: Storage) -> None:
    async with open_node(storage) as node:
        for case in product(RELATIONS, ("friends in common", "writing")):
            relation, by = case
            me, ann, other = [await new_user(node) for _ in range(3)]
            if by == "writing":
                await node.messages.send(to_user(me, other))
            else:
                await make_friends(node, ann, me, other)
            assert [item.user.id for item in await suggested(node, me)] == [other], case

            match relation:
                case "friends":
                    await make_friends(node, me, other)
                case "requested":
                    await node.friends.request(actor_id=me, user_id=other)
                case "incoming":
                    await node.friends.request(actor_id=other, user_id=me)
                case "blocked":
                    await node.friends.block(actor_id=me, user_id=other)
                case "has blocked me":
                    await node.friends.block(actor_id=other, user_id=me)
                case _:
                    await delete_user(node, other)

            assert await suggested(node, me) == [], case


async def test_an_empty_conversation_suggests_nobody(storage: Storage) -> None:
    async with open_node(storage) as node:
        me, other = await new_user(node), await new_user(node)
        await node.conversations.open_direct(actor_id=me, user_id=other)

        assert await suggested(node, me) == []


async def test_suggestions_are_limited(storage: Storage) -> None:
    async with open_node(storage) as node:
        me, ann = await new_user(node), await new_user(node)
        await make_friends(node, ann, me, *[await new_user(node) for _ in range(15)])
        for _ in range(15):
            await node.messages.send(to_user(me, await new_user(node)))

        found = await suggested(node, me)

    assert len(found) == MAX_SUGGESTIONS == len({item.user.id for item in found})
    assert [item.reason for item in found] == ["mutual_friends"] * 15 + ["written_with"] * 5


async def test_suggestions_cost_two_statements_and_scan_no_table(storage: Storage) -> None:
    async with open_node(storage) as node:
        me, ann, ben, carl = [await new_user(node) for _ in range(4)]
        await make_friends(node, me, ann)
        await make_friends(node, ann, ben, carl)
        async with node.database.reading() as session:
            connection = (await session.connection()).sync_connection
            assert connection is not None
            with statements(connection) as asked:
                found = await suggest_people(session, viewer_id=me, online=node.online)
        assert len(found.items) == 2
        # SQLite tells its plan; PostgreSQL rightly scans tables as small as these.
        plans = [] if storage.database_url else [await plan_of(node, text) for text in asked]

    assert len([text for text in asked if text.startswith("SELECT")]) == 2
    scans = [line for plan in plans for line in plan if line.startswith("SCAN")]
    assert not [line for line in scans if "anon" not in line and "SUBQUERY" not in line], scans
