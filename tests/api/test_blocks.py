"""Blocks: hidden from each other both ways, without an event to the blocked user."""

from uuid import uuid4

import pytest

from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, as_json, assert_problem


async def blocks_of(person: Person) -> list[Json]:
    reply = await person.http.get("/api/blocks")
    assert reply.status_code == 200, reply.text
    items = as_json(reply)["items"]
    assert isinstance(items, list)
    return items


async def test_blocking_is_listed_for_the_blocker_alone(alice: Person, bob: Person) -> None:
    await alice.block(bob)

    [entry] = await blocks_of(alice)
    assert entry.keys() == {"user", "created_at"}
    assert (entry["user"]["id"], entry["user"]["friendship"]) == (bob.id, "blocked")
    assert entry["user"]["online"] is entry["user"]["last_seen_at"] is None
    assert await blocks_of(bob) == []


async def test_blocking_and_unblocking_may_be_repeated(alice: Person, bob: Person) -> None:
    for _ in range(2):
        await alice.block(bob)
    assert len(await blocks_of(alice)) == 1

    for _ in range(2):
        reply = await alice.http.delete(f"/api/blocks/{bob.id}")
        assert (reply.status_code, reply.content) == (204, b"")
    assert await blocks_of(alice) == []


async def test_oneself_and_unknown_users_cannot_be_blocked(alice: Person) -> None:
    for method in ("PUT", "DELETE"):
        reply = await alice.http.request(method, f"/api/blocks/{alice.id}")
        assert_problem(reply, 422, "cannot_block_self")
        reply = await alice.http.request(method, f"/api/blocks/{uuid4()}")
        assert_problem(reply, 404, "not_found")
        reply = await alice.http.request(method, "/api/blocks/not-an-id")
        assert_problem(reply, 404, "not_found")
    assert await blocks_of(alice) == []


async def test_blocked_users_do_not_find_each_other(alice: Person, bob: Person) -> None:
    await alice.block(bob)

    for one, other in ((alice, bob), (bob, alice)):
        reply = await one.http.get("/api/users", params={"q": other.username})
        assert as_json(reply) == {"items": []}
    assert_problem(await bob.http.get(f"/api/users/{alice.id}"), 404, "not_found")
    card = as_json(await alice.http.get(f"/api/users/{bob.id}"))
    assert card["friendship"] == "blocked"


async def test_a_blocker_looks_unknown_to_the_blocked_user(alice: Person, bob: Person) -> None:
    await alice.block(bob)

    def words(reply: Json) -> tuple[str, str]:
        return reply["code"], reply["detail"]

    for path in ("friends/request", "friends/accept", "conversations"):
        blocked = await bob.http.post(f"/api/{path}", json={"user_id": alice.id})
        nobody = await bob.http.post(f"/api/{path}", json={"user_id": str(uuid4())})
        if path == "friends/accept":
            # A user who has not asked, and an unknown one: neither has a pending request.
            assert_problem(blocked, 404, "not_found")
        else:
            assert words(assert_problem(blocked, 404)) == words(assert_problem(nobody, 404))


async def test_a_blocker_gets_their_own_block_as_the_reason(alice: Person, bob: Person) -> None:
    await alice.block(bob)

    asked = await alice.http.post("/api/friends/request", json={"user_id": bob.id})
    opened = await alice.http.post("/api/conversations", json={"user_id": bob.id})

    assert_problem(asked, 409, "blocked")
    assert_problem(opened, 403, "cannot_message")
    assert_problem(
        await alice.http.post("/api/messages", json={"receiver_id": bob.id, "content": "hi"}),
        403,
        "cannot_message",
    )


@pytest.mark.parametrize("before", ["friends", "requested", "incoming"])
async def test_a_block_ends_everything_and_unblocking_restores_nothing(
    alice: Person, bob: Person, before: str
) -> None:
    match before:
        case "friends":
            await alice.befriend(bob)
        case "requested":
            await alice.request_friendship(bob)
        case _:
            await bob.request_friendship(alice)

    await alice.block(bob)
    await alice.http.delete(f"/api/blocks/{bob.id}")

    for one, other in ((alice, bob), (bob, alice)):
        card = as_json(await one.http.get(f"/api/users/{other.id}"))
        assert card["friendship"] == "none"
        assert as_json(await one.http.get("/api/friends")) == {"items": []}
        requests = as_json(await one.http.get("/api/friends/requests"))
        assert requests == {"incoming": [], "outgoing": []}
    assert (await bob.request_friendship(alice))["friendship"] == "requested"


async def test_a_conversation_that_is_there_stays_readable_for_both(
    alice: Person, bob: Person
) -> None:
    message = await alice.write(bob, "before")
    conversation_id = message["conversation_id"]
    await alice.block(bob)

    for one, other in ((alice, bob), (bob, alice)):
        assert (await one.history(conversation_id))["items"] == [message]
        direct = await one.http.get(f"/api/messages/{other.id}")
        assert as_json(direct)["items"] == [message]
        reply = await one.http.post("/api/conversations", json={"user_id": other.id})
        assert reply.status_code == 200
        [theirs] = [card for card in reply.json()["members"] if card["id"] == other.id]
        assert theirs["online"] is theirs["last_seen_at"] is None
        assert theirs["display_name"] == other.user["display_name"]
    [mine] = [
        card["friendship"]
        for card in (await bob.conversation(conversation_id))["members"]
        if card["id"] == alice.id
    ]
    assert mine == "none"


async def test_both_may_block_each_other(alice: Person, bob: Person) -> None:
    await alice.block(bob)
    await bob.block(alice)

    await alice.http.delete(f"/api/blocks/{bob.id}")

    assert await blocks_of(alice) == []
    assert [entry["user"]["id"] for entry in await blocks_of(bob)] == [alice.id]
    assert_problem(await alice.http.get(f"/api/users/{bob.id}"), 404)


async def test_a_block_concerns_nobody_else(
    alice: Person, bob: Person, carol: Person, new_person: NewPerson
) -> None:
    friend = await new_person()
    await alice.befriend(friend)
    await alice.block(bob)

    await bob.write(carol, "hello")
    await carol.write(alice, "hello")
    assert as_json(await bob.http.get(f"/api/users/{carol.id}"))["friendship"] == "none"
    assert as_json(await alice.http.get(f"/api/users/{friend.id}"))["friendship"] == "friends"
