"""Views of conversations: the members shown, and pages of a list."""

from uuid import UUID

from chat_app.conversations.queries import (
    MAX_MEMBERS_SHOWN,
    MAX_RECEIPTS,
    get_conversation,
    list_conversations,
)
from chat_app.conversations.schemas import Conversation
from chat_app.node.node import Node
from tests.harness.chats import Storage
from tests.harness.groups import add_group
from tests.harness.nodes import new_users, open_node, to_conversation


async def group_of(node: Node, people: list[UUID]) -> UUID:
    """Make a group that is listed."""
    group = await add_group(node, actor_id=people[0], title=f"{len(people)}", member_ids=people)
    await node.messages.send(to_conversation(people[0], group))
    return group


def shown(conversation: Conversation) -> list[UUID]:
    return [member.id for member in conversation.members]


async def test_a_large_group_shows_its_first_members(storage: Storage) -> None:
    """Without messages of others; receipts are shown while it is small."""
    async with open_node(storage) as node:
        for beside in (-1, 0, 1, MAX_RECEIPTS - MAX_MEMBERS_SHOWN + 1):
            people = sorted(await new_users(node, MAX_MEMBERS_SHOWN + beside))
            group = await group_of(node, people)
            for viewer in (people[0], people[-1]):
                async with node.database.reading() as session:
                    conversation = await get_conversation(
                        session, viewer_id=viewer, conversation_id=group, online=node.online
                    )

                assert shown(conversation) == people[:MAX_MEMBERS_SHOWN], beside
                is_small = len(people) <= MAX_RECEIPTS
                others = [one for one in people if one != viewer] if is_small else []
                assert [receipt.user_id for receipt in conversation.receipts] == others, beside


async def test_a_group_shows_its_latest_writers_first(storage: Storage) -> None:
    async with open_node(storage) as node:
        people = sorted(await new_users(node, 30))
        group = await group_of(node, people)
        for writer in (people[25], people[7], people[12], people[25]):
            await node.messages.send(to_conversation(writer, group))
        async with node.database.reading() as session:
            conversation = await get_conversation(
                session, viewer_id=people[1], conversation_id=group, online=node.online
            )

    latest = [people[25], people[12], people[7], people[0]]
    assert shown(conversation) == [*latest, people[1]]


async def test_groups_in_a_list_show_each_its_own_members(storage: Storage) -> None:
    async with open_node(storage) as node:
        people = sorted(await new_users(node, MAX_MEMBERS_SHOWN + 3))
        of_all = await group_of(node, people)
        of_two = await group_of(node, people[:2])
        of_most = await group_of(node, [people[0], *people[2:]])
        page = await list_conversations(node.database, viewer_id=people[0], online=node.online)

    assert [(one.id, shown(one)) for one in page.items] == [
        (of_most, [people[0], *people[2:]][:MAX_MEMBERS_SHOWN]),
        (of_two, people[:2]),
        (of_all, people[:MAX_MEMBERS_SHOWN]),
    ]


async def test_a_list_goes_on_where_its_page_ended(storage: Storage) -> None:
    async with open_node(storage) as node:
        people = await new_users(node, 2)
        groups = [await group_of(node, people) for _ in range(5)]
        found, before = list[UUID](), None
        for _ in range(3):
            page = await list_conversations(
                node.database, viewer_id=people[0], online=node.online, before=before, limit=2
            )
            found += [one.id for one in page.items]
            before = page.next_before

    assert found == groups[::-1]
    assert before is None
