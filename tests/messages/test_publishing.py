"""Reactions that another node has stored: delivered as such, or with what they have overtaken."""

from uuid import UUID, uuid4

from chat_app.change_log.moves import Move, Reacted, moves_entry, reactions_entry
from chat_app.core.ids import pair_key
from chat_app.messages.publishing import MessagePublisher
from chat_app.realtime.events import MessageReacted, MessageUpdated, decode
from chat_app.realtime.shapes import Message
from tests.harness.chats import Storage
from tests.harness.nodes import new_user, open_node, to_user

THUMB, HEART = "👍", "❤️"


def reacted(message: Message, rev: int, emoji: str, user_id: UUID, key: str) -> bytes:
    one = Reacted(
        conversation_id=message.conversation_id,
        rev=rev,
        direct_key=key,
        message_id=message.id,
        seq=message.seq,
        emoji=emoji,
        user_id=user_id,
        added=True,
        total=1,
    )
    return reactions_entry([one], uuid4()).payload


async def test_a_reaction_brings_the_edit_that_it_has_overtaken(storage: Storage) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        key = pair_key(alice, bob)
        await node.hub.open(user_id=bob, session_id=uuid4())
        publisher = MessagePublisher(database=node.database, hub=node.hub, online=node.online)
        message = (await node.messages.send(to_user(alice, bob))).message
        await node.messages.edit(actor_id=alice, message_id=message.id, content="edited")
        await node.messages.react(actor_id=bob, message_id=message.id, emoji=THUMB, added=True)

        edit = moves_entry([Move(message.conversation_id, 2, key)], None).payload
        assert await publisher.read([edit]) == []
        [whole] = await publisher.read_reactions([reacted(message, 3, THUMB, bob, key)])
        [event] = decode(whole.envelope.body)
        assert isinstance(event, MessageUpdated)
        assert (event.message.content, event.message.rev) == ("edited", 3)
        assert [one.emoji for one in event.message.reactions] == [THUMB]

        await node.messages.react(actor_id=alice, message_id=message.id, emoji=HEART, added=True)
        [small] = await publisher.read_reactions([reacted(message, 4, HEART, alice, key)])
        [event] = decode(small.envelope.body)
        assert event == MessageReacted(
            conversation_id=message.conversation_id,
            message_id=message.id,
            seq=1,
            rev=4,
            emoji=HEART,
            user_id=alice,
            added=True,
            count=1,
        )


async def test_a_reaction_that_another_one_overtook_is_in_the_whole_message(
    storage: Storage,
) -> None:
    async with open_node(storage) as node:
        alice, bob = await new_user(node), await new_user(node)
        key = pair_key(alice, bob)
        await node.hub.open(user_id=bob, session_id=uuid4())
        publisher = MessagePublisher(database=node.database, hub=node.hub, online=node.online)
        message = (await node.messages.send(to_user(alice, bob))).message
        for emoji in (THUMB, HEART):
            await node.messages.react(actor_id=bob, message_id=message.id, emoji=emoji, added=True)

        payloads = [
            reacted(message, 2, THUMB, bob, key),
            reacted(message, 3, HEART, bob, key),
        ]
        [whole] = await publisher.read_reactions(payloads)
        [event] = decode(whole.envelope.body)
        assert isinstance(event, MessageUpdated)
        assert [one.emoji for one in event.message.reactions] == [THUMB, HEART]
