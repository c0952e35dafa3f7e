"""Delivery and read receipts, as the sender's devices receive them (M7)."""

from chat_app.conversations.deliveries import INTERVAL_S
from tests.harness.clients import Json, Person


def kinds(frames: list[Json]) -> list[str]:
    return [frame["type"] for frame in frames]


async def test_a_message_handed_to_a_socket_is_delivered(alice: Person, bob: Person) -> None:
    async with alice.socket() as sender, alice.socket() as own_other, bob.socket() as receiver:
        message = await alice.write(bob, "hello")
        await receiver.expect("message.created")

        for socket in (sender, own_other):
            assert await socket.expect("conversation.delivered") == {
                "type": "conversation.delivered",
                "conversation_id": message["conversation_id"],
                "user_id": bob.id,
                "seq": 1,
            }
    [receipt] = (await alice.conversation(message["conversation_id"]))["receipts"]
    assert receipt == {"user_id": bob.id, "delivered_seq": 1, "read_seq": 0}


async def test_own_devices_deliver_nothing(alice: Person, bob: Person) -> None:
    async with alice.socket() as sender, alice.socket() as own_other:
        message = await alice.write(bob, "hello")
        await own_other.expect("message.created")
        await sender.expect("message.created")
        # A receipt that comes later, of another conversation, has overtaken none of this one.
        async with bob.socket() as receiver:
            await bob.history(message["conversation_id"])
            await receiver.settled()
            event = await sender.expect("conversation.delivered", seconds=20 * INTERVAL_S)

    assert "conversation.delivered" not in kinds(sender.passed)
    assert event["seq"] == 1


async def test_a_fetched_page_delivers_up_to_its_newest_message(alice: Person, bob: Person) -> None:
    messages = await alice.write_all(bob, "one", "two", "three")
    here = messages[0]["conversation_id"]
    async with alice.socket() as sender:
        await bob.history(here, before=3)
        assert (await sender.expect("conversation.delivered"))["seq"] == 2

        reply = await bob.http.get(f"/api/messages/{alice.id}")
        assert reply.status_code == 200
        assert (await sender.expect("conversation.delivered"))["seq"] == 3


async def test_an_immediate_read_is_sent_as_read_not_delivered(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    here = message["conversation_id"]
    async with alice.socket() as sender:
        await bob.http.post(f"/api/conversations/{here}/read", json={"seq": 1})
        await bob.history(here)
        await sender.expect("conversation.read")
        await alice.write(bob, "again")
        await bob.history(here)
        event = await sender.expect("conversation.delivered")

    assert "conversation.delivered" not in kinds(sender.passed)
    assert event["seq"] == 2
