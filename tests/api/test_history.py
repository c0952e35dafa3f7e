"""Message history over HTTP, page by page (M4, M5)."""

import asyncio
from uuid import uuid4

from tests.harness.cases import case
from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem


async def filled(alice: Person, bob: Person, count: int) -> list[Json]:
    """Write `count` messages, some at a time, and return them in order."""
    await alice.write(bob, "the first")
    await asyncio.gather(*(alice.write(bob, f"text {number}") for number in range(count - 1)))
    found = as_json(await alice.http.get(f"/api/messages/{bob.id}", params={"limit": 100}))
    items = found["items"]
    assert len(items) == count
    return list(items)


async def test_a_request_without_a_cursor_gets_the_newest_page(alice: Person, bob: Person) -> None:
    messages = await filled(alice, bob, 60)
    conversation_id = messages[0]["conversation_id"]

    page = await bob.history(conversation_id)

    assert page == {"items": messages[-50:], "has_more": True}
    assert await bob.history(conversation_id, limit=60) == {"items": messages, "has_more": False}


async def test_pages_backwards_have_no_hole_though_new_ones_arrive(
    alice: Person, bob: Person
) -> None:
    messages = await filled(alice, bob, 25)
    conversation_id = messages[0]["conversation_id"]

    page = await bob.history(conversation_id, limit=10)
    found = page["items"]
    while page["has_more"]:
        await alice.write(bob, "one more")
        page = await bob.history(conversation_id, limit=10, before=found[0]["seq"])
        found = page["items"] + found

    assert found == messages


async def test_pages_forwards_reach_the_end(alice: Person, bob: Person) -> None:
    messages = await filled(alice, bob, 25)
    conversation_id = messages[0]["conversation_id"]

    found: list[Json] = []
    has_more = True
    while has_more:
        after = found[-1]["seq"] if found else 0
        page = await bob.history(conversation_id, limit=10, after=after)
        found += page["items"]
        has_more = page["has_more"]

    assert found == messages


async def test_a_page_beyond_either_end_is_empty(alice: Person, bob: Person) -> None:
    [message] = await filled(alice, bob, 1)
    nothing = {"items": [], "has_more": False}

    assert await bob.history(message["conversation_id"], before=1) == nothing
    assert await bob.history(message["conversation_id"], after=1) == nothing


async def test_a_forged_page_is_named(alice: Person, bob: Person) -> None:
    for page in (
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "101"},
        {"limit": "1000000"},
        {"limit": "x"},
        {"limit": "1.5"},
        {"limit": ""},
        {"before": "x"},
        {"before": "-1"},
        {"before": "99999999999999999999999"},
        {"after": "-1"},
        {"after": "x"},
        {"after": "99999999999999999999999"},
    ):
        with case(page):
            conversation = await alice.opened(bob)
            paths = (f"/api/conversations/{conversation['id']}/messages", f"/api/messages/{bob.id}")

            for path in paths:
                assert_invalid(await alice.http.get(path, params=page), *page)


async def test_the_direct_conversation_is_found_by_the_other_one(
    alice: Person, bob: Person, carol: Person
) -> None:
    messages = await alice.write_all(bob, "one", "two", "three")

    for reader, other in ((alice, bob), (bob, alice)):
        reply = await reader.http.get(f"/api/messages/{other.id}")
        assert as_json(reply) == {"items": messages, "has_more": False}
        older = await reader.http.get(f"/api/messages/{other.id}?before=3&limit=1")
        assert as_json(older) == {"items": [messages[1]], "has_more": True}
    for member in (alice, bob):
        reply = await carol.http.get(f"/api/messages/{member.id}")
        assert as_json(reply) == {"items": [], "has_more": False}


async def test_a_conversation_that_never_was_is_empty(alice: Person, bob: Person) -> None:
    reply = await alice.http.get(f"/api/messages/{bob.id}")

    assert reply.status_code == 200
    assert as_json(reply) == {"items": [], "has_more": False}


async def test_the_direct_conversation_with_nobody_is_404(alice: Person) -> None:
    assert_problem(await alice.http.get(f"/api/messages/{uuid4()}"), 404, "not_found")
