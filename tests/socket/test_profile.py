"""Profile changes sent live to conversation partners (M6)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.harness.clients import Json, Person, Socket, register_many


async def change(person: Person, **fields: object) -> None:
    reply = await person.http.patch("/api/users/me", json=fields)
    assert reply.status_code == 200, reply.text


@asynccontextmanager
async def receivers_of(sender: Person, *receivers: Person) -> AsyncIterator[list[Socket]]:
    """Yield sockets whose owners have each received a message from `sender`."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(person.socket()) for person in receivers]
        for person in {person.id: person for person in receivers}.values():
            await sender.write(person, "hello")
        for socket in sockets:
            # The event that introduces the conversation comes before its first message.
            await socket.expect("message.created")
        yield sockets


def card_in(event: Json, person: Person) -> Json:
    """Return a user's card in the conversation of an event."""
    members: list[Json] = event["conversation"]["members"]
    return next(member for member in members if member["id"] == person.id)


async def test_a_new_name_and_status_is_sent_to_conversation_partners(
    alice: Person, bob: Person
) -> None:
    async with receivers_of(alice, bob, bob) as sockets:
        await change(alice, display_name="Alice Anew", status_text="At the sea")

        for socket in sockets:
            event = await socket.expect("conversation.updated", seconds=2)
            card = card_in(event, alice)
            assert (card["display_name"], card["status_text"]) == ("Alice Anew", "At the sea")
            assert event["conversation"]["unread"] == 1


async def test_private_profile_fields_send_no_event(alice: Person, bob: Person) -> None:
    async with receivers_of(alice, bob) as (socket,):
        await socket.settled()
        await change(alice, bio="about me", sound=False, accept_messages_from="friends")
        await change(alice, display_name=alice.user["display_name"])

        assert "conversation.updated" not in {frame["type"] for frame in await socket.settled()}


async def test_strangers_and_empty_conversations_get_no_profile_events(
    alice: Person, bob: Person, carol: Person
) -> None:
    await alice.opened(bob)
    async with bob.socket() as one, carol.socket() as two:
        await change(alice, display_name="Alice Anew")

        for socket in (one, two):
            kinds = {frame["type"] for frame in await socket.settled()}
            assert "conversation.updated" not in kinds


async def test_profile_events_go_to_the_newest_conversations_alone(
    alice: Person, bob: Person
) -> None:
    """Send a new name to the hundred newest partners; the others see it when they load."""
    others = await register_many(alice.url, 100)
    async with receivers_of(alice, bob, others[0]) as (oldest, recent):
        for other in others:
            await alice.write(other, "lately")
        await oldest.settled()
        await change(alice, display_name="Alice Anew")

        event = await recent.expect("conversation.updated", seconds=5)
        assert card_in(event, alice)["display_name"] == "Alice Anew"
        assert "conversation.updated" not in {frame["type"] for frame in await oldest.settled()}


async def test_a_deleted_account_is_sent_to_conversation_partners(
    alice: Person, bob: Person
) -> None:
    async with receivers_of(alice, bob) as (socket,):
        left = await alice.leave()

        assert left.status_code == 204
        event = await socket.expect("conversation.updated", seconds=2)
        assert card_in(event, alice)["display_name"] == "Deleted user"
        assert card_in(event, alice)["username"] == ""
        assert event["conversation"]["last_message"]["content"] == "hello"


async def test_a_deleted_account_sends_the_end_of_its_friendships(
    alice: Person, bob: Person
) -> None:
    body = {"user_id": alice.id}
    assert (await bob.http.post("/api/friends/request", json=body)).status_code == 201
    body = {"user_id": bob.id}
    assert (await alice.http.post("/api/friends/accept", json=body)).status_code == 200
    async with bob.socket() as socket:
        await alice.leave()

        event = await socket.expect("friend.removed", seconds=2)
        assert event["user_id"] == alice.id
    friends = (await bob.http.get("/api/friends")).json()
    assert friends == {"items": []}
