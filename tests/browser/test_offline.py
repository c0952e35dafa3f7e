"""Opening the chat without a connection: what was seen in this browser is there."""

import pytest
from playwright.sync_api import Route, expect

from tests.harness.pages import wait_until
from tests.harness.visitors import NewVisitor, Visitor

# The worker has kept the files of every page, and the browser has kept the lists.
IS_KEPT = """async () => {
  const files = await caches.open("chat-files");
  const pages = await caches.open("chat-pages");
  return (await files.keys()).length > 20 && (await pages.keys()).length === 5;
}"""
KEPT_LISTS = """async ([user, names, group]) => {
  // An opening would make it.
  if (!(await indexedDB.databases()).some(({ name }) => name === `chat-kept-${user}`)) return false;
  const opening = indexedDB.open(`chat-kept-${user}`);
  const database = await new Promise((done) => (opening.onsuccess = () => done(opening.result)));
  if (!database.objectStoreNames.contains("lists")) return false;
  const asking = database.transaction("lists").objectStore("lists").getAll();
  const kept = await new Promise((done) => (asking.onsuccess = () => done(asking.result)));
  database.close();
  const has = ({ rows }) => rows.some((row) => !group || row.group === group);
  return names.every((name) => kept.some((list) => list.name === name && has(list)));
}"""

DAMAGE = """async (user) => {
  const opening = indexedDB.open(`chat-kept-${user}`);
  const database = await new Promise((done) => (opening.onsuccess = () => done(opening.result)));
  const transaction = database.transaction("lists", "readwrite");
  const store = transaction.objectStore("lists");
  const asking = store.getAll();
  asking.onsuccess = () => asking.result.forEach((list) => store.put({ ...list, DAMAGE }));
  await new Promise((done) => (transaction.oncomplete = done));
  database.close();
}"""


@pytest.fixture
def profiles_are_kept() -> bool:
    """Return that no other test may use the profiles: they have a service worker."""
    return False


def test_seen_conversations_open_without_a_connection(
    new_visitor: NewVisitor, tomas: Visitor, sofia: Visitor
) -> None:
    mira = new_visitor("Mira Lind", service_workers="allow")
    for other, text in ((tomas, "Seen from Tomas"), (sofia, "Seen from Sofia")):
        other.post(mira, text)
    for other in (sofia, tomas):
        conversation_id = mira.open_chat_with(other)
        lists = ["conversations", "chats", f"messages:{conversation_id}"]
        wait_until(mira.page, KEPT_LISTS, [mira.user_id, lists])
    wait_until(mira.page, IS_KEPT)

    mira.context.set_offline(True)
    mira.page.reload()

    expect(mira.message("Seen from Tomas")).to_be_visible()
    expect(mira.page.get_by_role("status").filter(has_text="Offline")).to_be_visible()
    mira.conversations.get_by_role("link", name="Sofia Brandt").click()
    expect(mira.message("Seen from Sofia")).to_be_visible()
    mira.write("Written without a connection")
    expect(mira.message("Written without a connection")).to_be_visible()

    mira.context.set_offline(False)
    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(0)
    sofia.open_chat_with(mira)
    expect(sofia.message("Written without a connection")).to_have_count(1)


def test_people_and_the_own_name_open_without_a_connection(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind", service_workers="allow")
    tomas.http.post("/api/friends/request", json={"user_id": mira.user_id}).raise_for_status()
    page = mira.page
    page.goto(f"{mira.url}/people")
    page.get_by_role("region", name="Requests").get_by_role("button", name="Accept").click()
    friends = page.get_by_role("region", name="Friends")
    expect(friends.get_by_text("Tomas Okafor")).to_be_visible()
    wait_until(page, IS_KEPT)
    wait_until(page, KEPT_LISTS, [mira.user_id, ["people"], "friends"])
    page.goto(mira.url)
    expect(page.locator(".who").get_by_text("Mira Lind")).to_be_visible()

    mira.context.set_offline(True)
    page.reload()
    page.get_by_role("link", name="People", exact=True).click()

    expect(friends.get_by_text("Tomas Okafor")).to_be_visible()
    expect(page.locator(".who").get_by_text("Mira Lind")).to_be_visible()
    expect(page.locator(".who").get_by_text(f"@{mira.username}")).to_be_visible()


def test_signing_out_removes_what_was_kept(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Private")
    mira.open_chat_with(tomas)
    expect(mira.message("Private")).to_be_visible()
    wait_until(mira.page, KEPT_LISTS, [mira.user_id, ["conversations"]])

    mira.page.get_by_role("button", name="Sign out").click()
    mira.page.wait_for_url("**/login")

    names = "async () => (await indexedDB.databases()).map(({ name }) => name)"
    assert f"chat-kept-{mira.user_id}" not in mira.page.evaluate(names)
    assert mira.page.evaluate("localStorage.getItem('chat.account')") is None


def test_a_session_that_ended_elsewhere_removes_what_was_kept(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post(mira, "Private")
    mira.open_chat_with(tomas)
    wait_until(mira.page, KEPT_LISTS, [mira.user_id, ["conversations"]])

    mira.http.post("/api/auth/logout").raise_for_status()
    mira.page.wait_for_url("**/login**")

    names = "async () => (await indexedDB.databases()).every(({ name }) => !/kept/.test(name))"
    wait_until(mira.page, names)
    mira.page.goto(f"{mira.url}/")
    mira.page.wait_for_url("**/login**")
    expect(mira.page.get_by_text("Private")).to_have_count(0)


def test_a_second_tab_that_is_offline_shows_nothing_after_signing_out(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post(mira, "Private")
    mira.open_chat_with(tomas)
    other = mira.context.new_page()
    other.goto(mira.page.url)
    expect(other.get_by_text("Private").first).to_be_visible()
    # The link of this tab is down: only the other tab knows of the end.
    mira.page.evaluate("window.chatLink.disconnect()")

    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/login")

    expect(mira.page.get_by_text("Private")).to_have_count(0)
    other.close()


def test_kept_rows_that_were_damaged_are_loaded_again(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Still there")
    conversation_id = mira.open_chat_with(tomas)
    lists = ["conversations", "chats", f"messages:{conversation_id}"]
    wait_until(mira.page, KEPT_LISTS, [mira.user_id, lists])
    for damage in ("rows: null", "rows: [null], about: null", "rows: [{ id: 1, text: {} }]"):
        mira.page.evaluate(DAMAGE.replace("DAMAGE", damage), mira.user_id)

        mira.page.reload()

        expect(mira.message("Still there")).to_be_visible()
        expect(mira.conversations.get_by_role("link")).to_have_count(1)


def test_the_answers_of_a_captive_portal_are_not_kept(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind", service_workers="allow")
    tomas.post(mira, "Seen")
    conversation_id = mira.open_chat_with(tomas)
    wait_until(mira.page, KEPT_LISTS, [mira.user_id, [f"messages:{conversation_id}"]])
    wait_until(mira.page, IS_KEPT)

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="Please sign in to the network.")

    mira.context.route("**/*", answer)
    mira.page.goto(f"{mira.url}/people")
    expect(mira.page.get_by_text("Please sign in to the network.")).to_be_visible()
    mira.context.unroute("**/*", answer)
    mira.context.set_offline(True)

    mira.page.goto(f"{mira.url}/chat/{conversation_id}")
    expect(mira.message("Seen")).to_be_visible()
    mira.page.goto(f"{mira.url}/people")
    expect(mira.page.get_by_role("heading", name="People")).to_be_visible()
