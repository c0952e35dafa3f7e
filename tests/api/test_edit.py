"""Editing an own message over HTTP, and its live events (M6)."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.harness.cases import case
from tests.harness.clients import (
    NUL_IN_A_PATH,
    Json,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    http_client,
    short,
)


async def edit(person: Person, message: Json, content: object) -> httpx.Response:
    return await person.http.patch(f"/api/messages/{message['id']}", json={"content": content})


async def test_an_edit_answers_with_the_message_as_it_is_now(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "helo")

    reply = await edit(alice, message, "  hello \n")

    assert reply.status_code == 200
    edited = as_json(reply)
    assert edited["edited_at"].endswith("Z")
    assert edited == {**message, "content": "hello", "rev": 2, "edited_at": edited["edited_at"]}
    page = await bob.history(message["conversation_id"])
    assert page["items"] == [edited]
    view = await bob.conversation(message["conversation_id"])
    assert (view["last_message"], view["last_rev"], view["unread"]) == (edited, 2, 1)


async def test_an_edit_reaches_every_device_of_both(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "helo")
    async with alice.socket() as own, bob.socket() as theirs, bob.socket() as their_other:
        edited = as_json(await edit(alice, message, "hello"))

        for socket in (own, theirs, their_other):
            event = await socket.expect("message.updated")
            assert event == {"type": "message.updated", "message": edited}


async def test_an_edit_to_the_same_text_changes_nothing_and_sends_no_event(
    alice: Person, bob: Person
) -> None:
    message = await alice.write(bob, "hello")
    async with bob.socket() as theirs:
        reply = await edit(alice, message, " hello ")
        frames = await theirs.settled()

    assert (reply.status_code, as_json(reply)) == (200, message)
    assert "message.updated" not in [frame["type"] for frame in frames]


async def test_only_its_sender_may_edit_a_message(
    alice: Person, bob: Person, carol: Person
) -> None:
    message = await alice.write(bob, "mine")

    assert_problem(await edit(bob, message, "yours"), 403, "not_yours")
    assert_problem(await edit(carol, message, "theirs"), 404, "not_found")
    assert_problem(await edit(alice, {"id": uuid4()}, "nobody's"), 404, "not_found")
    assert (await alice.history(message["conversation_id"]))["items"] == [message]


async def test_a_message_is_not_edited_without_signing_in_or_by_another_site(
    alice: Person, bob: Person
) -> None:
    message = await alice.write(bob, "mine")
    path = f"/api/messages/{message['id']}"
    async with http_client(alice.url) as nobody:
        assert_problem(await nobody.patch(path, json={"content": "x"}), 401)
    async with alice.browser(origin="https://evil.example") as forged:
        assert_problem(await forged.patch(path, json={"content": "x"}), 403, "cross_site")
    async with alice.browser() as own:
        assert (await own.patch(path, json={"content": "ours"})).status_code == 200


async def test_a_deleted_message_is_not_edited(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "gone")
    await alice.http.delete(f"/api/messages/{message['id']}")

    assert_problem(await edit(alice, message, "back"), 409, "message_deleted")


async def test_a_forwarded_message_is_not_edited(alice: Person, bob: Person, carol: Person) -> None:
    original = await alice.write(bob, "as alice wrote it")
    body = {"receiver_id": carol.id, "forward_of": original["id"]}
    forwarded = as_json(await bob.http.post("/api/messages", json=body))

    for content in ("as bob wants it", "as alice wrote it"):
        assert_problem(await edit(bob, forwarded, content), 409, "message_forwarded")
    assert_problem(await edit(carol, forwarded, "as carol wants it"), 403, "not_yours")
    [kept] = (await carol.history(forwarded["conversation_id"]))["items"]
    assert (kept["content"], kept["edited_at"], kept["rev"]) == ("as alice wrote it", None, 1)
    # The original is alice's to edit, also where somebody has forwarded it.
    assert (await edit(alice, original, "as alice writes it now")).status_code == 200

    assert (await bob.http.delete(f"/api/messages/{forwarded['id']}")).status_code == 204
    assert_problem(await edit(bob, forwarded, "again"), 409, "message_deleted")


async def test_a_text_that_is_none_is_refused(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "as it was")
    contents: tuple[object, ...] = ("", " \n ", "x" * 8001, "a\x00b", None, 1, [], {})
    for content in contents:
        with case(content):
            assert_invalid(await edit(alice, message, content), "content")
            assert (await bob.history(message["conversation_id"]))["items"] == [message]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": "x", "rev": 9}, "rev"),
        ({"content": "x", "sender_id": "x"}, "sender_id"),
    ],
    ids=short,
)
async def test_the_body_holds_the_text_and_nothing_else(
    alice: Person, bob: Person, body: Json, field: str
) -> None:
    message = await alice.write(bob, "as it was")

    assert_invalid(await alice.http.patch(f"/api/messages/{message['id']}", json=body), field)


@pytest.mark.parametrize("identifier", ["x", "1", "-1", NUL_IN_A_PATH])
async def test_a_malformed_message_id_is_not_found(alice: Person, identifier: str) -> None:
    reply = await alice.http.patch(f"/api/messages/{identifier}", json={"content": "x"})

    assert_problem(reply, 404)


async def test_twenty_edits_at_once_take_twenty_revs(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "0")

    replies = await asyncio.gather(*(edit(alice, message, f"n{number}") for number in range(20)))

    assert sorted(as_json(reply)["rev"] for reply in replies) == list(range(2, 22))
    [stored] = (await bob.history(message["conversation_id"]))["items"]
    assert stored == max((as_json(reply) for reply in replies), key=lambda one: one["rev"])


async def test_a_retry_of_the_send_answers_with_the_edited_message(
    alice: Person, bob: Person
) -> None:
    client_id = str(uuid4())
    message = await alice.write(bob, "first", client_id=client_id)
    edited = as_json(await edit(alice, message, "second"))
    body = {"receiver_id": bob.id, "content": "first", "client_id": client_id}

    reply = await alice.http.post("/api/messages", json=body)

    assert (reply.status_code, as_json(reply)) == (200, edited)
