"""Sending messages over HTTP (M1-M3)."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.harness.cases import case
from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem

WRONG_IDS: tuple[object, ...] = ("x", 1, [], "", "-1")
WRONG_CLIENT_IDS: tuple[object, ...] = ("", "x" * 65, "a b", "ü", "a\x00", "a/b", 1, [])


async def send(person: Person, **body: object) -> httpx.Response:
    return await person.http.post("/api/messages", json=body)


async def direct(person: Person, other: Person) -> list[Json]:
    reply = await person.http.get(f"/api/messages/{other.id}")
    assert reply.status_code == 200
    items = as_json(reply)["items"]
    assert isinstance(items, list)
    return items


async def test_a_message_holds_what_the_contract_names(alice: Person, bob: Person) -> None:
    client_id = str(uuid4())

    message = await alice.write(bob, "  hello \n", client_id=client_id)

    assert message.keys() == {
        "id", "conversation_id", "seq", "rev", "client_id", "sender_id", "receiver_id",
        "content", "created_at", "edited_at", "deleted_at", "sender", "kind", "notice",
        "mentions", "mentions_all", "reply_to", "reactions", "pinned_at", "pinned_by",
        "forwarded_from", "attachments",
    }  # fmt: skip
    assert message["sender"] == {
        "id": alice.id,
        "username": alice.username,
        "display_name": alice.user["display_name"],
        "avatar_url": None,
    }
    assert message["sender_id"] == alice.id
    assert message["receiver_id"] == bob.id
    assert message["client_id"] == client_id
    assert message["content"] == "hello"
    assert (message["seq"], message["rev"]) == (1, 1)
    assert message["created_at"].endswith("Z")
    assert message["edited_at"] is message["deleted_at"] is None
    assert await direct(bob, alice) == [message]


async def test_a_message_may_be_addressed_by_its_conversation(alice: Person, bob: Person) -> None:
    first = await alice.write(bob, "one")

    reply = await send(bob, conversation_id=first["conversation_id"], content="two")

    assert reply.status_code == 201
    second = as_json(reply)
    assert second["conversation_id"] == first["conversation_id"]
    assert second["receiver_id"] == alice.id
    assert (second["seq"], second["rev"]) == (2, 2)


async def test_text_is_kept_as_written(alice: Person, bob: Person) -> None:
    for content in (
        "<script>alert(1)</script>",
        "\u202eright to left\u202c",
        "👩‍👩‍👧‍👦 🏳️‍🌈",
        "a\nb\tc",
        "x" * 8000,
        "\U0001d4b3" * 8000,  # a character that takes four bytes
        "'; DROP TABLE messages; --",
        '{"type": "auth"}',
    ):
        with case(content):
            message = await alice.write(bob, content)

            assert message["content"] == content
            assert (await direct(bob, alice))[-1] == message


async def test_an_empty_long_or_unprintable_text_is_refused(alice: Person, bob: Person) -> None:
    for content in (
        "",
        " ",
        "\n\t \u2003",
        "x" * 8001,
        "a\x00b",
        "a\x07b",
        "a\x1b[31mb",
        "a\x7fb",
        "\x85x\x85y",
    ):
        with case(content):
            assert_invalid(await send(alice, receiver_id=bob.id, content=content), "content")

            assert await direct(alice, bob) == []


async def test_a_wrong_type_is_named(alice: Person, bob: Person) -> None:
    wrong: tuple[object, ...] = (None, 1, True, [], {})
    for content in wrong:
        with case(content):
            assert_invalid(await send(alice, receiver_id=bob.id, content=content), "content")


async def test_fields_that_the_server_sets_are_refused(alice: Person, bob: Person) -> None:
    for forged in (
        {"sender_id": "01930000-0000-7000-8000-000000000000"},
        {"seq": 99},
        {"rev": 99},
        {"created_at": "2001-01-01T00:00:00Z"},
        {"id": "01930000-0000-7000-8000-000000000000"},
        {"origin": "x"},
    ):
        with case(forged):
            assert_invalid(await send(alice, receiver_id=bob.id, content="hi", **forged), *forged)

            assert await direct(alice, bob) == []


async def test_a_message_with_both_addresses_or_none_is_refused(alice: Person, bob: Person) -> None:
    conversation = await alice.opened(bob)
    both = {"receiver_id": bob.id, "conversation_id": conversation["id"]}

    assert_problem(await send(alice, content="hi"), 422)
    assert_problem(await send(alice, content="hi", **both), 422)
    assert await direct(alice, bob) == []


async def test_a_message_to_oneself_is_refused(alice: Person) -> None:
    assert_problem(await send(alice, receiver_id=alice.id, content="hi"), 422, "receiver_is_self")


@pytest.mark.parametrize("field", ["receiver_id", "conversation_id"])
async def test_an_unknown_receiver_is_refused(alice: Person, field: str) -> None:
    body = {field: str(uuid4()), "content": "hi"}

    assert_problem(await send(alice, **body), 404, "not_found")


async def test_a_wrong_address_is_named(alice: Person) -> None:
    for field in ("receiver_id", "conversation_id"):
        for wrong in WRONG_IDS:
            with case(field, wrong):
                body = {field: wrong, "content": "hi"}

                assert_invalid(await send(alice, **body), field)


async def test_a_wrong_client_id_is_named(alice: Person, bob: Person) -> None:
    for wrong in WRONG_CLIENT_IDS:
        with case(wrong):
            reply = await send(alice, receiver_id=bob.id, content="hi", client_id=wrong)

            assert_invalid(reply, "client_id")


async def test_a_repeated_send_stores_one_message(alice: Person, bob: Person) -> None:
    body = {"receiver_id": bob.id, "content": "once", "client_id": str(uuid4())}

    first, again = await send(alice, **body), await send(alice, **body)

    assert [first.status_code, again.status_code] == [201, 200]
    assert as_json(first) == as_json(again)
    assert await direct(bob, alice) == [as_json(first)]


async def test_a_replay_may_name_the_conversation_instead(alice: Person, bob: Person) -> None:
    """Return the same message whether it is addressed by receiver or by conversation."""
    client_id = str(uuid4())
    first = await alice.write(bob, "once", client_id=client_id)

    reply = await send(
        alice, conversation_id=first["conversation_id"], content="once", client_id=client_id
    )

    assert reply.status_code == 200
    assert as_json(reply) == first


async def test_fifty_concurrent_repeats_are_one_message(alice: Person, bob: Person) -> None:
    body = {"receiver_id": bob.id, "content": "once", "client_id": str(uuid4())}

    replies = await asyncio.gather(*(send(alice, **body) for _ in range(50)))

    assert sorted(reply.status_code for reply in replies) == [200] * 49 + [201]
    assert len({reply.text for reply in replies}) == 1
    assert len(await direct(bob, alice)) == 1


async def test_another_text_under_the_same_client_id_is_a_conflict(
    alice: Person, bob: Person, carol: Person
) -> None:
    client_id = str(uuid4())
    first = await alice.write(bob, "once", client_id=client_id)

    for receiver, content in ((bob, "twice"), (carol, "once"), (carol, "twice")):
        reply = await send(alice, receiver_id=receiver.id, content=content, client_id=client_id)
        assert_problem(reply, 409, "idempotency_conflict")

    assert await direct(bob, alice) == [first]
    assert await direct(carol, alice) == []


async def test_two_people_may_use_the_same_client_id(alice: Person, bob: Person) -> None:
    client_id = str(uuid4())

    one = await alice.write(bob, "mine", client_id=client_id)
    other = await bob.write(alice, "mine", client_id=client_id)

    assert one["id"] != other["id"]
    assert [one["seq"], other["seq"]] == [1, 2]


async def test_concurrent_messages_are_numbered_without_a_gap(alice: Person, bob: Person) -> None:
    await alice.opened(bob)
    texts = [f"number {number}" for number in range(40)]

    replies = await asyncio.gather(
        *(send(alice, receiver_id=bob.id, content=text) for text in texts[:20]),
        *(send(bob, receiver_id=alice.id, content=text) for text in texts[20:]),
    )

    assert {reply.status_code for reply in replies} == {201}
    stored = await direct(alice, bob)
    assert [message["seq"] for message in stored] == list(range(1, 41))
    assert [message["rev"] for message in stored] == list(range(1, 41))
    assert {message["content"] for message in stored} == set(texts)
    assert await direct(bob, alice) == stored


async def test_two_strangers_writing_first_at_once_share_one_conversation(
    alice: Person, bob: Person
) -> None:
    messages = await asyncio.gather(
        *(one.write(other, "hi") for one, other in [(alice, bob), (bob, alice)] * 5)
    )

    assert len({message["conversation_id"] for message in messages}) == 1
    assert sorted(message["seq"] for message in messages) == list(range(1, 11))
