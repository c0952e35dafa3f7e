"""Scheduled messages and reminders: at their time, once, and refused as a send would be then."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx

from tests.harness.chats import NewPerson
from tests.harness.clients import Json, Person, as_json, assert_invalid, assert_problem

# A promise of the contract.
MAX_LATE_S = 5


def soon(seconds: float = 3) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def schedule(person: Person, **fields: object) -> Json:
    body = {"content": "later", "client_id": str(uuid4()), "send_at": soon(3600)} | fields
    reply = await person.http.post("/api/scheduled", json=body)
    assert reply.status_code == 201, reply.text
    return as_json(reply)


async def listed(person: Person) -> list[Json]:
    return list(as_json(await person.http.get("/api/scheduled"))["items"])


async def test_a_scheduled_message_is_sent_once_at_its_time(alice: Person, bob: Person) -> None:
    async with alice.socket() as own, bob.socket() as receiver:
        scheduled = await schedule(alice, receiver_id=bob.id, client_id="once", send_at=soon())
        told = await own.expect("scheduled.updated", state="waiting")
        assert told["scheduled"] == scheduled
        assert [one["id"] for one in await listed(alice)] == [scheduled["id"]]
        assert await listed(bob) == []
        message = (await receiver.expect("message.created"))["message"]
        assert (message["content"], message["client_id"]) == ("later", "once")
        sent_at = datetime.fromisoformat(message["created_at"])
        late = sent_at - datetime.fromisoformat(scheduled["send_at"])
        assert timedelta(0) <= late <= timedelta(seconds=MAX_LATE_S)
        await own.expect("scheduled.updated", state="sent")
    assert await listed(alice) == []
    assert len(await alice.whole_history(bob)) == 1


async def test_what_may_not_be_sent_then_is_refused_and_can_be_mended(
    alice: Person, bob: Person
) -> None:
    await alice.write(bob, "hello")
    await bob.block(alice)
    async with alice.socket() as own:
        scheduled = await schedule(alice, receiver_id=bob.id, send_at=soon())
        told = await own.expect("scheduled.updated", state="refused")
        assert (told["code"], told["scheduled"]["id"]) == ("cannot_message", scheduled["id"])
        [kept] = await listed(alice)
        assert (kept["state"], kept["code"]) == ("refused", "cannot_message")
        await bob.http.delete(f"/api/blocks/{alice.id}")
        path = f"/api/scheduled/{scheduled['id']}"
        changed = await alice.http.patch(path, json={"send_at": soon(), "content": "now"})
        assert as_json(changed)["state"] == "waiting"
        await own.expect("scheduled.updated", state="sent")
        assert_problem(await alice.http.patch(path, json={"content": "x"}), 409, "already_sent")
    assert (await alice.whole_history(bob))[-1]["content"] == "now"


async def test_scheduled_messages_are_changed_and_deleted_by_their_user(
    alice: Person, bob: Person
) -> None:
    one = await schedule(alice, receiver_id=bob.id, client_id="same")
    again = await alice.http.post(
        "/api/scheduled",
        json={
            "content": "later",
            "client_id": "same",
            "receiver_id": bob.id,
            "send_at": one["send_at"],
        },
    )
    assert (again.status_code, as_json(again)["id"]) == (200, one["id"])
    other = {
        "content": "other",
        "client_id": "same",
        "receiver_id": bob.id,
        "send_at": one["send_at"],
    }
    assert_problem(await alice.http.post("/api/scheduled", json=other), 409, "idempotency_conflict")
    path = f"/api/scheduled/{one['id']}"
    assert_problem(await bob.http.patch(path, json={"content": "x"}), 404)
    assert_problem(await bob.http.delete(path), 404)
    async with alice.socket() as own:
        assert (await alice.http.delete(path)).status_code == 204
        await own.expect("scheduled.updated", state="deleted")
    assert_problem(await alice.http.delete(path), 404)
    assert await listed(alice) == []


async def test_times_that_are_refused(alice: Person, bob: Person) -> None:
    message = await alice.write(bob, "hello")
    body = {"content": "x", "client_id": "x", "receiver_id": bob.id}
    reminder = f"/api/messages/{message['id']}/reminder"
    year = timedelta(days=365).total_seconds()
    for wrong in (soon(-60), soon(year + 60), "soon", "2999-01-01T00:00:00", 7, None):
        sent = await alice.http.post("/api/scheduled", json=body | {"send_at": wrong})
        assert_invalid(sent, "send_at")
        assert_invalid(await alice.http.put(reminder, json={"at": wrong}), "at")
    assert (await alice.http.put(reminder, json={"at": soon(year - 60)})).status_code == 200
    scheduled = await schedule(alice, receiver_id=bob.id, send_at=soon(year - 60))
    path = f"/api/scheduled/{scheduled['id']}"
    assert_invalid(await alice.http.patch(path, json={"send_at": soon(year + 60)}), "send_at")
    both = body | {"send_at": soon(60), "conversation_id": message["conversation_id"]}
    assert_problem(await alice.http.post("/api/scheduled", json=both), 422)


async def test_a_reminder_comes_once_and_is_listed_until_a_device_has_it(
    alice: Person, bob: Person, carol: Person
) -> None:
    message = await alice.write(bob, "hello")
    path = f"/api/messages/{message['id']}/reminder"

    async def reminders(person: Person) -> list[Json]:
        return list(as_json(await person.http.get("/api/reminders"))["items"])

    assert_problem(await carol.http.put(path, json={"at": soon(60)}), 404)
    assert (await bob.http.put(path, json={"at": soon(3600)})).status_code == 200
    [waiting] = await reminders(bob)
    assert (waiting["message"]["id"], waiting["due"]) == (message["id"], False)
    assert await reminders(alice) == []
    assert (await bob.http.delete(path)).status_code == 204
    assert await reminders(bob) == []

    # Without a device it stays due; the next one gets it when it resumes.
    await bob.http.put(path, json={"at": soon(2)})
    async with alice.socket() as other:
        while not (await reminders(bob))[0]["due"]:
            await other.settled()
        async with bob.socket() as own:
            await own.send({"type": "resume", "id": "r", "cursors": {}})
            assert (await own.expect("reminder.due"))["message"]["id"] == message["id"]
            while await reminders(bob):
                await own.settled()
            # With one it comes by itself.
            await bob.http.put(path, json={"at": soon(2)})
            await own.expect("reminder.due")
            while await reminders(bob):
                await own.settled()
        assert "reminder.due" not in [frame["type"] for frame in await other.settled()]


async def test_every_change_of_a_reminder_is_published_to_the_devices_of_its_user(
    alice: Person, bob: Person
) -> None:
    message = await alice.write(bob, "hello")
    path = f"/api/messages/{message['id']}/reminder"
    async with bob.socket() as one, bob.socket() as other, alice.socket() as stranger:
        for seconds in (3600, 7200):
            reply = as_json(await bob.http.put(path, json={"at": soon(seconds)}))
            for device in (one, other):
                told = await device.expect("reminder.updated")
                assert (told["message_id"], told["at"]) == (message["id"], reply["at"])
        # The second time there is none, but a device may show the notice of one that was due.
        for _ in range(2):
            assert (await bob.http.delete(path)).status_code == 204
            for device in (one, other):
                assert (await device.expect("reminder.updated"))["at"] is None
        assert "reminder.updated" not in [frame["type"] for frame in await stranger.settled()]


async def test_nothing_of_a_deleted_account_is_sent(
    alice: Person, bob: Person, new_person: NewPerson
) -> None:
    leaver = await new_person()
    await schedule(leaver, receiver_id=bob.id, content="from nobody", send_at=soon())
    assert (await leaver.leave()).status_code == 204
    async with bob.socket() as receiver:
        await schedule(alice, receiver_id=bob.id, content="from alice", send_at=soon(4))
        message = (await receiver.expect("message.created"))["message"]
        assert message["content"] == "from alice"
    assert "from nobody" not in str(receiver.passed)


async def test_a_group_that_one_has_left_refuses_what_was_scheduled(
    alice: Person, bob: Person
) -> None:
    group = await alice.make_group(bob)
    async with bob.socket() as own:
        await schedule(bob, conversation_id=group["id"], send_at=soon(4))
        await bob.http.delete(f"/api/conversations/{group['id']}/members/{bob.id}")
        told = await own.expect("scheduled.updated", state="refused")
        assert told["code"] == "not_found"


async def test_what_can_never_be_sent_is_refused_at_once(
    alice: Person, bob: Person, carol: Person, new_person: NewPerson
) -> None:
    async def refusal(person: Person, **fields: object) -> httpx.Response:
        body = {"content": "later", "client_id": str(uuid4()), "send_at": soon(3600)} | fields
        return await person.http.post("/api/scheduled", json=body)

    message = await alice.write(bob, "hello")
    here = message["conversation_id"]
    for wrong in (str(uuid4()), here):
        assert_problem(await refusal(carol, conversation_id=wrong), 404, "not_found")
    assert_problem(await refusal(alice, receiver_id=str(uuid4())), 404, "not_found")
    assert_problem(await refusal(alice, receiver_id=alice.id), 422, "receiver_is_self")

    elsewhere = await carol.write(bob, "elsewhere")
    for reply_to in (str(uuid4()), elsewhere["id"]):
        for to in ({"receiver_id": alice.id}, {"conversation_id": here}):
            refused = await refusal(bob, reply_to=reply_to, **to)
            assert_problem(refused, 404, "reply_not_found")
    # There is no conversation yet.
    refused = await refusal(alice, receiver_id=carol.id, reply_to=message["id"])
    assert_problem(refused, 404, "reply_not_found")
    owner = await new_person()
    group = await owner.make_group(history="joining")
    old = await owner.write_in(group["id"], "a secret")
    await owner.http.post(f"/api/conversations/{group['id']}/members", json={"user_ids": [bob.id]})
    refused = await refusal(bob, conversation_id=group["id"], reply_to=old["id"])
    assert_problem(refused, 404, "reply_not_found")

    same = await refusal(alice, receiver_id=bob.id, client_id=message["client_id"])
    assert_problem(same, 409, "idempotency_conflict")
    assert [await listed(person) for person in (alice, bob, carol)] == [[], [], []]

    # Of another person it is free, and what is deleted can be replied to.
    await alice.http.delete(f"/api/messages/{message['id']}")
    for to in ({"receiver_id": alice.id}, {"conversation_id": here}):
        await schedule(bob, reply_to=message["id"], **to)
    await schedule(bob, receiver_id=alice.id, client_id=message["client_id"])


async def test_a_client_id_that_was_used_meanwhile_is_refused_at_the_time(
    alice: Person, bob: Person
) -> None:
    async with alice.socket() as own:
        await schedule(alice, receiver_id=bob.id, client_id="twice", send_at=soon(4))
        now = {"receiver_id": bob.id, "content": "now", "client_id": "twice"}
        assert (await alice.http.post("/api/messages", json=now)).status_code == 201
        told = await own.expect("scheduled.updated", state="refused")
        assert told["code"] == "idempotency_conflict"
