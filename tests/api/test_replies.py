"""Replies and forwarded messages over HTTP: quotes that follow, and what is refused."""

from uuid import uuid4

from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem


async def send(person: Person, **fields: object) -> Json:
    reply = await person.http.post("/api/messages", json=fields)
    assert reply.status_code == 201, reply.text
    return as_json(reply)


async def last(person: Person, conversation_id: str) -> Json:
    return dict((await person.history(conversation_id))["items"][-1])


async def test_the_quote_of_a_reply_follows_its_original(alice: Person, bob: Person) -> None:
    original = await alice.write(bob, "a question")
    here = original["conversation_id"]
    reply = await send(bob, conversation_id=here, content="an answer", reply_to=original["id"])

    assert reply["reply_to"] == {
        "id": original["id"],
        "seq": original["seq"],
        "sender": original["sender"],
        "excerpt": "a question",
        "deleted": False,
    }
    path = f"/api/messages/{original['id']}"
    family = "👨‍👩‍👧‍👦"
    edited = await alice.http.patch(path, json={"content": "x" * 138 + family})
    assert edited.status_code == 200, edited.text
    assert (await last(alice, here))["reply_to"]["excerpt"] == "x" * 138
    await alice.http.delete(path)
    quote = (await last(alice, here))["reply_to"]
    assert (quote["excerpt"], quote["deleted"]) == ("", True)
    late = await send(alice, receiver_id=bob.id, content="late", reply_to=original["id"])
    assert late["reply_to"]["deleted"] is True
    assert (await last(bob, here))["rev"] == late["rev"]


async def test_replies_to_what_is_not_there_are_refused(
    alice: Person, bob: Person, carol: Person, new_person: NewPerson
) -> None:
    of_alice_and_bob = await alice.write(bob, "one")
    of_carol = await carol.write(bob, "two")
    for wrong in (of_carol["id"], str(uuid4())):
        body = {"receiver_id": alice.id, "content": "x", "reply_to": wrong}
        assert_problem(await bob.http.post("/api/messages", json=body), 404, "reply_not_found")
    body = {"receiver_id": bob.id, "content": "x", "reply_to": of_alice_and_bob["id"]}
    assert_problem(await carol.http.post("/api/messages", json=body), 404, "reply_not_found")

    owner = await new_person()
    group = await owner.make_group(alice, history="joining")
    old = await owner.write_in(group["id"], "a secret")
    reply = await send(
        alice, conversation_id=group["id"], content="an old answer", reply_to=old["id"]
    )
    await owner.http.post(f"/api/conversations/{group['id']}/members", json={"user_ids": [bob.id]})
    body = {"conversation_id": group["id"], "content": "x", "reply_to": old["id"]}
    assert_problem(await bob.http.post("/api/messages", json=body), 404, "reply_not_found")
    # A later reply to it is readable, its quote is not.
    for writer in (alice, owner):
        await send(writer, conversation_id=group["id"], content="a new answer", reply_to=old["id"])
    page = await bob.history(group["id"])
    assert [one["reply_to"] for one in page["items"]] == [None, None, None]
    assert "secret" not in str(await bob.conversation(group["id"]))
    assert reply["id"] not in str(page)


async def test_forwarded_texts_name_their_first_author(
    alice: Person, bob: Person, carol: Person
) -> None:
    original = await alice.write(bob, "news")
    forwarded = await send(bob, receiver_id=carol.id, forward_of=original["id"], client_id="f")
    assert (forwarded["content"], forwarded["forwarded_from"]["id"]) == ("news", alice.id)
    assert original["id"] not in str(forwarded)
    again = await send(carol, receiver_id=alice.id, forward_of=forwarded["id"])
    assert again["forwarded_from"]["id"] == alice.id

    await alice.http.delete(f"/api/messages/{original['id']}")
    body = {"receiver_id": carol.id, "forward_of": original["id"]}
    assert_problem(await bob.http.post("/api/messages", json=body), 404)
    replay = await bob.http.post("/api/messages", json=body | {"client_id": "f"})
    assert (replay.status_code, as_json(replay)["id"]) == (200, forwarded["id"])
    other = {"receiver_id": carol.id, "content": "news", "client_id": "f"}
    assert_problem(await bob.http.post("/api/messages", json=other), 409, "idempotency_conflict")
    body = {"receiver_id": bob.id, "forward_of": forwarded["id"]}
    assert_problem(await alice.http.post("/api/messages", json=body), 404)


async def test_a_message_has_a_text_or_forwards_one(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "x")
    for body in ({}, {"content": "x", "forward_of": message["id"]}, {"forward_of": None}):
        sent = await alice.http.post("/api/messages", json=body | {"receiver_id": bob.id})
        assert sent.status_code == 422, sent.text
    for name in ("reply_to", "forward_of"):
        body = {"receiver_id": bob.id, name: "no id"}
        assert_invalid(await alice.http.post("/api/messages", json=body), name)
