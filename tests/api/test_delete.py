"""Deleting an own message over HTTP (M6)."""

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.harness.clients import (
    NUL_IN_A_PATH,
    Json,
    Person,
    Socket,
    assert_problem,
    http_client,
)


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


async def test_a_deleted_message_is_not_unread(alice: Person, bob: Person) -> None:
    one, two, three = [await alice.write(bob, text) for text in ("one", "two", "three")]
    conversation_id = one["conversation_id"]
    path = f"/api/conversations/{conversation_id}"

    async def counts() -> tuple[int, int, int]:
        """Return the unread count of the view, of the list and of the greeting."""
        listed = (await bob.http.get("/api/conversations")).json()["items"]
        async with Socket.open(bob.url) as socket:
            await socket.send({"type": "auth", "content": bob.access_token})
            ready = await socket.expect("ready")
        view = await bob.conversation(conversation_id)
        return view["unread"], listed[0]["unread"], ready["unread"].get(conversation_id, 0)

    await delete(alice, two)
    assert await counts() == (2, 2, 2)
    await bob.http.post(f"{path}/read", json={"seq": 1})
    assert await counts() == (1, 1, 1)
    # A message that is read already: nothing is counted twice.
    await delete(alice, one)
    assert await counts() == (1, 1, 1)
    await delete(alice, three)
    assert await counts() == (0, 0, 0)
    await bob.http.post(f"{path}/unread", json={"seq": 1})
    assert await counts() == (0, 0, 0)


async def test_an_own_deleted_message_lowers_no_count(alice: Person, bob: Person) -> None:
    await alice.write(bob, "one")
    own = await bob.write(alice, "two")
    await alice.write(bob, "three")
    path = f"/api/conversations/{own['conversation_id']}/unread"
    await bob.http.post(path, json={"seq": 1})

    await delete(bob, own)

    assert (await bob.conversation(own["conversation_id"]))["unread"] == 2
    assert (await alice.conversation(own["conversation_id"]))["unread"] == 0


async def test_a_deletion_during_absence_lowers_the_count_of_a_replay(
    alice: Person, bob: Person
) -> None:
    one, two = [await alice.write(bob, text) for text in ("one", "two")]
    conversation_id = one["conversation_id"]
    await delete(alice, one)

    async with bob.socket() as socket:
        await socket.send({"type": "resume", "cursors": {conversation_id: two["rev"]}})
        view = (await socket.expect("conversation.updated"))["conversation"]
        deleted = (await socket.expect("message.deleted"))["message"]

    assert (view["unread"], view["last_rev"]) == (1, 3)
    assert (deleted["id"], deleted["rev"]) == (one["id"], 3)


async def test_a_retry_of_the_send_brings_nothing_back(alice: Person, bob: Person) -> None:
    client_id = str(uuid4())
    message = await alice.write(bob, "secret", client_id=client_id)
    await delete(alice, message)
    body = {"receiver_id": bob.id, "content": "secret", "client_id": client_id}

    reply = await alice.http.post("/api/messages", json=body)

    assert reply.status_code == 200
    assert (reply.json()["id"], reply.json()["content"]) == (message["id"], "")
    assert len((await bob.history(message["conversation_id"]))["items"]) == 1
