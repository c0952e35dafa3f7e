"""What people write in the browser is never lost, sent twice, or sent in another's name."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.harness.clients import PASSWORD
from tests.harness.pages import PATIENCE_MS
from tests.harness.unsent import kept_drafts, unsent_messages, until_kept
from tests.harness.visitors import Visitor

SEND = "**/api/messages"
CUT = "window.chatLink.io.engine.close()"
IS_ONLINE = "dispatchEvent(new Event('online'))"
NO_ROOM = """
IDBObjectStore.prototype.add = IDBObjectStore.prototype.put = () => {
  throw new DOMException("There is no room.", "QuotaExceededError");
};
"""
NO_DATABASE = """
IDBFactory.prototype.open = () => { throw new DOMException("Insecure.", "SecurityError"); };
"""
NO_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined });"


@pytest.fixture(scope="module")
def tabs_share_a_process() -> bool:
    """Give each tab a process of its own: they see one another's storage late, as people's do."""
    return False


@pytest.fixture
def profiles_are_kept() -> bool:
    """Give each test a profile of its own: some change what all its tabs can do."""
    return False


@contextmanager
def offline(page: Page) -> Iterator[None]:
    """Cut one tab off the network; the others of its browser stay connected."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {"offline": True, **conditions})
    page.evaluate(CUT)
    expect(page.get_by_role("status").filter(has_text="Offline")).to_be_visible()
    yield
    session.send("Network.emulateNetworkConditions", {"offline": False, **conditions})
    session.detach()


def take_session(page: Page, visitor: Visitor) -> None:
    """Let the browser of a page have the session of somebody else, as if they had signed in."""
    page.context.clear_cookies()
    session = visitor.http.cookies["chat_session"]
    cookie = {"name": "chat_session", "value": session, "url": visitor.url, "httpOnly": True}
    page.context.add_cookies([cookie])  # type: ignore[list-item]  # Playwright's own shape


def texts(visitor: Visitor, conversation_id: str) -> list[tuple[str, str]]:
    """Return sender and text of the stored messages of a conversation."""
    reply = visitor.http.get(f"/api/conversations/{conversation_id}/messages?limit=100")
    items = reply.raise_for_status().json()["items"]
    return [(message["sender_id"], message["content"]) for message in items]


def second_tab(visitor: Visitor) -> Visitor:
    """Return the same person at a second tab of the same browser, at the same address."""
    page = visitor.context.new_page()
    page.goto(visitor.page.url)
    tab = Visitor(visitor.url, visitor.username, visitor.user_id, page, visitor.http)
    expect(tab.box).to_be_visible()
    return tab


def sign_in(page: Page, visitor: Visitor) -> None:
    """Sign a person in by the form."""
    page.goto(f"{visitor.url}/login")
    page.get_by_role("textbox", name="Username").fill(visitor.username)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()


def wait_for_no_draft(page: Page) -> None:
    """Wait until the browser keeps no draft: the end of the session may load the page earlier."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while kept_drafts(page):
        assert time.monotonic() < end, kept_drafts(page)


def wait_for_nothing_unsent(page: Page) -> None:
    """Wait until no message waits in the browser."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while unsent_messages(page):
        assert time.monotonic() < end, unsent_messages(page)


def sign_out(page: Page, visitor: Visitor) -> None:
    """Sign out by the settings."""
    page.goto(f"{visitor.url}/settings")
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/login**")
    # The end of the session leads there, too: the page may be loaded twice.
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.wait_for_load_state("networkidle")


def test_words_are_not_sent_in_the_name_of_who_signs_in_in_another_tab(
    mira: Visitor, tomas: Visitor
) -> None:
    conversation_id = mira.open_chat_with(tomas)
    other = mira.context.new_page()
    with offline(mira.page):
        sign_out(other, mira)
        sign_in(other, tomas)
        mira.write("From Mira")
        expect(mira.message("From Mira").get_by_role("img", name="Queued")).to_be_visible()

    # The page loads the chat of the account that is signed in now.
    mira.page.wait_for_url(f"{mira.url}/")
    expect(mira.page.get_by_role("searchbox", name="Search people")).to_be_visible()
    mira.page.goto(f"{mira.url}/chat/{conversation_id}")
    expect(mira.box).to_be_visible()
    expect(mira.log.get_by_role("article")).to_have_count(0)
    assert texts(tomas, conversation_id) == []
    assert [entry["content"] for entry in unsent_messages(other)] == ["From Mira"]

    sign_out(other, tomas)
    sign_in(other, mira)

    other.goto(f"{mira.url}/chat/{conversation_id}")
    expect(other.get_by_role("img", name="Sent")).to_be_visible()
    assert texts(tomas, conversation_id) == [(mira.user_id, "From Mira")]
    # The live event may come before the answer to the post.
    wait_for_nothing_unsent(other)


def test_a_draft_just_begun_in_another_tab_is_there_after_the_next_sign_in(
    mira: Visitor, tomas: Visitor
) -> None:
    conversation_id = mira.open_chat_with(tomas)
    other = mira.context.new_page()
    other.goto(f"{mira.url}/settings")
    out = other.get_by_role("button", name="Sign out", exact=True)
    expect(out).to_be_visible()
    mira.box.fill("Begun in the other tab")
    until_kept(other, "Begun in the other tab")
    out.click()

    other.wait_for_url("**/login**")
    wait_for_no_draft(other)
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()
    other.wait_for_load_state("networkidle")
    sign_in(other, mira)
    other.goto(f"{mira.url}/chat/{conversation_id}")
    expect(other.get_by_role("textbox", name="Message")).to_have_value("Begun in the other tab")


def test_no_call_of_a_page_acts_in_the_name_of_another(mira: Visitor, tomas: Visitor) -> None:
    mira.page.goto(f"{mira.url}/settings")
    out = mira.page.get_by_role("button", name="Sign out", exact=True)
    expect(out).to_be_visible()
    take_session(mira.page, tomas)

    with mira.page.expect_response("**/api/auth/logout") as refused:
        out.click()

    assert refused.value.status == 409
    assert refused.value.request.headers["x-chat-user"] == mira.user_id
    mira.page.wait_for_url(f"{mira.url}/")
    assert tomas.http.get("/api/auth/me").status_code == 200


def test_a_page_whose_link_returns_in_another_account_shows_nothing_of_its_own(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    mira.post(sofia, "Between Mira and Sofia")
    mira.open_chat_with(sofia)
    expect(mira.message("Between Mira and Sofia")).to_be_visible()
    mira.box.fill("A draft of Mira")
    take_session(mira.page, tomas)

    mira.page.evaluate(CUT)

    mira.page.wait_for_url(f"{mira.url}/")
    expect(mira.page.get_by_role("searchbox", name="Search people")).to_be_visible()
    expect(mira.page.get_by_text("Sofia")).to_have_count(0)
    assert [record["user_id"] for record in kept_drafts(mira.page)] == [mira.user_id]


PORTAL = "<!doctype html><h1>Welcome to our WLAN</h1>"


ANSWERS = {
    "200-page": {"status": 200, "content_type": "text/html", "body": PORTAL},
    "200-json": {"status": 200, "content_type": "application/json", "body": '{"status": "ok"}'},
    "302": {"status": 302, "headers": {"location": "/login"}},
    "403-page": {"status": 403, "content_type": "text/html", "body": PORTAL},
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_message_waits_where_something_else_answers(
    mira: Visitor, tomas: Visitor, answer: str
) -> None:
    def portal(route: Route) -> None:
        route.fulfill(**ANSWERS[answer])  # type: ignore[arg-type]  # what Playwright takes

    conversation_id = mira.open_chat_with(tomas)
    mira.page.route(SEND, portal)
    with mira.page.expect_request(SEND):
        mira.write("Not lost")
    expect(mira.message("Not lost").get_by_role("img", name="Queued")).to_be_visible()
    assert [entry["content"] for entry in unsent_messages(mira.page)] == ["Not lost"]
    mira.page.unroute(SEND)

    mira.page.evaluate(IS_ONLINE)

    expect(mira.message("Not lost").get_by_role("img", name="Sent")).to_be_visible()
    assert texts(tomas, conversation_id) == [(mira.user_id, "Not lost")]


def test_an_edit_stays_in_the_box_where_something_else_answers(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.post(tomas, "Before")
    mira.open_chat_with(tomas)
    expect(mira.message("Before")).to_be_visible()
    mira.page.route(f"{SEND}/*", lambda route: route.fulfill(status=200, body=PORTAL))
    mira.box.press("ArrowUp")
    expect(mira.box).to_have_value("Before")

    mira.write("After")

    expect(mira.page.get_by_text("The chat cannot be reached right now.")).to_be_visible()
    expect(mira.box).to_have_value("After")


@pytest.mark.parametrize("script", [NO_ROOM, NO_DATABASE], ids=["full", "none"])
def test_words_that_the_browser_cannot_store_are_shown_and_sent(
    mira: Visitor, tomas: Visitor, script: str
) -> None:
    mira.context.add_init_script(script)
    conversation_id = mira.open_chat_with(tomas)
    mira.page.route(SEND, lambda route: route.abort())

    mira.write("First")
    mira.write("Second")

    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(2)
    expect(mira.box).to_have_value("")
    expect(mira.page.get_by_role("alert").filter(has_text="cannot store")).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    mira.page.on("dialog", stay)
    mira.page.close(run_before_unload=True)
    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(2)
    assert asked == ["beforeunload"]
    mira.page.remove_listener("dialog", stay)

    mira.page.unroute(SEND)
    mira.page.evaluate(IS_ONLINE)

    expect(mira.log.get_by_role("img", name="Sent")).to_have_count(2)
    assert texts(tomas, conversation_id) == [(mira.user_id, "First"), (mira.user_id, "Second")]


def write_at_once(tab: Visitor, text: str) -> None:
    """Write a message and send it.

    `fill` selects what is there and inserts the text afterwards: in between the draft of another
    tab may come into the box.
    """
    tab.box.evaluate(
        """(box, text) => {
          box.value = text;
          box.dispatchEvent(new InputEvent("input", { bubbles: true }));
        }""",
        text,
    )
    tab.box.press("Enter")


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no-locks"])
@pytest.mark.parametrize("each", [10, pytest.param(20, marks=pytest.mark.only_in_test_all)])
def test_two_tabs_that_write_lose_nothing(
    mira: Visitor, tomas: Visitor, each: int, *, locks: bool
) -> None:
    if not locks:
        mira.context.add_init_script(NO_LOCKS)
    conversation_id = mira.open_chat_with(tomas)
    other = second_tab(mira)
    blocked = [True]

    def answer(route: Route) -> None:
        if blocked:
            route.abort()
        else:
            route.continue_()

    mira.context.route(SEND, answer)
    offline = each - 4
    for number in range(offline):
        for tab, name in ((mira, "One"), (other, "Other")):
            write_at_once(tab, f"{name} {number}.")
            expect(tab.message(f"{name} {number}.")).to_be_visible()
    blocked.clear()
    for tab in (mira, other):
        tab.page.evaluate(IS_ONLINE)
    for number in range(offline, each):
        write_at_once(mira, f"One {number}.")
        write_at_once(other, f"Other {number}.")

    for tab, name in ((mira, "One"), (other, "Other")):
        expect(tab.message(f"{name} {each - 1}.")).to_be_visible()
        expect(tab.log.get_by_role("article")).to_have_count(2 * each)
        expect(tab.log.get_by_role("img", name="Queued")).to_have_count(0)
    stored = [text for _, text in texts(tomas, conversation_id)]
    both = ("One", "Other")
    assert stored[: 2 * offline] == [f"{name} {n}." for n in range(offline) for name in both]
    assert sorted(stored) == sorted(f"{name} {n}." for n in range(each) for name in both)


@pytest.mark.parametrize("count", [12, pytest.param(25, marks=pytest.mark.only_in_test_all)])
def test_fast_typing_sends_every_message_once(mira: Visitor, tomas: Visitor, count: int) -> None:
    conversation_id = mira.open_chat_with(tomas)
    lines = [f"Line {number}" for number in range(count)]

    mira.box.focus()
    mira.page.keyboard.type("".join(f"{line}\n" for line in lines) + "And a draft")

    expect(mira.log.get_by_role("img", name="Sent")).to_have_count(len(lines))
    expect(mira.box).to_have_value("And a draft")
    assert [text for _, text in texts(tomas, conversation_id)] == lines
    mira.page.reload()
    expect(mira.box).to_have_value("And a draft")


def test_sending_in_one_tab_leaves_the_draft_of_another(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    other = second_tab(mira)
    long_draft = "A long draft. " * 50
    mira.box.fill(long_draft)
    expect(other.box).to_have_value(long_draft)

    other.box.fill("Short")
    # A tab with nothing of its own in the box shows what another one writes, or keeps again.
    until_kept(mira.page, long_draft, "Short")
    other.box.press("Enter")

    expect(other.message("Short").get_by_role("img", name="Sent")).to_be_visible()
    expect(other.box).to_have_value("")
    expect(mira.box).to_have_value(long_draft)
    mira.page.reload()
    expect(mira.box).to_have_value(long_draft)
    assert texts(tomas, conversation_id) == [(mira.user_id, "Short")]


def test_a_draft_is_not_changed_under_the_hands_of_its_writer(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    other = second_tab(mira)
    other.box.fill("Written here")

    mira.box.fill("Written there")
    mira.write("Written there and sent")

    expect(other.message("Written there and sent")).to_be_visible()
    expect(other.box).to_have_value("Written here")
    other.page.reload()
    expect(other.box).to_have_value("Written here")


def test_signing_out_leaves_drafts_to_the_account_and_keeps_what_waits(
    mira: Visitor, tomas: Visitor
) -> None:
    conversation_id = mira.open_chat_with(tomas)
    mira.context.route(SEND, lambda route: route.abort())
    mira.write("Waits")
    expect(mira.message("Waits").get_by_role("img", name="Queued")).to_be_visible()
    mira.box.fill("A draft")
    mira.until_draft(conversation_id, "A draft")

    sign_out(mira.page, mira)

    wait_for_no_draft(mira.page)
    assert [entry["content"] for entry in unsent_messages(mira.page)] == ["Waits"]
    mira.context.unroute(SEND)
    sign_in(mira.page, mira)
    mira.page.goto(f"{mira.url}/chat/{conversation_id}")
    expect(mira.message("Waits").get_by_role("img", name="Sent")).to_be_visible()
    expect(mira.box).to_have_value("A draft")


def test_what_an_earlier_version_kept_is_moved_and_sent(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    entry = {"client_id": "kept-1", "conversation_id": conversation_id, "content": "Kept"}
    kept = json.dumps([{**entry, "at": "2026-11-28T12:00:00.000Z", "reason": ""}])
    put = "([key, text]) => localStorage.setItem(key, text)"
    mira.page.evaluate(put, [f"chat.outbox.{mira.user_id}", kept])
    mira.page.evaluate(put, [f"chat.draft.{mira.user_id}.{conversation_id}", "A draft"])

    mira.page.reload()

    expect(mira.message("Kept").get_by_role("img", name="Sent")).to_be_visible()
    expect(mira.box).to_have_value("A draft")
    assert texts(tomas, conversation_id) == [(mira.user_id, "Kept")]


def test_control_characters_of_pasted_text_are_left_out(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)

    mira.write("one\u000btwo\u0007")

    expect(mira.message("one").get_by_role("img", name="Sent")).to_be_visible()
    assert texts(tomas, conversation_id) == [(mira.user_id, "one\ntwo")]
