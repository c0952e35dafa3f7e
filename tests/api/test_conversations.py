"""Conversations over HTTP: opening, listing, reading and unread counts."""

import asyncio
from uuid import uuid4

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem


async def listed(person: Person, **page: int | str) -> Json:
    reply = await person.http.get("/api/conversations", params=page)
    assert reply.status_code == 200, reply.text
    return as_json(reply)


async def mark(person: Person, conversation_id: str, action: str, seq: int) -> None:
    path = f"/api/conversations/{conversation_id}/{action}"
    reply = await person.http.post(path, json={"seq": seq})
    assert reply.status_code == 204, reply.text


async def unread(person: Person, conversation_id: str) -> int:
    return int((await person.conversation(conversation_id))["unread"])


async def test_opening_twice_is_the_same_conversation(alice: Person, bob: Person) -> None:
    first = await alice.http.post("/api/conversations", json={"user_id": bob.id})
    again = await alice.http.post("/api/conversations", json={"user_id": bob.id})
    other_way = await bob.http.post("/api/conversations", json={"user_id": alice.id})

    assert [first.status_code, again.status_code, other_way.status_code] == [201, 200, 200]
    assert as_json(first)["id"] == as_json(again)["id"] == as_json(other_way)["id"]


async def test_both_opening_at_once_make_one(alice: Person, bob: Person) -> None:
    conversations = await asyncio.gather(
        *(one.opened(other) for one, other in [(alice, bob), (bob, alice)] * 5)
    )

    assert len({conversation["id"] for conversation in conversations}) == 1


async def test_a_fresh_conversation_holds_what_the_contract_names(
    alice: Person, bob: Person
) -> None:
    conversation = await alice.opened(bob)

    assert conversation.keys() == {
        "id", "kind", "title", "members", "last_message", "last_seq", "last_rev",
        "last_read_seq", "unread", "receipts", "updated_at", "description", "visibility",
        "history", "posting", "members_count", "unread_mentions", "me", "draft",
        "avatar_url",
    }  # fmt: skip
    assert conversation["kind"] == "direct"
    assert {member["id"] for member in conversation["members"]} == {alice.id, bob.id}
    assert conversation["last_message"] is None
    assert conversation["avatar_url"] is None
    assert conversation["last_seq"] == conversation["unread"] == 0
    assert conversation["receipts"] == [
        {"user_id": bob.id, "delivered_seq": 0, "read_seq": 0},
    ]
    assert await alice.conversation(conversation["id"]) == conversation


async def test_until_the_first_message_only_the_opener_sees_it_listed(
    alice: Person, bob: Person
) -> None:
    conversation = await alice.opened(bob)

    assert [item["id"] for item in (await listed(alice))["items"]] == [conversation["id"]]
    assert (await listed(bob))["items"] == []

    await alice.write(bob, "hello")

    assert [item["id"] for item in (await listed(bob))["items"]] == [conversation["id"]]


async def test_a_conversation_with_oneself_is_refused(alice: Person) -> None:
    reply = await alice.http.post("/api/conversations", json={"user_id": alice.id})

    assert_problem(reply, 422)
    assert (await listed(alice))["items"] == []


async def test_a_malformed_id_is_named(alice: Person) -> None:
    ids: tuple[object, ...] = ("x", "", 1, None, [], "0" * 64)
    for user_id in ids:
        with case(user_id):
            assert_invalid(
                await alice.http.post("/api/conversations", json={"user_id": user_id}), "user_id"
            )


async def test_a_conversation_with_an_unknown_user_is_not_opened(alice: Person) -> None:
    reply = await alice.http.post("/api/conversations", json={"user_id": str(uuid4())})

    assert_problem(reply, 404, "not_found")


async def test_conversations_of_others_are_not_found(
    alice: Person, bob: Person, carol: Person
) -> None:
    message = await alice.write(bob, "between us")
    path = f"/api/conversations/{message['conversation_id']}"

    assert_problem(await carol.http.get(path), 404, "not_found")
    assert_problem(await carol.http.get(f"{path}/messages"), 404, "not_found")
    assert_problem(await carol.http.post(f"{path}/read", json={"seq": 1}), 404, "not_found")
    assert_problem(await carol.http.post(f"{path}/unread", json={"seq": 1}), 404, "not_found")
    body = {"conversation_id": message["conversation_id"], "content": "intruder"}
    assert_problem(await carol.http.post("/api/messages", json=body), 404, "not_found")
    assert (await listed(carol))["items"] == []
    assert (await alice.history(message["conversation_id"]))["items"] == [message]


async def test_the_newest_activity_comes_first(alice: Person, bob: Person, carol: Person) -> None:
    with_bob = (await alice.write(bob, "one"))["conversation_id"]
    with_carol = (await alice.write(carol, "two"))["conversation_id"]

    assert [item["id"] for item in (await listed(alice))["items"]] == [with_carol, with_bob]

    await bob.write(alice, "three")

    assert [item["id"] for item in (await listed(alice))["items"]] == [with_bob, with_carol]


async def test_pages_of_the_list_have_no_hole_and_no_repeat(
    alice: Person, new_person: NewPerson
) -> None:
    expected: list[str] = []
    for _ in range(5):
        expected.insert(0, (await alice.write(await new_person(), "hi"))["conversation_id"])

    found, before = [], None
    while True:
        page = await listed(alice, limit=2, **({"before": before} if before else {}))
        found += [item["id"] for item in page["items"]]
        if (before := page["next_before"]) is None:
            break

    assert found == expected


async def test_a_forged_page_is_named(alice: Person) -> None:
    for page in (
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "101"},
        {"limit": "1000000"},
        {"limit": "x"},
        {"before": "x"},
        {"before": "'; DROP TABLE users"},
        {"before": "x" * 5000},
        {"before": "a\x00b"},
    ):
        with case(page):
            assert_invalid(await alice.http.get("/api/conversations", params=page), *page)


async def test_unread_counts_what_others_wrote_since_i_read(alice: Person, bob: Person) -> None:
    [*_, message] = await alice.write_all(bob, "one", "two", "three")
    conversation_id = message["conversation_id"]

    assert await unread(bob, conversation_id) == 3
    assert await unread(alice, conversation_id) == 0

    await mark(bob, conversation_id, "read", 2)
    assert await unread(bob, conversation_id) == 1


async def test_the_read_mark_never_goes_back_and_ends_at_the_end(
    alice: Person, bob: Person
) -> None:
    [*_, message] = await alice.write_all(bob, "one", "two", "three")
    conversation_id = message["conversation_id"]

    await mark(bob, conversation_id, "read", 2)
    await mark(bob, conversation_id, "read", 1)
    assert (await bob.conversation(conversation_id))["last_read_seq"] == 2

    await mark(bob, conversation_id, "read", 10**15)
    assert (await bob.conversation(conversation_id))["last_read_seq"] == 3

    await alice.write(bob, "four")
    assert await unread(bob, conversation_id) == 1


async def test_the_sender_sees_how_far_the_other_has_read(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    await mark(bob, message["conversation_id"], "read", 1)

    [receipt] = (await alice.conversation(message["conversation_id"]))["receipts"]

    assert receipt["user_id"] == bob.id
    assert receipt["read_seq"] == 1


async def test_sending_implies_reading(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    await bob.write(alice, "hello yourself")

    conversation = await bob.conversation(message["conversation_id"])

    assert conversation["unread"] == 0
    assert conversation["last_read_seq"] == 2


async def test_marking_unread_is_for_me_alone(alice: Person, bob: Person) -> None:
    [*_, message] = await alice.write_all(bob, "one", "two", "three")
    conversation_id = message["conversation_id"]
    await mark(bob, conversation_id, "read", 3)

    await mark(bob, conversation_id, "unread", 2)

    assert await unread(bob, conversation_id) == 2
    assert await unread(alice, conversation_id) == 0
    [receipt] = (await alice.conversation(conversation_id))["receipts"]
    assert receipt["read_seq"] == 3


async def test_a_wrong_seq_is_named(alice: Person, bob: Person) -> None:
    for action in ("read", "unread"):
        for seq in (-1, "1", None, 1.5, True, 2**70):
            with case(action, seq):
                conversation = await alice.opened(bob)
                path = f"/api/conversations/{conversation['id']}/{action}"

                assert_invalid(await alice.http.post(path, json={"seq": seq}), "seq")
                assert_invalid(
                    await alice.http.post(path, json={"seq": 1, "user_id": bob.id}), "user_id"
                )


async def test_the_last_message_is_on_the_list(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "the last word")

    [item] = (await listed(bob))["items"]

    assert item["last_message"] == message
    assert item["last_seq"] == 1
    assert item["last_rev"] == message["rev"]
