"""Friendship and block events: sent to every device of both users, and to nobody else."""

from contextlib import AsyncExitStack

import pytest

from tests.harness.clients import Json, Person, Socket, as_json, log_in
from tests.harness.servers import ChatServer

PARTED = {
    "declines": ("requested", "DELETE", "/api/friends/requests/{id}"),
    "cancels": ("incoming", "DELETE", "/api/friends/requests/{id}"),
    "unfriends": ("friends", "DELETE", "/api/friends/{id}"),
    "blocks a friend": ("friends", "PUT", "/api/blocks/{id}"),
    "blocks who asked": ("requested", "PUT", "/api/blocks/{id}"),
    "blocks the user they asked": ("incoming", "PUT", "/api/blocks/{id}"),
}


async def become(state: str, alice: Person, bob: Person) -> None:
    """Bring Bob into the relation to Alice that `state` names."""
    if state == "friends":
        await alice.befriend(bob)
    elif state == "requested":
        await alice.request_friendship(bob)
    elif state == "incoming":
        await bob.request_friendship(alice)


def of_friends(frames: list[Json]) -> list[Json]:
    return [frame for frame in frames if frame["type"].startswith("friend.")]


async def card(viewer: Person, person: Person) -> Json:
    return as_json(await viewer.http.get(f"/api/users/{person.id}"))


async def test_a_friend_request_reaches_every_device_of_both(
    chat: ChatServer, alice: Person, bob: Person, carol: Person
) -> None:
    async with AsyncExitStack() as stack:
        phones = [await log_in(chat.url, person) for person in (alice, bob)]
        hers, his = [
            [await stack.enter_async_context(device.socket()) for device in (person, phone, phone)]
            for person, phone in zip((alice, bob), phones, strict=True)
        ]
        stranger = await stack.enter_async_context(carol.socket())

        await alice.request_friendship(bob)
        for socket in hers:
            event = await socket.expect("friend.requested", seconds=1)
            assert event == {"type": "friend.requested", "user": await card(alice, bob)}
            assert event["user"]["friendship"] == "requested"
        for socket in his:
            event = await socket.expect("friend.requested", seconds=1)
            assert event == {"type": "friend.requested", "user": await card(bob, alice)}
            assert event["user"]["friendship"] == "incoming"

        await bob.http.post("/api/friends/accept", json={"user_id": alice.id})
        for socket, other in [(s, bob) for s in hers] + [(s, alice) for s in his]:
            event = await socket.expect("friend.accepted", seconds=1)
            assert (event["user"]["id"], event["user"]["friendship"]) == (other.id, "friends")
        assert of_friends(await stranger.settled()) == []


async def test_mutual_friend_requests_are_sent_as_accepted(alice: Person, bob: Person) -> None:
    async with alice.socket() as hers, bob.socket() as his:
        await alice.request_friendship(bob)
        for socket in (hers, his):
            await socket.expect("friend.requested")
        await bob.request_friendship(alice)

        for socket, other in ((hers, bob), (his, alice)):
            event = await socket.expect("friend.accepted")
            assert event["user"]["id"] == other.id
            assert of_friends(await socket.settled()) == []


@pytest.mark.parametrize("deed", PARTED)
async def test_every_end_of_a_friendship_is_sent_alike_to_both(
    alice: Person, bob: Person, deed: str
) -> None:
    state, method, path = PARTED[deed]
    async with alice.socket() as hers, bob.socket() as his:
        # On the sockets, because what came before they opened may still be sent to them.
        await become(state, alice, bob)
        for socket in (hers, his):
            await socket.expect("friend.accepted" if state == "friends" else "friend.requested")
            await socket.settled()
        reply = await bob.http.request(method, path.format(id=alice.id))
        assert reply.status_code == 204

        for socket, other in ((hers, bob), (his, alice)):
            event = await socket.expect("friend.removed")
            assert event == {"type": "friend.removed", "user_id": other.id}
            assert of_friends(await socket.settled()) == []


async def test_a_block_between_strangers_is_sent_to_the_blocker_alone(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    phone = await log_in(chat.url, alice)
    async with alice.socket() as hers, phone.socket() as her_phone, bob.socket() as his:
        for method in ("PUT", "DELETE"):
            assert (await alice.http.request(method, f"/api/blocks/{bob.id}")).status_code == 204
            for socket in (hers, her_phone):
                await socket.expect("friend.removed", user_id=bob.id)
        # A repeated unblock sends no event.
        await alice.http.delete(f"/api/blocks/{bob.id}")
        for socket in (hers, her_phone, his):
            assert of_friends(await socket.settled()) == []


async def test_a_refused_message_sends_no_event(alice: Person, bob: Person) -> None:
    async with alice.socket() as hers, bob.socket() as his:
        await alice.befriend(bob)
        for socket in (hers, his):
            await socket.expect("friend.accepted")
            await socket.settled()
        await alice.http.post("/api/friends/request", json={"user_id": bob.id})
        await alice.http.post("/api/friends/accept", json={"user_id": bob.id})
        await alice.http.delete(f"/api/friends/requests/{bob.id}")

        assert of_friends(await hers.settled()) == of_friends(await his.settled()) == []


async def test_a_send_across_a_block_is_an_error_of_its_own(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "before")
    await bob.block(alice)
    async with alice.socket() as socket:
        await _refused(socket, "cannot_message", receiver_id=bob.id)
        await _refused(socket, "cannot_message", conversation_id=message["conversation_id"])


async def _refused(socket: Socket, code: str, **address: str) -> None:
    await socket.send({"type": "message", "id": "late", "content": "late", **address})
    error = await socket.expect("error", id="late")
    assert (error["code"], error["retryable"]) == (code, False)
