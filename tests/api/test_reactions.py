"""Reactions, pins, earlier texts and saved messages over HTTP: what they do and what is refused."""

from urllib.parse import quote
from uuid import uuid4

from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, as_json, assert_problem

THUMB, HEART = "👍", "❤️"


def reactions_of(message: Json, emoji: str = "") -> str:
    path = f"/api/messages/{message['id']}/reactions"
    return f"{path}/{quote(emoji)}" if emoji else path


async def react(person: Person, message: Json, emoji: str) -> list[Json]:
    reply = await person.http.put(reactions_of(message, emoji))
    assert reply.status_code == 200, reply.text
    return list(as_json(reply)["reactions"])


async def take_back(person: Person, message: Json, emoji: str) -> list[Json]:
    reply = await person.http.delete(reactions_of(message, emoji))
    assert reply.status_code == 200, reply.text
    return list(as_json(reply)["reactions"])


async def newest(person: Person, conversation_id: str) -> Json:
    return dict((await person.history(conversation_id))["items"][-1])


async def test_reactions_are_counted_once_in_the_order_of_the_first(
    alice: Person, bob: Person
) -> None:
    message = await alice.write(bob, "hello")
    here = message["conversation_id"]

    assert await react(bob, message, HEART) == [
        {"emoji": HEART, "count": 1, "user_ids": [bob.id], "mine": True}
    ]
    await react(alice, message, THUMB)
    # Without U+FE0F, and with a skin tone: the same emoji.
    await react(alice, message, "❤")
    after = await react(alice, message, "👍🏽")
    assert after == [
        {"emoji": HEART, "count": 2, "user_ids": [bob.id, alice.id], "mine": True},
        {"emoji": THUMB, "count": 1, "user_ids": [alice.id], "mine": True},
    ]
    seen = await newest(bob, here)
    assert seen["rev"] == message["rev"] + 3
    assert [one["mine"] for one in seen["reactions"]] == [True, False]

    assert [one["emoji"] for one in await take_back(bob, message, HEART)] == [HEART, THUMB]
    await take_back(bob, message, HEART)
    after = await take_back(alice, message, HEART)
    assert [one["emoji"] for one in after] == [THUMB]
    assert (await newest(bob, here))["rev"] == message["rev"] + 5


async def test_reactions_that_are_refused(alice: Person, bob: Person, carol: Person) -> None:
    message = await alice.write(bob, "hello")
    for wrong in ("x", "👍👍", "1", "👍 "):
        assert_problem(await bob.http.put(reactions_of(message, wrong)), 422, "not_an_emoji")
    assert_problem(await carol.http.put(reactions_of(message, THUMB)), 404)
    assert_problem(await carol.http.get(reactions_of(message)), 404)
    assert_problem(await bob.http.put(reactions_of({"id": uuid4()}, THUMB)), 404)
    kinds = [chr(0x1F600 + number) for number in range(20)]
    for emoji in kinds:
        await react(bob, message, emoji)
    assert_problem(await bob.http.put(reactions_of(message, THUMB)), 422, "too_many_reactions")
    assert len(await react(alice, message, kinds[0])) == 20
    assert (await bob.http.put(f"/api/blocks/{alice.id}")).status_code == 204
    assert_problem(await alice.http.put(reactions_of(message, kinds[1])), 403, "cannot_message")
    first, *_ = await take_back(alice, message, kinds[0])
    assert first["count"] == 1
    await alice.http.delete(f"/api/messages/{message['id']}")
    assert_problem(await bob.http.put(reactions_of(message, THUMB)), 409, "message_deleted")
    assert (await newest(bob, message["conversation_id"]))["reactions"] == []


async def test_the_people_who_reacted_are_paged(alice: Person, bob: Person, carol: Person) -> None:
    group = await alice.make_group(bob, carol)
    message = await alice.write_in(group["id"], "hello")
    for person, emoji in ((alice, THUMB), (bob, HEART), (carol, THUMB)):
        await react(person, message, emoji)

    page = as_json(await bob.http.get(reactions_of(message), params={"limit": 2}))
    assert [(one["user"]["id"], one["emoji"]) for one in page["items"]] == [
        (alice.id, THUMB), (bob.id, HEART),
    ]  # fmt: skip
    rest = as_json(await bob.http.get(reactions_of(message), params={"after": page["next_after"]}))
    assert [one["user"]["id"] for one in rest["items"]] == [carol.id]
    assert rest["next_after"] is None
    thumbs = as_json(await bob.http.get(reactions_of(message), params={"emoji": "👍"}))
    assert [one["user"]["id"] for one in thumbs["items"]] == [alice.id, carol.id]
    assert_problem(await bob.http.get(reactions_of(message), params={"after": "x"}), 422)


async def test_earlier_texts_are_kept_until_the_message_is_deleted(
    alice: Person, bob: Person, carol: Person
) -> None:
    message = await alice.write(bob, "first")
    path = f"/api/messages/{message['id']}"
    assert [one["content"] for one in as_json(await bob.http.get(f"{path}/edits"))["items"]] == [
        "first"
    ]
    for content in ("second", "third"):
        assert (await alice.http.patch(path, json={"content": content})).status_code == 200
    items = as_json(await bob.http.get(f"{path}/edits"))["items"]
    assert [one["content"] for one in items] == ["first", "second", "third"]
    assert items[0]["at"] == message["created_at"]
    assert items[0]["at"] < items[1]["at"] < items[2]["at"]
    assert_problem(await carol.http.get(f"{path}/edits"), 404)
    await alice.http.delete(path)
    assert as_json(await bob.http.get(f"{path}/edits")) == {"items": []}


async def test_both_of_a_direct_conversation_pin_and_admins_of_a_group(
    alice: Person, bob: Person, carol: Person
) -> None:
    messages = await alice.write_all(bob, "one", "two")
    here = messages[0]["conversation_id"]
    for person, message in ((bob, messages[1]), (alice, messages[0])):
        reply = await person.http.put(f"/api/messages/{message['id']}/pin")
        assert as_json(reply)["pinned_by"]["id"] == person.id
    again = as_json(await bob.http.put(f"/api/messages/{messages[0]['id']}/pin"))
    assert again["pinned_by"]["id"] == alice.id
    pins = as_json(await alice.http.get(f"/api/conversations/{here}/pins"))["items"]
    assert [one["id"] for one in pins] == [messages[0]["id"], messages[1]["id"]]
    assert_problem(await carol.http.get(f"/api/conversations/{here}/pins"), 404)
    unpinned = as_json(await bob.http.delete(f"/api/messages/{messages[0]['id']}/pin"))
    assert (unpinned["pinned_at"], unpinned["pinned_by"]) == (None, None)
    await alice.http.delete(f"/api/messages/{messages[1]['id']}")
    assert as_json(await bob.http.get(f"/api/conversations/{here}/pins")) == {"items": []}
    assert_problem(
        await bob.http.put(f"/api/messages/{messages[1]['id']}/pin"), 409, "message_deleted"
    )

    group = await alice.make_group(bob)
    in_group = await bob.write_in(group["id"], "hello")
    path = f"/api/messages/{in_group['id']}/pin"
    assert_problem(await bob.http.put(path), 403, "not_allowed")
    assert (await alice.http.put(path)).status_code == 200
    assert_problem(await bob.http.delete(path), 403, "not_allowed")
    assert_problem(await carol.http.put(path), 404)


async def test_at_most_a_hundred_messages_are_pinned(alice: Person, bob: Person) -> None:
    messages = await alice.write_all(bob, *(str(number) for number in range(101)))
    for message in messages[:100]:
        assert (await alice.http.put(f"/api/messages/{message['id']}/pin")).status_code == 200
    last = f"/api/messages/{messages[100]['id']}/pin"
    assert_problem(await bob.http.put(last), 409, "too_many_pins")
    await bob.http.delete(f"/api/messages/{messages[0]['id']}/pin")
    assert (await bob.http.put(last)).status_code == 200


async def test_saved_messages_are_for_oneself_alone(
    alice: Person, bob: Person, carol: Person, new_person: NewPerson
) -> None:
    messages = await alice.write_all(bob, "one", "two", "three")
    for message in messages:
        for _ in range(2):
            reply = await bob.http.put(f"/api/messages/{message['id']}/save")
            assert reply.status_code == 204
    page = as_json(await bob.http.get("/api/saved", params={"limit": 2}))
    assert [one["message"]["content"] for one in page["items"]] == ["three", "two"]
    rest = as_json(
        await bob.http.get("/api/saved", params={"limit": 2, "before": page["next_before"]})
    )
    assert [one["message"]["content"] for one in rest["items"]] == ["one"]
    assert rest["next_before"] is None
    assert as_json(await alice.http.get("/api/saved"))["items"] == []
    assert_problem(await carol.http.put(f"/api/messages/{messages[0]['id']}/save"), 404)
    assert_problem(await bob.http.get("/api/saved", params={"before": "x"}), 422)

    await bob.http.delete(f"/api/messages/{messages[2]['id']}/save")
    await alice.http.delete(f"/api/messages/{messages[1]['id']}")
    left = as_json(await bob.http.get("/api/saved"))["items"]
    assert [one["message"]["content"] for one in left] == ["one"]

    owner = await new_person()
    group = await owner.make_group(bob)
    in_group = await owner.write_in(group["id"], "secret")
    await bob.http.put(f"/api/messages/{in_group['id']}/save")
    await owner.http.delete(f"/api/conversations/{group['id']}/members/{bob.id}")
    left = as_json(await bob.http.get("/api/saved"))["items"]
    assert [one["message"]["content"] for one in left] == ["one"]


async def test_pages_around_a_place_and_a_time(alice: Person, bob: Person) -> None:
    messages = await alice.write_all(bob, *(str(number) for number in range(1, 31)))
    here = messages[0]["conversation_id"]
    path = f"/api/conversations/{here}/messages"

    async def page(**params: str | int) -> Json:
        return as_json(await bob.http.get(path, params=params | {"limit": 10}))

    middle = await page(around=15)
    assert [one["seq"] for one in middle["items"]] == list(range(10, 20))
    assert (middle["has_older"], middle["has_newer"], middle["has_more"]) == (True, True, True)
    first = await page(around=0)
    assert [one["seq"] for one in first["items"]] == list(range(1, 11))
    assert (first["has_older"], first["has_newer"]) == (False, True)
    for past in (31, 10**9):
        last = await page(around=past)
        assert [one["seq"] for one in last["items"]] == list(range(21, 31))
        assert (last["has_older"], last["has_newer"]) == (True, False)
    for wanted in (messages[0], messages[14], messages[29]):
        since = await page(at=wanted["created_at"])
        assert wanted["seq"] in [one["seq"] for one in since["items"]]
    earliest = await page(at="2001-01-01T00:00:00Z")
    assert [one["seq"] for one in earliest["items"]] == list(range(1, 11))
    later = await page(at="2999-01-01T00:00:00Z")
    assert [one["seq"] for one in later["items"]] == list(range(21, 31))
    wrong_places: list[dict[str, str | int]] = [
        {"around": 1, "before": 2},
        {"around": 1, "at": "2999-01-01T00:00:00Z"},
        {"after": 1, "at": "2999-01-01T00:00:00Z"},
        {"at": "soon"},
        {"around": -1},
    ]
    for wrong in wrong_places:
        assert_problem(await bob.http.get(path, params=wrong), 422)
    assert "has_older" not in await page()
