"""Deleting an own message over HTTP (M6)."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import NUL_IN_A_PATH, Json, Person, assert_problem, http_client


async def delete(person: Person, message: Json) -> httpx.Response:
    return await person.http.delete(f"/api/messages/{message['id']}")


async def test_a_deleted_message_keeps_its_place_without_its_text(
    alice: Person, bob: Person
) -> None:
    message = await alice.write(bob, "secret")
    after = await alice.write(bob, "after")

    reply = await delete(alice, message)

    assert (reply.status_code, reply.content) == (204, b"")
    [gone, kept] = (await bob.history(message["conversation_id"]))["items"]
    assert gone["deleted_at"].endswith("Z")
    assert gone == {**message, "content": "", "rev": 3, "deleted_at": gone["deleted_at"]}
    assert kept == after


async def test_a_deletion_reaches_every_device_of_both(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "secret")
    async with alice.socket() as own, bob.socket() as theirs:
        await delete(alice, message)

        for socket in (own, theirs):
            event = await socket.expect("message.deleted")
            assert event["message"]["id"] == message["id"]
            assert event["message"]["content"] == ""


async def test_deleting_twice_or_ten_times_at_once_is_harmless(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "secret")

    replies = await asyncio.gather(*(delete(alice, message) for _ in range(10)))

    assert {reply.status_code for reply in replies} == {204}
    assert (await delete(alice, message)).status_code == 204
    assert (await bob.conversation(message["conversation_id"]))["last_rev"] == 2


async def test_only_its_sender_may_delete_a_message(
    alice: Person, bob: Person, carol: Person
) -> None:
    message = await alice.write(bob, "mine")

    assert_problem(await delete(bob, message), 403, "not_yours")
    assert_problem(await delete(carol, message), 404, "not_found")
    assert_problem(await delete(alice, {"id": uuid4()}), 404, "not_found")
    async with http_client(alice.url) as nobody:
        assert_problem(await nobody.delete(f"/api/messages/{message['id']}"), 401)
    assert (await alice.history(message["conversation_id"]))["items"] == [message]


@pytest.mark.parametrize("identifier", ["x", "1", NUL_IN_A_PATH])
async def test_a_malformed_message_id_is_not_found(alice: Person, identifier: str) -> None:
    assert_problem(await alice.http.delete(f"/api/messages/{identifier}"), 404)


async def test_a_deleted_message_still_counts_until_it_is_read(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "one")
    await alice.write(bob, "two")
    await delete(alice, message)

    view = await bob.conversation(message["conversation_id"])
    assert view["unread"] == 2
    path = f"/api/conversations/{message['conversation_id']}/read"
    await bob.http.post(path, json={"seq": 1})
    assert (await bob.conversation(message["conversation_id"]))["unread"] == 1


async def test_a_retry_of_the_send_brings_nothing_back(alice: Person, bob: Person) -> None:
    client_id = str(uuid4())
    message = await alice.write(bob, "secret", client_id=client_id)
    await delete(alice, message)
    body = {"receiver_id": bob.id, "content": "secret", "client_id": client_id}

    reply = await alice.http.post("/api/messages", json=body)

    assert reply.status_code == 200
    assert (reply.json()["id"], reply.json()["content"]) == (message["id"], "")
    assert len((await bob.history(message["conversation_id"]))["items"]) == 1
