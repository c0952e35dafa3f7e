"""Statements of a send: the same few for any number of members, and no table scans."""

from typing import Any

from chat_app.messages.queries import direct_history, history
from chat_app.realtime.shapes import Message
from tests.harness.chats import Storage
from tests.harness.files import ready_file
from tests.harness.groups import add_group
from tests.harness.nodes import new_user, new_users, open_still_node, to_conversation, to_user
from tests.harness.statements import executed, plan_of, statements, steps_of

MOST = 6
SIZES = (2, 100, 5_000)
TABLES = ["message", "conversation", "member", "user_account", "block", "friendship"]


async def test_a_send_costs_the_same_few_statements_for_any_number_of_members(
    storage: Storage,
) -> None:
    sent: dict[int, list[str]] = {}
    async with open_still_node(storage) as node:
        people = await new_users(node, max(SIZES))
        for size in SIZES:
            group = await add_group(
                node, actor_id=people[0], title="group", member_ids=people[:size]
            )
            await node.messages.send(to_conversation(people[0], group, "first"))
            with statements() as sent[size]:
                await node.messages.send(to_conversation(people[1], group, "second"))

    assert len(sent[2]) <= MOST
    assert all(sent[size] == sent[2] for size in SIZES)


async def test_a_send_reads_none_of_the_other_members(storage: Storage) -> None:
    """On SQLite, whose work can be metrics: reading them would be a step for each, and more."""
    if storage.database_url:
        return
    steps: dict[int, int] = {}
    async with open_still_node(storage) as node:
        people = await new_users(node, 500)
        for size in (3, len(people)):
            group = await add_group(
                node, actor_id=people[0], title="group", member_ids=people[:size]
            )
            await node.messages.send(to_conversation(people[0], group, "first"))
            with executed() as asked:
                await node.messages.send(to_conversation(people[1], group, "second"))
            steps[size] = sum([await steps_of(node, *statement) for statement in asked])

    assert steps[500] < steps[3] + 500


async def test_a_direct_message_costs_the_same_statements(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob, "first"))
        # The first one introduces its conversation; the second is stored after that is done.
        await node.messages.send(to_user(bob, alice, "second"))
        with statements() as sent:
            await node.messages.send(to_user(bob, alice, "third"))

    assert len(sent) <= MOST


async def test_files_of_a_batch_cost_two_statements_more(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob, "first"))
        await node.messages.send(to_user(bob, alice, "second"))
        with statements() as without:
            await node.messages.send(to_user(bob, alice, "third"))
        files = [await ready_file(node, bob) for _ in range(3)]
        with statements() as sent:
            await node.messages.send(to_user(bob, alice, "")._replace(file_ids=tuple(files)))

    # On PostgreSQL the writes are one.
    assert len(sent) - len(without) <= (2 if node.database.is_sqlite else 1)


async def test_a_page_is_one_statement_by_keys(storage: Storage) -> None:
    scans = ("SCAN message", "SCAN conversation", "SCAN member")
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        sent = [(await node.messages.send(to_user(alice, bob, text))).message for text in "abc"]
        conversation_id = sent[0].conversation_id
        targets: list[tuple[dict[str, Any], list[Message]]] = [
            ({}, sent),
            ({"before": 2}, sent[:1]),
            ({"after": 1}, sent[1:]),
        ]
        for target, shown in targets:
            with statements() as of_page:
                page = await history(
                    node.database, viewer_id=bob, conversation_id=conversation_id, **target
                )
            with statements() as of_direct:
                direct = await direct_history(
                    node.database, viewer_id=bob, user_id=alice, online=node.online, **target
                )
            # PostgreSQL rightly scans tables as small as these.
            plans = [await plan_of(node, text) for text in of_page if node.database.is_sqlite]

            assert page.items == direct.items == shown, target
            assert len(of_page) == len(of_direct) == 1, target
            assert not [line for plan in plans for line in plan if line.startswith(scans)], target


async def test_no_look_up_of_a_send_reads_a_whole_table(storage: Storage) -> None:
    """On SQLite, which tells its plan; PostgreSQL rightly scans tables as small as these."""
    if storage.database_url:
        return
    async with open_still_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        await node.messages.send(to_user(alice, bob, "first"))
        with statements() as sent:
            await node.messages.send(to_user(alice, bob, "second"))
            await node.messages.send(to_user(alice, await new_user(node), "to a stranger"))
        selects = [text for text in sent if text.lstrip().startswith("SELECT")]
        plans = [await plan_of(node, statement) for statement in selects]

    assert plans
    scans = tuple(f"SCAN {table}" for table in TABLES)
    assert not [line for plan in plans for line in plan if line.startswith(scans)]
