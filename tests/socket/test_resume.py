"""Replay after a reconnect (`resume`, W8): missed events come complete, in order and once."""

import asyncio
import contextlib
import json
from uuid import uuid4

from websockets.exceptions import ConnectionClosed

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import PATIENCE_S, Json, Person, Socket

SOME_ID = "0192f3a4-5b6c-7d8e-9f00-112233445566"
MOST_CHANGES = 500
IN_A_FRAME = 200


async def resumed(socket: Socket, cursors: Json) -> list[Json]:
    """Ask what was missed; return the frames of the answer, of which the last is its end.

    Live events may come between them, each in a frame of its own.
    """
    await socket.send({"type": "resume", "id": "again", "cursors": cursors})
    frames: list[Json] = []
    while not frames or frames[-1]["type"] not in {"resumed", "error"}:
        async with asyncio.timeout(PATIENCE_S):
            frame = json.loads(await socket.connection.recv())
        if frame["type"] in {"batch", "reset", "resumed", "error"}:
            frames.append(frame)
    assert frames[-1]["id"] == "again"
    return frames


def events(frames: list[Json]) -> list[Json]:
    """Return the events of the frames, with batches unpacked."""
    return [event for frame in frames for event in frame.get("events", [frame])]


def contents(frames: list[Json], kind: str = "message.created") -> list[str]:
    """Return the texts of the messages in the frames."""
    return [event["message"]["content"] for event in events(frames) if event["type"] == kind]


async def test_missed_messages_come_in_order_after_their_conversation(
    alice: Person, bob: Person
) -> None:
    seen = await alice.write(bob, "seen")
    missed = await alice.write_all(bob, "one", "two", "three")
    async with bob.socket() as socket:
        frames = await resumed(socket, {seen["conversation_id"]: seen["rev"]})

    received = events(frames)
    assert [event["type"] for event in received] == [
        "conversation.updated",
        *["message.created"] * 3,
        "resumed",
    ]
    assert received[0]["conversation"]["last_rev"] == missed[-1]["rev"]
    assert [event["message"] for event in received[1:4]] == missed


async def test_a_resume_with_nothing_missed_sends_no_events(alice: Person, bob: Person) -> None:
    seen = await alice.write(bob, "seen")
    async with bob.socket() as socket:
        frames = await resumed(socket, {seen["conversation_id"]: seen["rev"]})

    assert [frame["type"] for frame in frames] == ["resumed"]


async def test_a_resume_without_cursors_sends_everything(
    alice: Person, bob: Person, carol: Person
) -> None:
    await alice.write(bob, "from alice")
    await carol.write(bob, "from carol")
    async with bob.socket() as socket:
        frames = await resumed(socket, {})

    assert sorted(contents(frames)) == ["from alice", "from carol"]
    updated = [event for event in events(frames) if event["type"] == "conversation.updated"]
    assert [event["conversation"]["unread"] for event in updated] == [1, 1]


async def test_many_missed_messages_come_in_few_frames(alice: Person, bob: Person) -> None:
    first = await alice.write(bob, "seen")
    texts = [f"number {number}" for number in range(MOST_CHANGES)]
    await alice.write_fast(bob, *texts)
    async with bob.socket() as socket:
        frames = await resumed(socket, {first["conversation_id"]: first["rev"]})

    assert contents(frames) == texts
    assert all(len(frame["events"]) <= IN_A_FRAME for frame in frames[:-1])
    assert len(frames) <= 10


async def test_a_device_that_missed_too_much_is_reset(alice: Person, bob: Person) -> None:
    last = (await alice.write_fast(bob, *map(str, range(MOST_CHANGES + 1))))[-1]
    place = {key: last[key] for key in ("conversation_id", "seq", "rev")}
    async with bob.socket() as socket:
        frames = await resumed(socket, {})

    assert contents(frames) == []
    assert {
        "type": "reset",
        "conversation_id": place["conversation_id"],
        "last_seq": place["seq"],
        "last_rev": place["rev"],
    } in frames


async def test_a_cursor_from_the_future_is_reset(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    async with bob.socket() as socket:
        frames = await resumed(socket, {message["conversation_id"]: 2**62})

    assert [frame["type"] for frame in frames] == ["batch", "reset", "resumed"]


async def test_cursors_of_others_conversations_are_ignored(
    alice: Person, bob: Person, carol: Person
) -> None:
    foreign = await alice.write(bob, "between us")
    cursors = {foreign["conversation_id"]: 0, str(uuid4()): 7}
    async with carol.socket() as socket:
        frames = await resumed(socket, cursors)

    assert [frame["type"] for frame in frames] == ["resumed"]


async def test_malformed_cursors_are_refused(alice: Person) -> None:
    malformed: tuple[object, ...] = (
        {SOME_ID: -1},
        {SOME_ID: 2**63},
        {SOME_ID: "1"},
        {SOME_ID: None},
        {"no id": 1},
        [],
        None,
        "all",
    )
    for cursors in malformed:
        with case(cursors):
            async with alice.socket() as socket:
                await socket.send({"type": "resume", "id": "bad", "cursors": cursors})
                error = await socket.expect("error", id="bad")
                await socket.settled()

            assert error["code"] == "invalid"


async def test_large_texts_come_whole(alice: Person, bob: Person) -> None:
    """Replay more than an outlet may hold: events are queued as fast as the client reads."""
    texts = [f"{number:>03}" + "\N{GRINNING FACE}" * 7_997 for number in range(80)]
    await alice.write_all(bob, *texts)
    async with bob.socket() as socket:
        frames = await resumed(socket, {})

    assert contents(frames) == texts


async def test_two_resumes_send_the_same_messages(new_person: NewPerson, alice: Person) -> None:
    bob = await new_person()
    await alice.write_all(bob, "one", "two")
    async with bob.socket() as first, bob.socket() as second:
        once, again = await resumed(first, {}), await resumed(second, {})

    assert contents(once) == contents(again) == ["one", "two"]


async def test_a_million_cursors_close_their_socket_alone(alice: Person, bob: Person) -> None:
    some = ",".join(f'"{uuid4()}":1' for _ in range(1_000))
    cursors = ",".join([some] * 1_000)
    async with alice.socket() as socket, alice.socket() as other_device, bob.socket() as other:
        with contextlib.suppress(ConnectionClosed):  # the server need not read to the end
            await socket.send('{"type":"resume","cursors":{' + cursors + "}}")

        # 1006: the connection was cut before the close frame arrived.
        assert await socket.close_code() in {1006, 1009, 4413}
        await other_device.settled()
        await other.settled()


async def test_as_many_cursors_as_a_frame_holds_are_answered(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    cursors = {str(uuid4()): 2**62 for _ in range(1_000)}
    async with bob.socket() as socket:
        frames = await resumed(socket, cursors)

    assert contents(frames) == ["hello"]
    assert events(frames)[0]["conversation"]["id"] == message["conversation_id"]


async def test_repeated_resumes_are_harmless(alice: Person, bob: Person) -> None:
    await alice.write(bob, "hello")
    async with bob.socket() as socket:
        for _ in range(100):
            await socket.send({"type": "resume", "cursors": {}})
        for _ in range(100):
            await socket.expect("resumed")
        received = [frame["type"] for frame in socket.passed]

    # The live event may still have been on its way when the socket opened.
    assert received.count("message.created") in {100, 101}


async def test_cursors_in_several_frames_make_one_replay(
    alice: Person, bob: Person, carol: Person
) -> None:
    """Replay nothing that any of the frames covers, and everything that none of them does."""
    known = [await one.write(bob, "seen") for one in (alice, carol)]
    missed = await carol.write(bob, "missed")
    parts = [{message["conversation_id"]: message["rev"]} for message in known]
    async with bob.socket() as socket:
        await socket.send({"type": "resume", "id": "first", "cursors": parts[0], "more": True})
        frames = await resumed(socket, parts[1])
        afresh = await resumed(socket, parts[0])

    assert [event.get("id") for event in events(frames)].count("first") == 0
    assert contents(frames) == ["missed"]
    assert events(frames)[1]["message"] == missed
    # The cursors of the first frame were used for one replay only.
    assert contents(afresh) == ["seen", "missed"]


async def test_too_many_cursors_are_refused_and_discarded(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    async with bob.socket() as socket:
        for _ in range(21):
            cursors = {str(uuid4()): 1 for _ in range(1_000)}
            await socket.send({"type": "resume", "id": "much", "cursors": cursors, "more": True})
        error = await socket.expect("error", id="much")
        frames = await resumed(socket, {message["conversation_id"]: message["rev"]})

    assert (error["code"], error["retryable"]) == ("invalid", False)
    assert [frame["type"] for frame in frames] == ["resumed"]
