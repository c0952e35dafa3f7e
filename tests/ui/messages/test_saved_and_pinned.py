"""Saved and pinned messages over the wire: live lists, and forged arguments of handlers."""

from tests.harness.clients import Json, Person, as_json
from tests.harness.tabs import TIMELINE, Tab, state_name

SAVED = state_name("saved.state", "saved_state")
PINNED = state_name("pinned.state", "pinned_state")
FORGED: list[object] = ["", "me", "a" * 50_000, "../..", "\u202e", None, 7, -1, [], {"id": 1}, True]


def texts(tab: Tab, name: str) -> list[str]:
    return [row["text"] for row in tab.rows(name)]


async def keep(person: Person, message: Json, part: str, *, on: bool = True) -> None:
    """Save or pin a message, or not any more."""
    method = "PUT" if on else "DELETE"
    reply = await person.http.request(method, f"/api/messages/{message['id']}/{part}")
    assert reply.status_code in {200, 204}, reply.text


async def test_saved_messages_follow_what_becomes_of_them(ada: Person, bea: Person) -> None:
    first, second = await bea.write_all(ada, "First", "Second")
    await keep(ada, first, "save")
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/saved")
        await tab.until(lambda: texts(tab, "bookmarks") == ["First"])
        (row,) = tab.rows("bookmarks")
        assert row["href"] == f"/chat/{first['conversation_id']}?at=1"
        assert (row["author"], row["about"]) == ("Bea", "Bea")
        await tab.send(f"{SAVED}.follow", path="/saved")
        await tab.until(lambda: [one["id"] for one in tab.rows("saved")] == [first["id"]])

        await keep(ada, second, "save")
        await tab.until(lambda: texts(tab, "bookmarks") == ["Second", "First"])
        assert {one["id"] for one in tab.rows("saved")} == {first["id"], second["id"]}
        edit = {"content": "Second!"}
        await bea.http.patch(f"/api/messages/{second['id']}", json=edit)
        await tab.until(lambda: texts(tab, "bookmarks") == ["Second!", "First"])
        await bea.http.delete(f"/api/messages/{second['id']}")
        await tab.until(lambda: texts(tab, "bookmarks") == ["First"])
        await keep(ada, first, "save", on=False)
        await tab.until(lambda: texts(tab, "bookmarks") == [])
        await tab.until(lambda: [one["id"] for one in tab.rows("saved")] == [second["id"]])


async def test_a_page_that_missed_a_change_of_saved_messages_is_sent_all(
    ada: Person, bea: Person
) -> None:
    first, second = await bea.write_all(ada, "First", "Second")
    await keep(ada, first, "save")
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate("/saved")
        await tab.until(lambda: texts(tab, "bookmarks") == ["First"])
        # The patch was lost with the link.
        tab.lists["bookmarks"].rows["lost"] = tab.lists["bookmarks"].rows.pop(first["id"])
        await keep(ada, second, "save")
        await tab.send(f"{SAVED}.load_again", path="/saved")
        await tab.until(lambda: texts(tab, "bookmarks") == ["Second", "First"])


async def test_pinned_messages_follow_what_becomes_of_them(ada: Person, bea: Person) -> None:
    first, second = await bea.write_all(ada, "First", "Second")
    here = first["conversation_id"]
    path = f"/chat/{here}"
    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(path)
        await tab.send(f"{PINNED}.toggle", {"conversation_id": here}, path=path)
        await tab.until(lambda: tab.fact("pinned", "loaded"))
        assert tab.rows("pinned") == []

        await keep(bea, first, "pin")
        await tab.until(lambda: texts(tab, "pinned") == ["First"])
        assert tab.rows("pinned")[0]["about"] == "Pinned by Bea"
        await keep(ada, second, "pin")
        await tab.until(lambda: texts(tab, "pinned") == ["Second", "First"])
        await keep(bea, first, "pin", on=False)
        await tab.until(lambda: texts(tab, "pinned") == ["Second"])
        await bea.http.delete(f"/api/messages/{second['id']}")
        await tab.until(lambda: tab.rows("pinned") == [])
        await tab.send(f"{PINNED}.toggle", {"conversation_id": here}, path=path)
        await tab.until(lambda: tab.fact("pinned", "id") == "")


async def test_strangers_see_no_pins_and_forged_arguments_change_nothing(
    ada: Person, bea: Person, eve: Person
) -> None:
    message = await bea.write(ada, "First")
    await keep(ada, message, "pin")
    await keep(ada, message, "save")
    async with Tab.open(eve.url, cookie=eve.cookie) as tab:
        await tab.hydrate("/")
        forged = [message["conversation_id"], message["id"], *FORGED]
        for value in forged:
            await tab.send(f"{PINNED}.toggle", {"conversation_id": value})
            await tab.send(f"{PINNED}.follow", {"conversation_id": value})
        for handler in ("follow", "load_again", "load_more", "close"):
            await tab.send(f"{SAVED}.{handler}")
        await tab.settled()
        assert (tab.rows("pinned"), tab.rows("saved"), tab.rows("bookmarks")) == ([], [], [])
    saved = as_json(await ada.http.get("/api/saved"))
    assert [one["message"]["id"] for one in saved["items"]] == [message["id"]]


async def test_a_page_around_a_message_has_it_in_its_middle(ada: Person, bea: Person) -> None:
    written = await bea.write_fast(ada, *(f"Number {number}" for number in range(1, 121)))
    here = written[0]["conversation_id"]
    path = f"/chat/{here}"

    async def ask(kind: str, seq: object) -> None:
        payload = {"conversation_id": here, "kind": kind, "seq": seq}
        await tab.send(f"{TIMELINE}.send_page", payload, path=path)

    async with Tab.open(ada.url, cookie=ada.cookie) as tab:
        await tab.hydrate(path)
        await tab.until(lambda: len(tab.messages(here)) == 50)
        await ask("around", 30)
        await tab.until(lambda: tab.fact(f"messages:{here}", "page") == "around")
        seqs = [row["order"] for row in tab.messages(here)]
        assert {5, 30, 54} <= set(seqs)
        for seq in FORGED:
            await ask("around", seq)
        await tab.settled()
