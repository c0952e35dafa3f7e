"""Drafts over HTTP: kept for every device, and never overwritten unseen."""

from uuid import uuid4

from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem


async def write(person: Person, here: str, content: str, base: int, **more: str) -> int:
    body = {"content": content, "base": base, **more}
    reply = await person.http.put(f"/api/conversations/{here}/draft", json=body)
    assert reply.status_code == 200, reply.text
    return int(as_json(reply)["version"])


async def draft(person: Person, here: str) -> Json | None:
    found: Json | None = (await person.conversation(here))["draft"]
    return found


async def test_a_draft_is_kept_for_ones_own_devices_alone(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    here = message["conversation_id"]
    assert await draft(bob, here) is None
    async with bob.socket() as own, alice.socket() as other:
        assert await write(bob, here, "  hel", 0, reply_to=message["id"]) == 1
        told = await own.expect("draft.updated", conversation_id=here)
        assert told["draft"] == await draft(bob, here)
        assert (told["draft"]["content"], told["draft"]["reply_to"]) == ("  hel", message["id"])
        assert await write(bob, here, "hello", 1) == 2
        assert await write(bob, here, "hello", 1) == 2
        assert await draft(alice, here) is None
        assert await write(bob, here, " ", 2) == 3
        for version in (2, 3):
            told = await own.expect("draft.updated")
            assert (told["draft"] or {"version": 3})["version"] == version
        assert await draft(bob, here) is None
        assert "draft.updated" not in [frame["type"] for frame in await other.settled()]
    # Nothing is there that could be overwritten.
    assert await write(bob, here, "again", 0) == 4


async def test_another_text_is_never_overwritten(alice: Person, bob: Person) -> None:
    here = (await alice.write(bob, "hello"))["conversation_id"]
    path = f"/api/conversations/{here}/draft"
    first = await write(bob, here, "from the phone", 0)
    for content in ("from the laptop", ""):
        refused = await bob.http.put(path, json={"content": content, "base": 0})
        problem = assert_problem(refused, 409, "draft_conflict")
        assert problem["draft"] == await draft(bob, here)
    assert await write(bob, here, "both", first) == first + 1


async def test_drafts_that_are_refused(alice: Person, bob: Person, carol: Person) -> None:
    here = (await alice.write(bob, "hello"))["conversation_id"]
    path = f"/api/conversations/{here}/draft"
    good = {"content": "x", "base": 0}
    assert_problem(await carol.http.put(path, json=good), 404)
    other = await alice.write(carol, "elsewhere")
    for wrong in (other["id"], str(uuid4())):
        reply = await bob.http.put(path, json=good | {"reply_to": wrong})
        assert_problem(reply, 404, "reply_not_found")
    for name, value in (("content", "x" * 8_001), ("content", "nul\x00"), ("base", -1)):
        assert_invalid(await bob.http.put(path, json=good | {name: value}), name)
    assert_problem(await bob.http.put(path, json={"content": "x"}), 422)


async def test_a_draft_goes_with_the_membership(alice: Person, bob: Person) -> None:
    group = await alice.make_group(bob)
    await write(bob, group["id"], "not sent", 0)
    members = f"/api/conversations/{group['id']}/members"
    await alice.http.delete(f"{members}/{bob.id}")
    await alice.http.post(members, json={"user_ids": [bob.id]})
    assert await draft(bob, group["id"]) is None
