"""Pages of messages: equal to what their senders got as acknowledgements."""

from datetime import UTC

from sqlalchemy import text

from chat_app.messages.queries import direct_history, history
from chat_app.node.node import Node
from chat_app.realtime.shapes import Message
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_still_node, to_user

TEXTS = [
    "plain",
    'quotes " and \\ and \\u0041 and \\n',
    "two\nlines\tand a tab",
    "\u202bخبر\u202c · 你好 · नमस्ते",
    "👩‍👩‍👧‍👦 and 𝄞, beyond two bytes",
    "\u2028 between two lines \u2029 \x7f",
    "[1, null, {}]",
    "x" * 4_000,
]


async def written(node: Node) -> list[Message]:
    alice, bob = await new_user(node), await new_user(node)
    sent = [
        (await node.messages.send(to_user(*pair, content))).message
        for content in TEXTS
        for pair in ((alice, bob), (bob, alice))
    ]
    edited = await node.messages.edit(actor_id=alice, message_id=sent[0].id, content="edited")
    deleted = await node.messages.delete(actor_id=bob, message_id=sent[1].id)
    return [edited, deleted, *sent[2:]]


async def test_a_page_equals_the_acknowledged_messages(storage: Storage) -> None:
    async with open_still_node(storage) as node:
        told = await written(node)
        first = told[0]
        page = await history(
            node.database, viewer_id=first.sender_id, conversation_id=first.conversation_id
        )
        assert first.receiver_id is not None
        direct = await direct_history(
            node.database,
            viewer_id=first.sender_id,
            user_id=first.receiver_id,
            online=node.online,
            after=0,
        )

    assert page.items == direct.items == told


async def test_times_are_in_utc_whatever_the_zone_of_the_database(storage: Storage) -> None:
    if storage.database_url:
        async with open_still_node(storage) as node, node.database.transaction() as connection:
            name = await connection.scalar(text("SELECT current_database()"))
            zone = text(f"ALTER DATABASE \"{name}\" SET timezone TO 'Asia/Kolkata'")
            await connection.execute(zone)
    async with open_still_node(storage) as node:
        told = await written(node)
        page = await history(
            node.database, viewer_id=told[0].sender_id, conversation_id=told[0].conversation_id
        )

    times = [message.created_at for message in page.items]
    assert {time.tzinfo for time in times} == {UTC}
    assert times == [message.created_at for message in told]
