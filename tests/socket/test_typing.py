"""Typing events: relayed to the other members of a conversation, never answered."""

import time
from uuid import uuid4

import pytest

from chat_app.presence.typing import INTERVAL_S
from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person


def typing(conversation_id: object) -> Json:
    return {"type": "typing", "conversation_id": conversation_id}


async def talk(one: Person, other: Person) -> str:
    """Send the first message of a conversation and return the conversation's id."""
    message = await one.write(other, "hello")
    return str(message["conversation_id"])


async def test_typing_is_sent_to_the_other_and_not_to_own_devices(
    alice: Person, bob: Person
) -> None:
    here = await talk(alice, bob)
    async with alice.socket() as one, alice.socket() as another, bob.socket() as theirs:
        await one.send(typing(here))

        await theirs.expect("typing", conversation_id=here, user_id=alice.id)
        received = [*await one.settled(), *await another.settled()]

    assert "typing" not in [frame["type"] for frame in received]


async def test_typing_is_relayed_at_most_once_in_two_seconds(alice: Person, bob: Person) -> None:
    """Count the events of all devices together, on every node."""
    here = await talk(alice, bob)
    async with alice.socket() as mine, alice.socket() as another, bob.socket() as theirs:
        began = time.monotonic()
        for _ in range(20):
            await mine.send(typing(here))
            await another.send(typing(here))
        # These arrive last: every earlier event has been received by then.
        last = {"type": "message", "conversation_id": here}
        await mine.send({**last, "id": "mine", "content": "mine"})
        await another.send({**last, "id": "another", "content": "another"})
        texts: set[str] = set()
        while texts < {"mine", "another"}:
            texts.add((await theirs.expect("message.created"))["message"]["content"])
        took = time.monotonic() - began

    received = [frame for frame in theirs.passed if frame["type"] == "typing"]
    assert 1 <= len(received) <= 1 + took // INTERVAL_S


async def test_typing_is_limited_per_conversation(
    alice: Person, bob: Person, new_person: NewPerson
) -> None:
    carol = await new_person()
    here, there = await talk(alice, bob), await talk(alice, carol)
    async with alice.socket() as mine, bob.socket() as one, carol.socket() as other:
        await mine.send(typing(here))
        await mine.send(typing(there))

        await one.expect("typing", conversation_id=here)
        await other.expect("typing", conversation_id=there)


async def test_typing_in_a_conversation_of_others_is_ignored(
    alice: Person, bob: Person, carol: Person
) -> None:
    here = await talk(alice, bob)
    async with carol.socket() as strange, alice.socket() as mine, bob.socket() as theirs:
        await strange.send(typing(here))
        await strange.send(typing(str(uuid4())))
        answers = await strange.settled()
        received = [*await mine.settled(), *await theirs.settled()]

    assert answers == []
    assert "typing" not in [frame["type"] for frame in received]


@pytest.mark.parametrize("conversation_id", ["nonsense", 7, None])
async def test_typing_with_a_malformed_id_is_an_error(
    alice: Person, conversation_id: object
) -> None:
    async with alice.socket() as socket:
        await socket.send({**typing(conversation_id), "id": "t1"})

        error = await socket.expect("error", id="t1")

    assert error["code"] == "invalid"
    assert not error["retryable"]


async def test_a_block_silences_typing_both_ways(alice: Person, bob: Person) -> None:
    here = await talk(alice, bob)
    reply = await bob.http.put(f"/api/blocks/{alice.id}")
    assert reply.status_code == 204
    async with alice.socket() as mine, bob.socket() as theirs:
        await mine.send(typing(here))
        await theirs.send(typing(here))
        received = [*await mine.settled(), *await theirs.settled()]
        received += [*await mine.settled(), *await theirs.settled()]

    assert "typing" not in [frame["type"] for frame in received]


async def test_typing_before_the_first_message_is_not_relayed(alice: Person, bob: Person) -> None:
    conversation = await alice.opened(bob)
    async with alice.socket() as mine, bob.socket() as theirs:
        await mine.send(typing(conversation["id"]))
        await mine.settled()
        received = await theirs.settled()

    assert "typing" not in [frame["type"] for frame in received]


async def test_typing_of_strangers_is_not_relayed_to_users_who_accept_friends_only(
    alice: Person, bob: Person
) -> None:
    here = await talk(alice, bob)
    reply = await bob.http.patch("/api/users/me", json={"accept_messages_from": "friends"})
    assert reply.status_code == 200
    async with alice.socket() as mine, bob.socket() as theirs:
        await mine.send(typing(here))
        await mine.settled()
        received = await theirs.settled()

    assert "typing" not in [frame["type"] for frame in received]
