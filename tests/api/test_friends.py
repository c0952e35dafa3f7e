"""Friend requests, answers and unfriending over HTTP, and their lists (P3, P4, P5)."""

from datetime import datetime
from uuid import uuid4

import pytest

from tests.harness.cases import case
from tests.harness.chats import NewPerson
from tests.harness.clients import (
    NUL_IN_A_PATH,
    Json,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    register,
)
from tests.harness.servers import ChatServer

STRANGE_IDS = [
    "not-an-id", "", "1", "a" * 1000, 7, None, [], {}, "\u202eabc", "0198c0de\u200b", "../me",
]  # fmt: skip


async def listed(person: Person, what: str = "") -> Json:
    reply = await person.http.get(f"/api/friends{what}")
    assert reply.status_code == 200, reply.text
    return as_json(reply)


async def friends_of(person: Person) -> list[str]:
    return [card["id"] for card in (await listed(person))["items"]]


async def requests_of(person: Person) -> tuple[list[str], list[str]]:
    """Return the user's incoming and outgoing friend requests."""
    found = await listed(person, "/requests")
    incoming, outgoing = (
        [entry["user"]["id"] for entry in found[side]] for side in ("incoming", "outgoing")
    )
    return incoming, outgoing


async def state_between(one: Person, other: Person) -> str:
    return str(as_json(await one.http.get(f"/api/users/{other.id}"))["friendship"])


async def nothing_is_left(*people: Person) -> None:
    for person in people:
        assert await friends_of(person) == []
        assert await requests_of(person) == ([], [])


async def test_a_request_is_seen_by_both(alice: Person, bob: Person) -> None:
    card = await alice.request_friendship(bob)

    assert (card["id"], card["friendship"]) == (bob.id, "requested")
    assert await state_between(bob, alice) == "incoming"
    assert await requests_of(alice) == ([], [bob.id])
    assert await requests_of(bob) == ([alice.id], [])
    [entry] = (await listed(bob, "/requests"))["incoming"]
    assert entry.keys() == {"user", "created_at"}
    assert datetime.fromisoformat(entry["created_at"]).utcoffset() is not None
    assert await friends_of(alice) == await friends_of(bob) == []


async def test_accepting_makes_each_the_others_friend(alice: Person, bob: Person) -> None:
    await alice.request_friendship(bob)

    reply = await bob.http.post("/api/friends/accept", json={"user_id": alice.id})

    assert reply.status_code == 200
    assert (reply.json()["id"], reply.json()["friendship"]) == (alice.id, "friends")
    assert await friends_of(alice) == [bob.id]
    assert await friends_of(bob) == [alice.id]
    assert await requests_of(alice) == await requests_of(bob) == ([], [])
    [card] = (await listed(alice))["items"]
    assert card == as_json(await alice.http.get(f"/api/users/{bob.id}"))


async def test_accepting_twice_is_harmless(alice: Person, bob: Person) -> None:
    card = await bob.befriend(alice)

    again = await bob.http.post("/api/friends/accept", json={"user_id": alice.id})

    assert again.status_code == 200
    assert as_json(again) == card
    assert await friends_of(bob) == [alice.id]


async def test_only_the_addressee_accepts(alice: Person, bob: Person, carol: Person) -> None:
    await alice.request_friendship(bob)

    for person, other in ((alice, bob), (carol, alice), (carol, bob), (bob, carol), (bob, bob)):
        reply = await person.http.post("/api/friends/accept", json={"user_id": other.id})
        assert_problem(reply, 404, "not_found")
    assert await requests_of(bob) == ([alice.id], [])
    assert await friends_of(bob) == []


async def test_asking_somebody_who_has_asked_makes_friends(alice: Person, bob: Person) -> None:
    await alice.request_friendship(bob)

    card = await bob.request_friendship(alice)

    assert card["friendship"] == "friends"
    assert await friends_of(alice) == [bob.id]
    assert await requests_of(alice) == await requests_of(bob) == ([], [])


@pytest.mark.parametrize("who", ["declines", "cancels"])
async def test_a_request_can_be_taken_away_and_made_again(
    alice: Person, bob: Person, who: str
) -> None:
    await alice.request_friendship(bob)
    one, other = (bob, alice) if who == "declines" else (alice, bob)

    reply = await one.http.delete(f"/api/friends/requests/{other.id}")

    assert (reply.status_code, reply.content) == (204, b"")
    await nothing_is_left(alice, bob)
    assert await state_between(alice, bob) == "none"
    again = await one.http.delete(f"/api/friends/requests/{other.id}")
    assert_problem(again, 404, "not_found")
    assert (await alice.request_friendship(bob))["friendship"] == "requested"


async def test_unfriending_is_for_both(alice: Person, bob: Person) -> None:
    await alice.befriend(bob)

    reply = await bob.http.delete(f"/api/friends/{alice.id}")

    assert (reply.status_code, reply.content) == (204, b"")
    await nothing_is_left(alice, bob)
    assert_problem(await bob.http.delete(f"/api/friends/{alice.id}"), 404, "not_found")
    assert_problem(await alice.http.delete(f"/api/friends/{bob.id}"), 404, "not_found")


async def test_an_impossible_friend_request_is_refused_and_leaves_no_row(
    alice: Person, bob: Person, carol: Person
) -> None:
    await alice.request_friendship(bob)
    await alice.befriend(carol)

    async def asked(user_id: str) -> tuple[int, str]:
        reply = await alice.http.post("/api/friends/request", json={"user_id": user_id})
        return reply.status_code, assert_problem(reply, reply.status_code)["code"]

    assert await asked(alice.id) == (422, "cannot_befriend_self")
    assert await asked(str(uuid4())) == (404, "not_found")
    assert await asked(bob.id) == (409, "already_requested")
    assert await asked(carol.id) == (409, "already_friends")
    assert await requests_of(alice) == ([], [bob.id])
    assert await friends_of(alice) == [carol.id]


async def test_a_malformed_id_is_named(alice: Person) -> None:
    for call in ("request", "accept"):
        for user_id in STRANGE_IDS:
            with case(call, user_id):
                reply = await alice.http.post(f"/api/friends/{call}", json={"user_id": user_id})

                assert_invalid(reply, "user_id")


@pytest.mark.parametrize("call", ["request", "accept"])
async def test_an_unknown_field_is_named(alice: Person, bob: Person, call: str) -> None:
    body = {"user_id": bob.id, "actor_id": bob.id}

    assert_invalid(await alice.http.post(f"/api/friends/{call}", json=body), "actor_id")
    assert_invalid(await alice.http.post(f"/api/friends/{call}", json={}), "user_id")
    await nothing_is_left(alice, bob)


@pytest.mark.parametrize("user_id", ["not-an-id", "-1", NUL_IN_A_PATH, "x" * 1000, "%E2%80%AE"])
async def test_a_malformed_id_in_the_path_is_404(alice: Person, user_id: str) -> None:
    for path in ("/api/friends", "/api/friends/requests", "/api/blocks"):
        with case(path):
            assert_problem(await alice.http.delete(f"{path}/{user_id}"), 404, "not_found")


async def test_strangers_cannot_part_or_decline(alice: Person, bob: Person, carol: Person) -> None:
    await alice.request_friendship(bob)

    for path in ("/api/friends", "/api/friends/requests"):
        for other in (alice, bob, carol):
            reply = await carol.http.delete(f"{path}/{other.id}")
            assert_problem(reply, 404, "not_found")
    assert await requests_of(bob) == ([alice.id], [])


async def test_friends_are_not_served_without_signing_in(alice: Person) -> None:
    for method, path in (
        ("GET", "/api/friends"),
        ("GET", "/api/friends/requests"),
        ("GET", "/api/friends/suggestions"),
        ("GET", "/api/blocks"),
        ("POST", "/api/friends/request"),
        ("POST", "/api/friends/accept"),
        ("DELETE", "/api/friends/{id}"),
        ("DELETE", "/api/friends/requests/{id}"),
        ("PUT", "/api/blocks/{id}"),
        ("DELETE", "/api/blocks/{id}"),
    ):
        with case(method, path):
            address = path.format(id=alice.id)
            async with alice.browser(origin="") as nobody:
                nobody.headers.pop("Cookie")
                assert_problem(await nobody.request(method, address), 401, "not_authenticated")
            if method != "GET":
                async with alice.browser(origin="https://evil.example") as elsewhere:
                    assert_problem(await elsewhere.request(method, address), 403, "cross_site")


async def test_friends_come_by_their_names(alice: Person, new_person: NewPerson) -> None:
    long, names = "Zoë " + "w" * 96, ["zora", "Ángel", "bea", "Αλίκη", "مها"]
    for name in [*names, long]:
        await alice.befriend(await new_person(display_name=name))

    shown = [card["display_name"] for card in (await listed(alice))["items"]]

    assert shown == ["Ángel", "bea", long, "zora", "Αλίκη", "مها"]


async def test_the_newest_request_comes_first(alice: Person, new_person: NewPerson) -> None:
    people = [await new_person() for _ in range(6)]
    for person in people[:3]:
        await person.request_friendship(alice)
    for person in people[3:]:
        await alice.request_friendship(person)

    incoming, outgoing = await requests_of(alice)

    assert incoming == [person.id for person in reversed(people[:3])]
    assert outgoing == [person.id for person in reversed(people[3:])]


async def test_suggestions_say_why(alice: Person, bob: Person, carol: Person) -> None:
    assert await listed(alice, "/suggestions") == {"items": []}
    await alice.befriend(bob)
    await bob.befriend(carol)

    [suggestion] = (await listed(alice, "/suggestions"))["items"]

    assert suggestion.keys() == {"user", "mutual_friends", "reason"}
    assert suggestion["user"] == as_json(await alice.http.get(f"/api/users/{carol.id}"))
    assert (suggestion["mutual_friends"], suggestion["reason"]) == (1, "mutual_friends")


async def test_friend_requests_are_limited_per_hour(limited_chat: ChatServer) -> None:
    asker, *others = [await register(limited_chat.url) for _ in range(5)]
    for other in others[:3]:
        await asker.request_friendship(other)

    reply = await asker.http.post("/api/friends/request", json={"user_id": others[3].id})

    assert_problem(reply, 429, "rate_limited")
    assert 0 < int(reply.headers["retry-after"]) <= 3601
    assert await requests_of(others[3]) == ([], [])
    # The limit is the requester's own: everybody else may still send requests.
    assert (await others[0].request_friendship(others[3]))["friendship"] == "requested"
