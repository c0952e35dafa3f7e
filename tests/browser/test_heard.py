"""The chat by ear: the walk of docs/reach.md by keyboard, and what the page says by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from tests.harness.clients import PASSWORD
from tests.harness.heard import Said, heard, listen
from tests.harness.pages import wait_until
from tests.harness.visitors import CHAT, NewVisitor, OpenPage, Visitor

# Longer than a change needs until it is said.
QUIET_MS = 500


@contextmanager
def said_on(page: Page) -> Iterator[list[Said]]:
    """Yield a list that has, afterwards, what the page has said in between."""
    page.wait_for_timeout(QUIET_MS)
    heard(page)
    lines: list[Said] = []
    yield lines
    page.wait_for_timeout(QUIET_MS)
    lines += heard(page)


def until_heard(page: Page, words: str) -> None:
    """Wait until a page says something, and leave it there."""
    wait_until(page, "words => globalThis.heard.some((line) => line.includes(words))", words)


@pytest.fixture
def listener(new_visitor: NewVisitor) -> Visitor:
    """Return somebody who hears the page."""
    visitor = new_visitor("Mira Lind")
    listen(visitor.page)
    return visitor


def focused(page: Page) -> str:
    """Return the role and the name of what has the focus, as a screen reader says them."""
    snapshot = page.locator(":focus").last.aria_snapshot()
    return snapshot.removeprefix("- ").splitlines()[0].rstrip(":")


def test_old_messages_are_not_said(listener: Visitor, tomas: Visitor) -> None:
    tomas.post_all(listener, [f"Old {number}" for number in range(120)])
    listener.open_home()
    page = listener.page

    with said_on(page) as said:
        listener.conversations.get_by_role("link", name="Tomas").press("Enter")
        expect(listener.message("Old 119")).to_be_visible()
        page.wait_for_timeout(QUIET_MS)
        listener.log.evaluate("log => log.scrollTo(0, 0)")
        expect(listener.message("Old 60")).to_be_attached()

    # Whether the other is online.
    assert [one for one in said if "Old" in one.text or one.interrupts] == []
    assert {one.text for one in said} <= {"Online"}


def test_each_message_is_said_once(listener: Visitor, tomas: Visitor) -> None:
    listener.open_chat_with(tomas)
    page = listener.page
    wait_until(page, "() => !document.querySelector('[role=log]').ariaBusy")

    with said_on(page) as said:
        for number in range(3):
            tomas.post(listener, f"Number {number}")
            until_heard(page, f"Number {number}")
        listener.write("An answer")
        expect(listener.message("An answer").get_by_role("img", name="Sent")).to_be_visible()

    for words in ("Number 0", "Number 1", "Number 2"):
        assert [one.interrupts for one in said if words in one.text] == [False], said
    assert len([one for one in said if "An answer" in one.text]) <= 1
    assert not any(one.interrupts for one in said)
    # The buttons and the status of a message are there to be found, and are not read out with it.
    assert not [one for one in said if "More actions" in one.text or "Sent" in one.text]


def test_typing_and_presence_are_said_once(
    listener: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    listener.open_chat_with(tomas)
    page = listener.page
    tomas.open_chat_with(listener)

    with said_on(page) as said:
        tomas.box.press_sequentially("A long sentence", delay=20)
        expect(page.get_by_text("typing")).to_be_visible()
        tomas.box.press_sequentially(" that goes on", delay=200)
        sofia.post(listener, "Elsewhere")
        expect(listener.conversations.get_by_text("Elsewhere")).to_be_visible()

    typing = [one for one in said if "typing" in one.text]
    assert len(typing) == 1
    assert not typing[0].interrupts
    assert len(said) <= 3


def test_a_lost_link_is_said_once_and_its_end(listener: Visitor, tomas: Visitor) -> None:
    listener.open_chat_with(tomas)
    page = listener.page

    with said_on(page) as said:
        listener.context.set_offline(offline=True)
        until_heard(page, "Offline")
        listener.write("Later")
        expect(listener.message("Later").get_by_role("img", name="Queued")).to_be_visible()

    assert len([one for one in said if "Offline" in one.text]) == 1
    listener.context.set_offline(offline=False)
    expect(listener.message("Later").get_by_role("img", name="Sent")).to_be_visible()


def test_a_newcomer_hears_the_way_to_a_conversation(
    new_visitor: NewVisitor, new_profile: OpenPage, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind")
    tomas.post(mira, "Hello from Tomas")
    page = new_profile()
    listen(page)
    keys = page.keyboard

    page.goto(f"{mira.url}/login")
    expect(page).to_have_title("Sign in · Chat")
    page.get_by_role("textbox", name="Username").focus()
    keys.type(mira.username)
    keys.press("Tab")
    assert focused(page) == 'textbox "Password"'
    keys.type("not the password")
    keys.press("Enter")
    until_heard(page, "The username or the password is wrong.")
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    keys.press("Enter")
    search = page.get_by_role("searchbox", name="Search people")
    expect(search).to_be_visible()

    conversations = page.get_by_role("navigation", name="Conversations")
    expect(conversations.get_by_role("link", name="Tomas")).to_be_visible()
    search.focus()
    keys.press("ArrowDown")
    assert focused(page).startswith('link "Tomas')
    assert "1 unread" in focused(page)
    keys.press("Enter")
    page.wait_for_url(CHAT)
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    expect(page.get_by_role("heading", name="Tomas")).to_be_visible()


def test_the_focus_is_never_lost_in_a_conversation(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Hello from Tomas")
    mira.open_chat_with(tomas)
    page, keys = mira.page, mira.page.keyboard

    mira.write("Hello back")
    # Only what the server has sent back can be edited.
    stored = mira.message("Hello back").get_by_role("button", name="More actions")
    expect(stored).to_be_attached()
    keys.press("ArrowUp")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    keys.press("Escape")
    expect(mira.box).to_be_focused()

    more = mira.log.get_by_role("article").first.get_by_role("button", name="More actions")
    more.focus()
    keys.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    assert focused(page).startswith("menuitem")
    keys.press("Escape")
    expect(more).to_be_focused()

    keys.press("Control+K")
    expect(page.get_by_role("searchbox", name="Go to")).to_be_focused()
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(more).to_be_focused()

    for opener, dialog in (("Emoji", "Emoji"), ("Shared files", "Shared files")):
        button = page.get_by_role("button", name=opener, exact=True)
        button.focus()
        keys.press("Enter")
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
        assert focused(page) != ""
        keys.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
