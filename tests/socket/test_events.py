"""Live events (M1, W3): sent to every device of the users concerned, and to nobody else."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.harness.clients import Json, Person, Socket, log_in
from tests.harness.processor import Stopwatch
from tests.harness.servers import ChatServer


def kinds(frames: list[Json]) -> list[str]:
    return [frame["type"] for frame in frames]


async def test_a_message_sent_over_http_arrives_live(alice: Person, bob: Person) -> None:
    async with bob.socket() as socket:
        message = await alice.write(bob, "hello")
        event = await socket.expect("message.created")

    assert event == {"type": "message.created", "message": message}


async def test_a_message_arrives_within_300_ms(alice: Person, bob: Person) -> None:
    took = []
    async with alice.socket() as sender, bob.socket() as receiver:
        for number in range(20):
            frame = {"type": "message", "id": f"quick-{number}", "receiver_id": bob.id}
            stopwatch = Stopwatch()
            await sender.send({**frame, "content": "quick"})
            await receiver.expect("message.created")
            took.append(stopwatch.seconds())

    assert sorted(took)[18] < 0.3, took


async def test_the_sending_socket_gets_the_ack_and_every_other_the_event(
    alice: Person, bob: Person
) -> None:
    async with alice.socket() as sender, alice.socket() as own_other, bob.socket() as receiver:
        frame = {"type": "message", "id": "mine", "receiver_id": bob.id, "content": "hi"}
        await sender.send(frame)
        message = (await sender.expect("ack", id="mine"))["message"]

        for socket in (own_other, receiver):
            await socket.expect("message.created", message=message)
        assert "message.created" not in kinds(await sender.settled())


async def test_every_tab_and_device_gets_every_event(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    phone = await log_in(chat.url, bob)
    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(bob.socket()) for _ in range(3)]
        sockets = [*tabs, await stack.enter_async_context(phone.socket())]
        first = await alice.write(bob, "to all four")
        for socket in sockets:
            await socket.expect("message.created", message=first)

        await tabs[0].connection.close()
        second = await alice.write(bob, "to the three that are left")

        for socket in sockets[1:]:
            await socket.expect("message.created", message=second)
            assert "message.created" not in kinds(await socket.settled())


async def test_strangers_get_no_events(alice: Person, bob: Person, carol: Person) -> None:
    async with carol.socket() as stranger, bob.socket() as receiver:
        message = await alice.write(bob, "between us")
        await receiver.expect("message.created")
        path = f"/api/conversations/{message['conversation_id']}/read"
        await bob.http.post(path, json={"seq": 1})
        await receiver.expect("conversation.read")

        assert await stranger.settled() == []


async def test_a_new_conversation_is_introduced_before_its_first_message(
    alice: Person, bob: Person
) -> None:
    async with bob.socket() as socket:
        message = await alice.write(bob, "hello, stranger")
        await socket.expect("message.created")

    [introduction] = [frame for frame in socket.passed if frame["type"] == "conversation.updated"]
    assert introduction["conversation"]["id"] == message["conversation_id"]
    members = {member["id"] for member in introduction["conversation"]["members"]}
    assert members == {alice.id, bob.id}


async def test_an_opened_conversation_without_messages_sends_no_events(
    alice: Person, bob: Person
) -> None:
    async with bob.socket() as socket:
        await alice.opened(bob)

        assert await socket.settled() == []


async def test_a_read_mark_is_sent_to_the_sender_and_to_own_devices(
    alice: Person, bob: Person
) -> None:
    message = await alice.write(bob, "hello")
    conversation_id = message["conversation_id"]
    async with alice.socket() as sender, bob.socket() as own:
        await bob.http.post(f"/api/conversations/{conversation_id}/read", json={"seq": 1})

        for socket in (sender, own):
            event = await socket.expect("conversation.read")
            assert event == {
                "type": "conversation.read",
                "conversation_id": conversation_id,
                "user_id": bob.id,
                "seq": 1,
            }


async def test_a_device_that_follows_counts_deletions(alice: Person, bob: Person) -> None:
    """Keep the unread messages by their events, as the documents say."""
    read = await alice.write(bob, "read")
    path = f"/api/conversations/{read['conversation_id']}"
    await bob.http.post(f"{path}/read", json={"seq": 1})
    async with bob.socket() as socket:
        written = await alice.write_all(bob, "two", "three", "four")
        for message in (read, written[0], written[2]):
            await alice.http.delete(f"/api/messages/{message['id']}")
        unread: set[str] = set()
        last: Json = {}
        while (last.get("id"), last.get("rev")) != (written[2]["id"], 7):
            last = (await socket.receive()).get("message", {})
            if last.get("deleted_at"):
                unread.discard(last["id"])
            elif last.get("seq", 0) > 1:
                unread.add(last["id"])

    assert unread == {written[1]["id"]}
    assert (await bob.conversation(read["conversation_id"]))["unread"] == 1


async def test_marking_unread_sends_nothing_to_the_other(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    path = f"/api/conversations/{message['conversation_id']}"
    await bob.http.post(f"{path}/read", json={"seq": 1})
    async with alice.socket() as sender:
        await bob.http.post(f"{path}/unread", json={"seq": 1})
        frames = await sender.settled()

    # Events from before the socket opened may still come; they carry the read mark.
    marks = {frame["seq"] for frame in frames if frame["type"] == "conversation.read"}
    assert marks <= {1}


async def test_a_replay_is_not_announced_again(alice: Person, bob: Person) -> None:
    body = {"receiver_id": bob.id, "content": "once", "client_id": "only-once"}
    async with bob.socket() as socket:
        for _ in range(3):
            await alice.http.post("/api/messages", json=body)
        await socket.expect("message.created")

        assert "message.created" not in kinds(await socket.settled())


async def write_both_at_once(one: Person, other: Person) -> None:
    """Send twenty messages each way between two people, all at once."""
    await asyncio.gather(
        *(one.write(other, f"a{number}") for number in range(20)),
        *(other.write(one, f"b{number}") for number in range(20)),
    )


async def seen_by_seq(socket: Socket, count: int) -> dict[int, Json]:
    """Receive `count` messages, repeats allowed, and return them by `seq`."""
    seen: dict[int, Json] = {}
    while len(seen) < count:
        message = (await socket.expect("message.created"))["message"]
        assert seen.setdefault(message["seq"], message) == message
    return seen


async def test_all_viewers_see_messages_in_one_order(alice: Person, bob: Person) -> None:
    """Compare the order by `seq`, which is the same for every viewer."""
    await alice.opened(bob)
    async with alice.socket() as one, bob.socket() as other:
        await write_both_at_once(alice, bob)
        seen = [await seen_by_seq(socket, 40) for socket in (one, other)]

    assert seen[0] == seen[1]
    assert sorted(seen[0]) == list(range(1, 41))


# Messages that two nodes store at once may be published in the opposite order.
@pytest.mark.one_process
async def test_one_node_sends_messages_in_the_order_of_seq(alice: Person, bob: Person) -> None:
    await alice.opened(bob)
    async with alice.socket() as one, bob.socket() as other:
        await write_both_at_once(alice, bob)
        seen = [
            [(await socket.expect("message.created"))["message"] for _ in range(40)]
            for socket in (one, other)
        ]

    assert seen[0] == seen[1]
    assert [message["seq"] for message in seen[0]] == list(range(1, 41))
