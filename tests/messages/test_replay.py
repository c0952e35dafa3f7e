"""Replay after a break: two statements for any number of conversations and cursors."""

from uuid import UUID, uuid4

from chat_app.messages.replay import missed
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, new_users, open_still_node, to_user
from tests.harness.statements import plan_of, statements


async def test_a_resume_costs_two_statements_for_any_number_of_conversations(
    storage: Storage,
) -> None:
    async with open_still_node(storage) as node:
        bob = await new_user(node)
        sent = []
        for _ in range(5):
            alice = await new_user(node)
            sent.append((await node.messages.send(to_user(alice, bob, "seen"))).message)
            await node.messages.send(to_user(alice, bob, "missed"))
        cursors = {message.conversation_id: message.rev for message in sent}
        with statements() as asked:
            found = [
                one
                async for one in missed(
                    node.database, viewer_id=bob, cursors=cursors, online=node.online
                )
            ]

    told = [message.content for one in found for message, _ in one.changes or ()]
    assert told == ["missed"] * 5
    replaying = [text for text in asked if "message.content" in text]
    assert len(replaying) == 2, replaying


async def test_a_cached_statement_takes_any_viewer(storage: Storage) -> None:
    """It is composed once; whose it was the first time must not stay in it."""
    async with open_still_node(storage) as node:
        alice, bob, carol = await new_users(node, 3)
        hers = (await node.messages.send(to_user(alice, bob, "for bob"))).message
        await node.messages.send(to_user(alice, carol, "for carol"))
        # The same cursors for each: Bob's conversation is nobody else's.
        cursors = {hers.conversation_id: 0}
        told = {}
        for viewer in (bob, carol, alice):
            replay = missed(node.database, viewer_id=viewer, cursors=cursors, online=node.online)
            told[viewer] = [
                message.content async for one in replay for message, _ in one.changes or ()
            ]

    assert told[bob] == ["for bob"]
    assert told[carol] == ["for carol"]
    assert sorted(told[alice]) == ["for bob", "for carol"]


async def test_cursors_are_read_by_an_index(
    storage: Storage,
) -> None:
    """On SQLite, which tells its plan: 3,000 conversations with as many cursors took a minute."""
    if storage.database_url:
        return
    async with open_still_node(storage) as node:
        bob = await new_user(node)
        cursors = {uuid4(): 1 for _ in range(3)}
        with statements() as asked:
            replay = missed(node.database, viewer_id=bob, cursors=cursors, online=node.online)
            assert [one async for one in replay] == []
        (statement,) = [text for text in asked if "given" in text]
        plan = await plan_of(node, statement)

    assert any("LIST SUBQUERY" in line for line in plan)
    assert not [line for line in plan if "given" in line and "LEFT-JOIN" in line]


async def test_cursors_from_before_a_restored_backup_are_worth_nothing(storage: Storage) -> None:
    """By another generation, or where one lies beyond the end of its conversation."""
    async with open_still_node(storage) as node:
        alice, bob, carol = await new_users(node, 3)
        first = (await node.messages.send(to_user(alice, bob, "one"))).message
        second = (await node.messages.send(to_user(carol, bob, "two"))).message
        ids = {first.conversation_id, second.conversation_id}
        seen = {first.conversation_id: 1}

        async def changes(cursors: dict[UUID, int], *, another: bool = False) -> dict[UUID, object]:
            replay = missed(
                node.database,
                viewer_id=bob,
                cursors=cursors,
                online=node.online,
                are_of_another_generation=another,
            )
            return {one.conversation.id: one.changes async for one in replay}

        assert await changes(seen) == {second.conversation_id: [(second, False)]}
        assert await changes(seen, another=True) == dict.fromkeys(ids)
        assert await changes({first.conversation_id: 9}) == dict.fromkeys(ids)
