"""Client frames of the contract (W5): acks, errors, and which frames close the socket."""

import asyncio
import contextlib
import json
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, Socket, as_json
from tests.harness.servers import ChatServer


def text_frame(receiver: Person, content: Any, **more: object) -> Json:  # noqa: ANN401  # any JSON, wrong ones too
    return {
        "type": "message",
        "id": str(uuid4()),
        "receiver_id": receiver.id,
        "content": content,
        **more,
    }


async def history(person: Person, other: Person) -> list[Json]:
    items = as_json(await person.http.get(f"/api/messages/{other.id}"))["items"]
    assert isinstance(items, list)
    return items


async def test_an_ack_carries_the_stored_message(alice: Person, bob: Person) -> None:
    frame = text_frame(bob, " hello ")
    async with alice.socket() as socket:
        await socket.send(frame)
        ack = await socket.expect("ack")

    assert ack.keys() == {"type", "id", "message"}
    assert ack["id"] == ack["message"]["client_id"] == frame["id"]
    assert ack["message"]["content"] == "hello"
    assert ack["message"]["sender_id"] == alice.id
    assert await history(bob, alice) == [ack["message"]]


async def test_a_message_may_be_addressed_by_its_conversation(alice: Person, bob: Person) -> None:
    conversation = await alice.opened(bob)
    frame = {"type": "message", "id": "c-1", "conversation_id": conversation["id"], "content": "x"}
    async with alice.socket() as socket:
        await socket.send(frame)
        ack = await socket.expect("ack")

    assert ack["message"]["conversation_id"] == conversation["id"]


async def test_a_retry_over_the_socket_repeats_the_answer_of_http(
    alice: Person, bob: Person
) -> None:
    stored = await alice.write(bob, "once", client_id="both-doors")
    async with alice.socket() as socket:
        await socket.send(text_frame(bob, "once", id="both-doors"))
        ack = await socket.expect("ack", id="both-doors")
        await socket.send(text_frame(bob, "twice", id="both-doors"))
        error = await socket.expect("error", id="both-doors")

    assert ack["message"] == stored
    assert error["code"] == "idempotency_conflict"
    assert error["retryable"] is False
    assert await history(alice, bob) == [stored]


async def test_a_replayed_old_frame_changes_nothing(alice: Person, bob: Person) -> None:
    frame = text_frame(bob, "once", id="old")
    async with alice.socket() as socket:
        await socket.send(frame)
        first = (await socket.expect("ack", id="old"))["message"]
        path = f"/api/messages/{first['id']}"
        edited = (await alice.http.patch(path, json={"content": "better"})).json()
        await alice.write(bob, "later")
        async with alice.socket() as elsewhere, bob.socket() as receiver:
            for again in (socket, elsewhere):
                await again.send(frame)
                reply = await again.expect("ack", id="old")
                assert reply["message"]["id"] == first["id"]
                assert reply["message"]["seq"] == first["seq"]

            # Alice has come online a moment ago.
            events = [one["type"] for one in await receiver.settled()]
            assert [kind for kind in events if kind != "presence"] == []
    assert [item["content"] for item in await history(alice, bob)] == ["better", "later"]
    assert (await history(alice, bob))[0] == edited


async def test_a_client_id_of_another_user_returns_none_of_their_messages(
    alice: Person, bob: Person, carol: Person
) -> None:
    theirs = await alice.write(bob, "between us", client_id="hers")
    async with carol.socket() as socket:
        await socket.send(text_frame(bob, "mine", id="hers"))
        mine = (await socket.expect("ack", id="hers"))["message"]

    assert mine["id"] != theirs["id"]
    assert (mine["sender_id"], mine["content"]) == (carol.id, "mine")
    assert await history(alice, bob) == [theirs]


async def test_acks_come_in_the_order_of_the_frames(alice: Person, bob: Person) -> None:
    frames = [text_frame(bob, f"number {number}") for number in range(50)]
    async with alice.socket() as socket, bob.socket() as other:
        for frame in frames:
            await socket.send(frame)
        acks = [await socket.expect("ack") for _ in frames]
        messages = [(await other.expect("message.created"))["message"] for _ in frames]

    assert [ack["id"] for ack in acks] == [frame["id"] for frame in frames]
    assert [ack["message"]["seq"] for ack in acks] == list(range(1, 51))
    assert messages == [ack["message"] for ack in acks]


async def test_a_pong_carries_the_newest_revisions(alice: Person, bob: Person) -> None:
    message = await bob.write(alice, "hello")
    async with alice.socket() as socket:
        await socket.send({"type": "ping", "id": "p1"})
        pong = await socket.expect("pong")

    assert pong["id"] == "p1"
    assert pong["last_rev"][message["conversation_id"]] == 1


async def test_a_read_frame_is_acked_and_sent_on(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    frame = {
        "type": "read",
        "id": "r1",
        "conversation_id": message["conversation_id"],
        "seq": 1,
    }
    read_mark = {"conversation_id": message["conversation_id"], "user_id": bob.id, "seq": 1}
    async with alice.socket() as sender, bob.socket() as reader, bob.socket() as other_device:
        await reader.send(frame)
        await reader.expect("ack", id="r1")

        await sender.expect("conversation.read", **read_mark)
        await other_device.expect("conversation.read", **read_mark)
    assert (await bob.conversation(message["conversation_id"]))["unread"] == 0


async def test_a_pong_follows_the_acks_of_earlier_read_frames(alice: Person, bob: Person) -> None:
    *_, message = await alice.write_all(bob, *map(str, range(5)))
    here = message["conversation_id"]
    async with bob.socket() as socket:
        for seq in (1, 5, 3, 4, 2):
            await socket.send({"type": "read", "id": f"{seq}", "conversation_id": here, "seq": seq})
        await socket.send({"type": "ping", "id": "last"})

        acked = set()
        while (frame := await socket.receive())["type"] != "pong":
            acked |= {frame["id"]} if frame["type"] == "ack" else set()
    assert acked == {"1", "2", "3", "4", "5"}
    assert (await bob.conversation(here))["unread"] == 0


def bad_frames() -> dict[str, Any]:
    """Return frames that are refused, by name; each is built from its receiver."""
    return {
        "broken JSON": lambda _: "{",
        "empty": lambda _: "",
        "a list": lambda _: "[]",
        "a number": lambda _: "5",
        "null": lambda _: "null",
        "deep": lambda _: "[" * 30_000,
        "no type": lambda _: {},
        "a type that is no text": lambda _: {"type": 5},
        "an unknown type": lambda _: {"type": "shutdown"},
        "auth again": lambda _: {"type": "auth", "content": "junk"},
        "no content": lambda to: {"type": "message", "id": "x", "receiver_id": to.id},
        "no address": lambda _: {"type": "message", "id": "x", "content": "hi"},
        "content of a wrong type": lambda to: text_frame(to, 5),
        "blank": lambda to: text_frame(to, "  "),
        "NUL": lambda to: text_frame(to, "a\x00b"),
        "too long": lambda to: text_frame(to, "x" * 8001),
        "a lone surrogate": lambda to: text_frame(to, "\ud800"),
        "a forged sender": lambda to: text_frame(to, "hi", sender_id=to.id),
        "a forged seq": lambda to: text_frame(to, "hi", seq=99),
        "a forged time": lambda to: text_frame(to, "hi", created_at="2001-01-01T00:00:00Z"),
        "a time of one's own": lambda to: text_frame(to, "hi", at="2036-01-01T00:00:00Z"),
        "an id of a wrong type": lambda to: text_frame(to, "hi", id=7),
        "an id too long": lambda to: text_frame(to, "hi", id="x" * 65),
        "both addresses": lambda to: text_frame(to, "hi", conversation_id=str(uuid4())),
        "nobody": lambda to: text_frame(to, "hi", receiver_id=str(uuid4())),
        "an address that is none": lambda to: text_frame(to, "hi", receiver_id="admin"),
        "a wrong seq": lambda _: {"type": "read", "conversation_id": str(uuid4()), "seq": "1"},
        "reading elsewhere": lambda _: {"type": "read", "conversation_id": str(uuid4()), "seq": 1},
    }


async def test_a_bad_frame_is_answered_and_the_socket_stays(alice: Person, bob: Person) -> None:
    for number, kind in enumerate(bad_frames(), start=1):
        with case(kind):
            frame = bad_frames()[kind](bob)
            async with alice.socket() as socket, bob.socket() as other:
                await socket.send(frame)
                error = await socket.expect("error")
                good = text_frame(bob, "still here")
                await socket.send(good)
                ack = await socket.expect("ack", id=good["id"])

                await other.expect("message.created", message=ack["message"])

            assert {"type", "code", "detail", "retryable"} <= error.keys()
            assert error["retryable"] is False
            assert error["code"] == error["code"].lower()
            if (
                isinstance(frame, dict)
                and isinstance(frame.get("id"), str)
                and len(frame["id"]) <= 64
            ):
                assert error["id"] == frame["id"]
            assert "Traceback" not in json.dumps(error)
            stored = [message["content"] for message in await history(bob, alice)]
            assert stored == ["still here"] * number


async def test_a_frame_to_oneself_is_refused(alice: Person) -> None:
    async with alice.socket() as socket:
        await socket.send(text_frame(alice, "hi", id="me"))

        assert (await socket.expect("error", id="me"))["code"] == "receiver_is_self"


async def test_conversations_of_others_are_not_found(
    alice: Person, bob: Person, carol: Person
) -> None:
    message = await alice.write(bob, "between us")
    address = {"conversation_id": message["conversation_id"]}
    frames: list[Json] = [
        {"type": "message", "id": "m", "content": "intruder", **address},
        {"type": "read", "id": "r", "seq": 1, **address},
    ]
    async with carol.socket() as socket:
        for frame in frames:
            await socket.send(frame)
            error = await socket.expect("error", id=frame["id"])
            assert error["code"] == "not_found"

    assert await history(alice, bob) == [message]


async def test_a_binary_frame_closes_with_1003(alice: Person) -> None:
    async with alice.socket() as socket:
        await socket.send(b'{"type": "ping"}')

        assert await socket.close_code() == 1003


# The close code is lost when the node hangs up while data is still on its way to nginx.
@pytest.mark.parametrize(
    "size",
    [65_537, 100_000, *(pytest.param(n, marks=pytest.mark.one_process) for n in (10**6, 10**7))],
)
async def test_a_frame_that_is_too_big_closes_its_socket_alone(
    alice: Person, bob: Person, size: int
) -> None:
    async with alice.socket() as socket, alice.socket() as other_device, bob.socket() as other:
        with contextlib.suppress(ConnectionClosed):  # the server need not read to the end
            await socket.send('{"type": "ping", "id": "' + "x" * size + '"}')

        assert await socket.close_code() in {1009, 4413}
        await other.settled()
        await other_device.settled()


async def test_a_frame_of_the_greatest_size_is_read(alice: Person) -> None:
    frame = json.dumps({"type": "ping", "id": "big"})
    async with alice.socket() as socket:
        await socket.send(frame + " " * (65_536 - len(frame)))

        await socket.expect("pong", id="big")


async def test_junk_frames_leave_no_traceback(chat: ChatServer, new_person: NewPerson) -> None:
    person, other = await new_person(), await new_person()
    async with person.socket() as socket:
        for make in bad_frames().values():
            await socket.send(make(other))
        await socket.settled()

    assert "Traceback" not in chat.log()


async def test_ten_sockets_writing_at_once_lose_nothing(alice: Person, bob: Person) -> None:
    async def write(number: int) -> list[Json]:
        async with alice.socket() as socket:
            frames = [text_frame(bob, f"{number}-{turn}") for turn in range(10)]
            for frame in frames:
                await socket.send(frame)
            return [(await socket.expect("ack"))["message"] for _ in frames]

    acked = [
        message
        for messages in await asyncio.gather(*(write(number) for number in range(10)))
        for message in messages
    ]

    page = as_json(await bob.http.get(f"/api/messages/{alice.id}", params={"limit": 100}))
    assert page["items"] == sorted(acked, key=lambda message: message["seq"])
    assert [message["seq"] for message in page["items"]] == list(range(1, 101))


async def test_a_dropped_connection_affects_nobody_else(alice: Person, bob: Person) -> None:
    async with bob.socket() as other:
        async with Socket.open(alice.url) as socket:
            await socket.send({"type": "auth", "content": alice.access_token})
            await socket.expect("ready")
            socket.connection.transport.abort()
        message = await alice.write(bob, "still delivered")

        await other.expect("message.created", message=message)
