"""Scheduled messages and reminders over the wire: live lists, due notices, forged arguments."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.harness.clients import Json, Person, as_json
from tests.harness.tabs import Tab, state_name

SCHEDULED = state_name("scheduled.state", "scheduled_state")
REMINDERS = state_name("reminders.state", "reminders_state")
PATH = "/scheduled"
# The server's clock is that of its database.
CLOCKS_DIFFER_S = 1
FORGED: list[object] = ["", "me", "a" * 50_000, "../..", "\u202e", None, 7, -1, [], {"id": 1}, True]


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def schedule(person: Person, content: str, **fields: object) -> Json:
    """Schedule a message, by default for in an hour."""
    body = {"content": content, "client_id": str(uuid4()), "send_at": at(3_600)} | fields
    reply = await person.http.post("/api/scheduled", json=body)
    assert reply.status_code == 201, reply.text
    return as_json(reply)


async def remind(person: Person, message: Json, seconds: float) -> None:
    """Remind a person of a message."""
    path = f"/api/messages/{message['id']}/reminder"
    reply = await person.http.put(path, json={"at": at(seconds)})
    assert reply.status_code == 200, reply.text


def texts(tab: Tab, name: str = "scheduled") -> list[str]:
    return [row["text"] for row in tab.rows(name)]


async def test_the_list_follows_what_becomes_of_scheduled_messages(
    ada: Person, bea: Person
) -> None:
    here = (await ada.opened(bea))["id"]
    first = await schedule(ada, "First", conversation_id=here)
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(PATH)
        await tab.until(lambda: texts(tab) == ["First"])
        (row,) = tab.rows("scheduled")
        assert (row["name"], row["href"], row["state"]) == ("Bea", f"/chat/{here}", "waiting")

        await schedule(ada, "Sooner", receiver_id=bea.id, send_at=at(1_800))
        await tab.until(lambda: texts(tab) == ["Sooner", "First"])
        assert [row["name"] for row in tab.rows("scheduled")] == ["Bea", "Bea"]
        changes = {"content": "Later", "send_at": at(7_200)}
        await ada.http.patch(f"/api/scheduled/{first['id']}", json=changes)
        await tab.until(lambda: texts(tab) == ["Sooner", "Later"])

        sooner = tab.rows("scheduled")[0]["id"]
        await tab.send(f"{SCHEDULED}.send_now", {"item_id": sooner}, path=PATH)
        await tab.until(lambda: texts(tab) == ["Later"])
        assert [one["content"] for one in await ada.whole_history(bea)] == ["Sooner"]

        await tab.send(f"{SCHEDULED}.ask", {"item_id": first["id"]}, path=PATH)
        await tab.until(lambda: tab.var(SCHEDULED, "asked_id") == first["id"])
        await tab.send(f"{SCHEDULED}.delete", path=PATH)
        await tab.until(lambda: texts(tab) == [])
        assert tab.var(SCHEDULED, "asked_id") == ""


async def test_a_refused_message_shows_why_and_can_be_sent_again(ada: Person, bea: Person) -> None:
    group = await bea.make_group(ada, title="Choir")
    here = group["id"]
    await schedule(ada, "I cannot come", conversation_id=here)
    await bea.write(ada, "Hello")
    await schedule(ada, "Hello", receiver_id=bea.id)
    await bea.http.delete(f"/api/conversations/{here}/members/{ada.id}")
    await bea.block(ada)
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(PATH)
        await tab.until(lambda: len(tab.rows("scheduled")) == 2)
        for row in tab.rows("scheduled"):
            await tab.send(f"{SCHEDULED}.send_now", {"item_id": row["id"]}, path=PATH)
        await tab.until(lambda: [row["state"] for row in tab.rows("scheduled")] == ["refused"] * 2)
        reasons = {row["text"]: row["reason"] for row in tab.rows("scheduled")}
        assert reasons == {
            "I cannot come": "You are no longer in this conversation, or it was deleted.",
            "Hello": "You cannot write to this person.",
        }
        lost = next(row for row in tab.rows("scheduled") if row["text"] == "I cannot come")
        assert (lost["name"], lost["href"]) == ("A conversation of earlier", "")

        await bea.http.delete(f"/api/blocks/{ada.id}")
        again = next(row["id"] for row in tab.rows("scheduled") if row["text"] == "Hello")
        await tab.send(f"{SCHEDULED}.send_now", {"item_id": again}, path=PATH)
        await tab.until(lambda: texts(tab) == ["I cannot come"])


async def test_reminders_are_listed_until_they_are_removed_or_had(ada: Person, bea: Person) -> None:
    first, second = await bea.write_all(ada, "First", "Second")
    await remind(ada, first, 3_600)
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(PATH)
        await tab.until(lambda: texts(tab, "reminders") == ["First"])
        (row,) = tab.rows("reminders")
        assert row["href"] == f"/chat/{first['conversation_id']}?at=1"
        assert (row["author"], row["about"]) == ("Bea", "Bea")
        await remind(ada, second, 3_000)
        await tab.until(lambda: texts(tab, "reminders") == ["Second", "First"])
        # A patch that was lost with the link does not matter: all are sent again.
        tab.lists["reminders"].rows["lost"] = tab.lists["reminders"].rows.pop(first["id"])
        await tab.send(f"{SCHEDULED}.load_again", path=PATH)
        await tab.until(lambda: texts(tab, "reminders") == ["Second", "First"])
        await bea.http.patch(f"/api/messages/{second['id']}", json={"content": "Second!"})
        await tab.until(lambda: texts(tab, "reminders") == ["Second!", "First"])

        await ada.http.delete(f"/api/messages/{first['id']}/reminder")
        await tab.until(lambda: texts(tab, "reminders") == ["Second!"])
        await bea.http.delete(f"/api/messages/{second['id']}")
        await tab.until(lambda: texts(tab, "reminders") == [])
    assert as_json(await ada.http.get("/api/reminders"))["items"] == []


async def test_a_tab_is_told_the_time_whenever_its_link_opens(ada: Person) -> None:
    before = datetime.now(UTC).timestamp() - CLOCKS_DIFFER_S
    for _ in range(2):
        async with Tab.open(ada.url, cookie=ada.cookie) as tab:
            await tab.hydrate(PATH)
            await tab.until(lambda tab=tab: tab.fact("clock", "now"))  # type: ignore[misc]  # a default that binds
            now = tab.fact("clock", "now") / 1_000
            assert before < now < datetime.now(UTC).timestamp() + CLOCKS_DIFFER_S
            before = now


async def test_every_tab_is_sent_a_reminder_that_is_due(ada: Person, bea: Person) -> None:
    message = await bea.write(ada, "Bread!")
    async with (
        Tab.open(ada.url, cookie=ada.cookie) as one,
        Tab.open(ada.url, cookie=ada.cookie) as other,
    ):
        for tab in (one, other):
            await tab.hydrate("/settings")
            await tab.until(lambda tab=tab: tab.fact("conversations", "loaded"))  # type: ignore[misc]  # a default that binds
        await remind(ada, message, 2)
        for tab in (one, other):
            await tab.until(lambda tab=tab: texts(tab, "due") == ["Bread!"])  # type: ignore[misc]  # a default that binds
            (row,) = tab.rows("due")
            assert (row["author"], row["href"]) == (
                "Bea",
                f"/chat/{message['conversation_id']}?at=1",
            )
        await bea.http.delete(f"/api/messages/{message['id']}")
        await one.until(lambda: one.rows("due") == [])


async def test_a_dismissed_reminder_is_withdrawn_from_every_tab_and_one_set_again_stays(
    ada: Person, bea: Person
) -> None:
    message = await bea.write(ada, "Bread!")
    async with (
        Tab.open(ada.url, cookie=ada.cookie) as one,
        Tab.open(ada.url, cookie=ada.cookie) as other,
    ):
        for tab in (one, other):
            await tab.hydrate(PATH)
            await tab.until(lambda tab=tab: tab.fact("scheduled", "loaded"))  # type: ignore[misc]  # a default that binds

        async def until(due: list[str], listed: list[str]) -> None:
            for tab in (one, other):
                await tab.until(
                    lambda tab=tab: (texts(tab, "due"), texts(tab, "reminders")) == (due, listed)  # type: ignore[misc]  # a default that binds
                )

        await remind(ada, message, 2)
        await until(["Bread!"], [])
        await one.send(f"{REMINDERS}.dismiss", {"message_id": message["id"]})
        await until([], [])

        await remind(ada, message, 2)
        await until(["Bread!"], [])
        # Another time answers the notice. A device that shows it still may dismiss it.
        await remind(ada, message, 3_600)
        await until([], ["Bread!"])
        for value in (message["id"], *FORGED):
            await one.send(f"{REMINDERS}.dismiss", {"message_id": value})
        for tab in (one, other):
            await tab.settled()
        await until([], ["Bread!"])
    assert len(as_json(await ada.http.get("/api/reminders"))["items"]) == 1


async def test_a_reminder_that_came_while_away_is_sent_to_the_next_tab_once(
    ada: Person, bea: Person
) -> None:
    message = await bea.write(ada, "Bread!")
    await remind(ada, message, 2)
    while not (reminders := as_json(await ada.http.get("/api/reminders"))["items"])[0]["due"]:
        await asyncio.sleep(0.05)
    assert len(reminders) == 1
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/people")
        await tab.until(lambda: texts(tab, "due") == ["Bread!"])
    while as_json(await ada.http.get("/api/reminders"))["items"]:
        await asyncio.sleep(0.05)
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(PATH)
        await tab.until(lambda: tab.fact("scheduled", "loaded"))
        await tab.settled()
        assert texts(tab, "due") == texts(tab, "reminders") == []


async def test_strangers_see_nothing_and_forged_arguments_change_nothing(
    ada: Person, bea: Person, eve: Person
) -> None:
    message = await bea.write(ada, "First")
    item = await schedule(ada, "Later", receiver_id=bea.id)
    await remind(ada, message, 3_600)
    async with Tab.open(eve.url, cookie=eve.cookie) as tab:
        await tab.hydrate(PATH)
        for value in [item["id"], message["id"], *FORGED]:
            await tab.send(f"{SCHEDULED}.send_now", {"item_id": value})
            await tab.send(f"{SCHEDULED}.ask", {"item_id": value})
            await tab.send(f"{SCHEDULED}.delete")
            await tab.send(f"{REMINDERS}.dismiss", {"message_id": value})
        for handler in ("load", "load_again", "dismiss", "close"):
            await tab.send(f"{SCHEDULED}.{handler}")
        await tab.settled()
        assert (tab.rows("scheduled"), tab.rows("reminders")) == ([], [])
        assert len(str(tab.var(SCHEDULED, "failed_id"))) <= 100
    listed = as_json(await ada.http.get("/api/scheduled"))
    assert [one["id"] for one in listed["items"]] == [item["id"]]
    assert len(as_json(await ada.http.get("/api/reminders"))["items"]) == 1
