"""Reactions, replies and saved messages over the socket: live, by `resume`, and for whom."""

import asyncio
from urllib.parse import quote

from tests.harness.clients import Json, Person

THUMB = "👍"


def path(message: Json, emoji: str = THUMB) -> str:
    return f"/api/messages/{message['id']}/reactions/{quote(emoji)}"


async def test_a_reaction_comes_live_and_is_replayed_as_the_message(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, carol)
    message = await alice.write_in(group["id"], "hello")
    async with alice.socket() as author, bob.socket() as own, carol.socket() as member:
        await bob.http.put(path(message))
        for socket in (author, own, member):
            assert await socket.expect("message.reacted") == {
                "type": "message.reacted",
                "conversation_id": group["id"],
                "message_id": message["id"],
                "seq": message["seq"],
                "rev": message["rev"] + 1,
                "emoji": THUMB,
                "user_id": bob.id,
                "added": True,
                "count": 1,
            }
        await bob.http.delete(path(message))
        taken = await member.expect("message.reacted")
        assert (taken["added"], taken["count"]) == (False, 0)
        # A repetition is no event.
        await bob.http.delete(path(message))
        frames = [frame["type"] for frame in await member.settled()]
        assert "message.reacted" not in frames

        await bob.http.put(path(message))
        cursors = {group["id"]: message["rev"]}
        await member.send({"type": "resume", "id": "r", "cursors": cursors})
        replayed = await member.expect("message.updated")
        assert replayed["message"]["rev"] == message["rev"] + 3
        [reaction] = replayed["message"]["reactions"]
        assert (reaction["emoji"], reaction["user_ids"]) == (THUMB, [bob.id])
        await bob.http.delete(path(message))
        await member.send({"type": "resume", "id": "s", "cursors": cursors})
        replayed = await member.expect("message.updated")
        assert replayed["message"]["reactions"] == []
    assert (await alice.conversation(group["id"]))["unread"] == 0


async def test_reactions_of_many_at_once_are_each_counted(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    kinds = [chr(0x1F600 + number) for number in range(15)]
    async with alice.socket() as socket:
        calls = [
            person.http.put(path(message, emoji)) for emoji in kinds for person in (alice, bob)
        ]
        for reply in await asyncio.gather(*calls):
            assert reply.status_code == 200, reply.text
        events = [await socket.expect("message.reacted") for _ in calls]

    assert sorted(event["rev"] for event in events) == [
        message["rev"] + 1 + number for number in range(30)
    ]
    [seen] = (await alice.history(message["conversation_id"]))["items"]
    assert {one["emoji"]: one["count"] for one in seen["reactions"]} == dict.fromkeys(kinds, 2)


async def test_a_reply_is_sent_over_the_socket_and_retried(alice: Person, bob: Person) -> None:
    original = await alice.write(bob, "a question")
    here = original["conversation_id"]
    frame = {
        "type": "message",
        "id": "answer",
        "conversation_id": here,
        "content": "an answer",
        "reply_to": original["id"],
    }
    async with bob.socket() as socket, alice.socket() as other:
        acks = []
        for _ in range(2):
            await socket.send(frame)
            acks.append((await socket.expect("ack", id="answer"))["message"])
        assert acks[0] == acks[1]
        assert acks[0]["reply_to"]["excerpt"] == "a question"
        created = await other.expect("message.created")
        assert created["message"] == acks[0]
        forward = {"type": "message", "id": "f", "conversation_id": here}
        await socket.send(forward | {"forward_of": original["id"]})
        forwarded = (await socket.expect("ack", id="f"))["message"]
        assert forwarded["forwarded_from"]["id"] == alice.id
        await socket.send(forward | {"id": "none"})
        assert (await socket.expect("error", id="none"))["code"] == "invalid"
        await socket.send(frame | {"id": "lost", "reply_to": bob.id})
        assert (await socket.expect("error", id="lost"))["code"] == "reply_not_found"


async def test_a_newcomer_gets_no_quote_and_no_reaction_from_before(
    alice: Person, bob: Person, carol: Person
) -> None:
    group = await alice.make_group(bob, history="joining")
    old = await alice.write_in(group["id"], "a secret")
    members = f"/api/conversations/{group['id']}/members"
    await alice.http.post(members, json={"user_ids": [carol.id]})
    seen = await carol.conversation(group["id"])
    async with bob.socket() as member, carol.socket() as newcomer:
        await bob.http.put(path(old))
        await member.expect("message.reacted")
        updated = await newcomer.expect("conversation.updated")
        assert updated["conversation"]["last_rev"] == seen["last_rev"] + 1
        body = {"conversation_id": group["id"], "content": "an answer", "reply_to": old["id"]}
        answer = (await alice.http.post("/api/messages", json=body)).json()
        created = await member.expect("message.created")
        assert created["message"]["reply_to"]["excerpt"] == "a secret"
        hidden = await newcomer.expect("message.created")
        assert hidden["message"] == answer | {"reply_to": None}
        await newcomer.send({"type": "resume", "id": "r", "cursors": {}})
        await newcomer.expect("resumed")
        assert "secret" not in str([updated, *newcomer.passed])


async def test_saved_messages_are_told_to_own_devices_alone(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    save = f"/api/messages/{message['id']}/save"
    async with bob.socket() as own, alice.socket() as other:
        await bob.http.put(save)
        await bob.http.put(save)
        told = await own.expect("saved.updated")
        assert (told["message_id"], told["saved"]) == (message["id"], True)
        await bob.http.delete(save)
        assert (await own.expect("saved.updated"))["saved"] is False
        frames = [frame["type"] for frame in [*await other.settled(), *await own.settled()]]
        assert "saved.updated" not in frames
