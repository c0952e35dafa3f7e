"""Opening the chat without a connection: what was seen in this browser is there."""

import pytest
from playwright.sync_api import expect

from tests.harness.pages import wait_until
from tests.harness.visitors import NewVisitor, Visitor

# The worker has kept the files of every page, and the browser has kept the lists.
IS_KEPT = """async () => {
  const files = await caches.open("chat-files");
  const pages = await caches.open("chat-pages");
  return (await files.keys()).length > 20 && (await pages.keys()).length === 4;
}"""
KEPT_LISTS = """async ([user, names]) => {
  // An opening would make it.
  if (!(await indexedDB.databases()).some(({ name }) => name === `chat-kept-${user}`)) return false;
  const opening = indexedDB.open(`chat-kept-${user}`);
  const database = await new Promise((done) => (opening.onsuccess = () => done(opening.result)));
  if (!database.objectStoreNames.contains("lists")) return false;
  const asking = database.transaction("lists").objectStore("lists").getAll();
  const kept = await new Promise((done) => (asking.onsuccess = () => done(asking.result)));
  database.close();
  return names.every((name) => kept.some((list) => list.name === name && list.rows.length));
}"""


@pytest.fixture
def profiles_are_kept() -> bool:
    """Return that no other test may use the profiles: they have a service worker."""
    return False


def test_what_was_seen_opens_without_a_connection(
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
