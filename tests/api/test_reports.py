"""Reports of members: what may be reported, what is kept of it, and what admins make of it."""

from typing import Any
from uuid import uuid4

from tests.harness.chats import StartChat
from tests.harness.clients import (
    Json,
    Person,
    as_json,
    assert_invalid,
    assert_problem,
    log_in_owner,
    register,
)
from tests.harness.servers import ChatServer


async def report(person: Person, path: str, reason: object = "It is spam.") -> Any:  # noqa: ANN401  # a reply
    return await person.http.post(f"/api/{path}/report", json={"reason": reason})


async def newest(admin: Person) -> Json:
    found: Json = as_json(await admin.http.get("/api/admin/reports", params={"limit": 1}))
    return dict(found["items"][0])


async def test_a_report_keeps_the_text_that_the_message_had(
    chat: ChatServer, alice: Person, bob: Person
) -> None:
    owner = await log_in_owner(chat.url)
    sent = await bob.write(alice, "buy my things")

    reply = await report(alice, f"messages/{sent['id']}")

    assert reply.status_code == 201, reply.text
    await bob.http.delete(f"/api/messages/{sent['id']}")
    made = await newest(owner)
    assert made["id"] == as_json(reply)["id"]
    assert (made["reporter"]["id"], made["user"]["id"]) == (alice.id, bob.id)
    assert (made["content"], made["reason"]) == ("buy my things", "It is spam.")
    assert made["message_id"] == sent["id"]
    path = f"/api/admin/reports/{made['id']}"
    for state in ("resolved", "dismissed", "open", "dismissed"):
        assert (await owner.http.patch(path, json={"state": state})).status_code == 204
        assert (await newest(owner))["state"] == state
    entry = as_json(await owner.http.get("/api/admin/audit", params={"limit": 1}))["items"][0]
    assert (entry["action"], entry["target"]["id"]) == ("report_dismissed", bob.id)
    assert_invalid(await owner.http.patch(path, json={"state": "gone"}), "state")


async def test_only_what_one_may_see_is_reported(alice: Person, bob: Person, carol: Person) -> None:
    sent = await bob.write(alice, "hello")
    group = await bob.make_group(history="joining")
    before = await bob.write_in(group["id"], "before alice came")
    await bob.http.post(f"/api/conversations/{group['id']}/members", json={"user_ids": [alice.id]})
    gone = await bob.write(alice, "gone")
    await bob.http.delete(f"/api/messages/{gone['id']}")

    for person, message in ((carol, sent), (alice, before), (alice, gone)):
        assert_problem(await report(person, f"messages/{message['id']}"), 404)
    assert_problem(await report(alice, f"messages/{uuid4()}"), 404)
    assert_problem(await report(alice, f"users/{uuid4()}"), 404)
    own = await report(bob, f"messages/{sent['id']}")
    assert assert_invalid(own, "reason")["code"] == "report_is_self"
    assert (
        assert_invalid(await report(bob, f"users/{bob.id}"), "reason")["code"] == "report_is_self"
    )
    for wrong in ("", "  ", "x" * 1001, "\u0001", 1, None):
        assert_invalid(await report(alice, f"users/{bob.id}", wrong), "reason")


async def test_a_block_does_not_protect_from_a_report(
    alice: Person, bob: Person, carol: Person
) -> None:
    sent = await bob.write(alice, "nasty")
    await bob.block(alice)
    await bob.block(carol)

    assert (await report(alice, f"users/{bob.id}", "Nasty\nand more")).status_code == 201
    assert (await report(alice, f"messages/{sent['id']}")).status_code == 201
    assert_problem(await report(carol, f"users/{bob.id}"), 404)


async def test_reports_of_a_day_are_limited(start_chat: StartChat) -> None:
    chat = start_chat(CHAT_LIMITS="on", CHAT_LIMIT_REPORTS_PER_DAY="2")
    alice, bob = await register(chat.url), await register(chat.url)
    for _ in range(2):
        assert (await report(alice, f"users/{bob.id}")).status_code == 201

    refused = await report(alice, f"users/{bob.id}")

    assert_problem(refused, 429, "rate_limited")
    assert int(refused.headers["retry-after"]) > 80_000
    assert (await report(bob, f"users/{alice.id}")).status_code == 201
