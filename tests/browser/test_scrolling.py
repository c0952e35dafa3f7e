"""Long lists and long conversations scroll inside their panes, the page itself never."""

from uuid import uuid4

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.harness.clients import PASSWORD
from tests.harness.tls import trusted
from tests.harness.visitors import Visitor

CONVERSATIONS, MESSAGES = 20, 50
SIZES = ({"width": 360, "height": 640}, {"width": 1280, "height": 800})


def receive_from_many(visitor: Visitor, count: int = CONVERSATIONS) -> None:
    """Send the visitor a message from each of many people."""
    headers = {"Origin": visitor.url}
    with httpx.Client(
        base_url=visitor.url, headers=headers, timeout=30, verify=trusted()
    ) as client:
        for number in range(count):
            body = {"username": f"u{uuid4().hex[:20]}", "password": PASSWORD, "tokens": False}
            client.post("/api/auth/register", json=body).raise_for_status()
            message = {"receiver_id": visitor.user_id, "content": f"Number {number}"}
            client.post("/api/messages", json=message).raise_for_status()


def scroll(page: Page, inside: Locator, pixels: int) -> None:
    """Turn the wheel over an element."""
    inside.hover()
    page.mouse.wheel(0, pixels)


def assert_page_is_still(page: Page) -> None:
    """Check that the document is no higher than the window."""
    excess = page.evaluate(
        "document.scrollingElement.scrollHeight - document.scrollingElement.clientHeight"
    )
    assert excess == 0, page.viewport_size


def test_long_lists_and_conversations_scroll_inside_their_panes(
    mira: Visitor, tomas: Visitor
) -> None:
    receive_from_many(mira)
    tomas.post_all(mira, [f"Message {number}." for number in range(MESSAGES)])
    page = mira.page
    for size in SIZES:
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a TypedDict of Playwright's own
        mira.open_home()
        rows = mira.conversations.get_by_role("link")
        expect(rows).to_have_count(CONVERSATIONS + 1)
        expect(rows.last).not_to_be_in_viewport()
        assert_page_is_still(page)
        scroll(page, rows.nth(2), 4_000)
        expect(rows.last).to_be_in_viewport()
        expect(page.get_by_role("searchbox", name="Search people")).to_be_in_viewport(ratio=1)

        mira.open_chat_with(tomas)
        expect(mira.message("Message 0.")).to_be_attached()
        scroll(page, mira.log, 10_000)
        expect(mira.message(f"Message {MESSAGES - 1}.")).to_be_in_viewport()
        assert_page_is_still(page)
        expect(mira.box).to_be_in_viewport(ratio=1)
        scroll(page, mira.log, -10_000)
        expect(mira.message(f"Message {MESSAGES - 1}.")).not_to_be_in_viewport()
        expect(mira.box).to_be_in_viewport(ratio=1)


def test_older_conversations_stay_in_the_list_when_one_of_them_is_opened(mira: Visitor) -> None:
    receive_from_many(mira, 57)
    mira.open_home()
    rows = mira.conversations.get_by_role("link")
    expect(rows).to_have_count(50)
    mira.page.get_by_role("button", name="Show older conversations").click()
    expect(rows).to_have_count(57)

    rows.last.click()

    expect(mira.message("Number 0")).to_be_visible()
    expect(rows).to_have_count(57)
    expect(rows.last).to_have_attribute("aria-current", "page")
