"""The shell around the pages: it stays while they change."""

import re
from uuid import uuid4

import httpx
from playwright.sync_api import Page, expect

from tests.harness.clients import PASSWORD
from tests.harness.pages import wait_until
from tests.harness.tls import trusted
from tests.harness.visitors import CHAT, Visitor

CONVERSATIONS = 30
SCROLLED = 400
LIST = "nav[aria-label=Conversations]"
KEPT = f"{LIST}, .side [type=search], chat-connection, chat-news"


def post_as_somebody(receiver: Visitor, text: str) -> None:
    """Send a message from a new person."""
    body = {"username": f"somebody-{uuid4().hex[:10]}", "password": PASSWORD, "tokens": False}
    headers = {"Origin": receiver.url}
    with httpx.Client(base_url=receiver.url, headers=headers, verify=trusted()) as http:
        http.post("/api/auth/register", json=body).raise_for_status()
        message = {"receiver_id": receiver.user_id, "content": text}
        http.post("/api/messages", json=message).raise_for_status()


def mark(page: Page) -> None:
    """Mark the elements of the shell, and scroll the list of conversations."""
    page.evaluate(
        """([kept, list, scrolled]) => {
          for (const element of document.querySelectorAll(kept)) element.isTheSame = true;
          document.querySelector(list).scrollTop = scrolled;
        }""",
        [KEPT, LIST, SCROLLED],
    )


def kept(page: Page) -> tuple[list[bool], int]:
    """Return whether the elements of the shell are the marked ones, and the scroll position."""
    same = page.evaluate(
        "kept => [...document.querySelectorAll(kept)].map((one) => one.isTheSame === true)", KEPT
    )
    return same, page.locator(LIST).evaluate("list => list.scrollTop")


def test_the_shell_stays_while_its_pages_change(mira: Visitor) -> None:
    page = mira.page
    for number in range(CONVERSATIONS):
        post_as_somebody(mira, f"Hello from {number}")
    mira.open_home()
    rows = mira.conversations.get_by_role("listitem")
    expect(rows).to_have_count(CONVERSATIONS)
    mark(page)
    unchanged = ([True] * 4, SCROLLED)
    assert kept(page) == unchanged

    rows.nth(12).get_by_role("link").click()
    page.wait_for_url(CHAT)
    expect(mira.box).to_be_focused()
    assert kept(page) == unchanged
    first = page.url
    rows.nth(13).get_by_role("link").click()
    page.wait_for_url(lambda url: url != first)
    expect(mira.message("Hello from")).to_have_count(1)
    assert kept(page) == unchanged
    for name in ("People", "Settings"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1, name=name)).to_be_focused()
        assert kept(page) == unchanged
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="People")).to_be_visible()
    page.go_back()
    expect(mira.message("Hello from")).to_have_count(1)
    expect(rows.nth(13).get_by_role("link")).to_have_attribute("aria-current", "page")
    page.go_back()
    page.wait_for_url(first)
    page.go_back()
    page.wait_for_url(re.compile(r"/$"))
    assert kept(page) == unchanged


def test_a_word_being_searched_keeps_the_focus_when_the_reader_goes_back(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post(mira, "Hello")
    mira.open_home()
    mira.conversations.get_by_role("link").click()
    expect(mira.box).to_be_focused()
    field = mira.page.get_by_role("searchbox", name="Search people")
    field.focus()

    mira.page.go_back()

    expect(mira.page.get_by_text("Choose a conversation")).to_be_visible()
    expect(field).to_be_focused()


def test_a_conversation_opened_by_its_address_has_the_shell(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Hello")
    mira.open_chat_with(tomas)
    mira.page.reload()

    expect(mira.message("Hello")).to_be_visible()

    expect(mira.page.get_by_role("main")).to_have_attribute("data-view", "chat")
    expect(mira.conversations.get_by_role("link")).to_have_attribute("aria-current", "page")
    wait_until(mira.page, "() => document.querySelectorAll('h1').length === 1")
