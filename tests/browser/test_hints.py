"""The hints of the first minutes: shown to new accounts, until they are done or hidden."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.pages import assert_usable
from tests.harness.visitors import PHONE, NewVisitor, Visitor, add_cookies

TEXTS = ("Bring others in", "With a picture of you", "This browser can announce messages")
# Ten days later, as the page sees it.
LATER = """() => {
  const now = Date.now;
  Date.now = () => now() + 10 * 24 * 3_600_000;
}"""
WATCH_SHIFTS = """() => {
  window.shifts = [];
  const note = (list) => window.shifts.push(...list.getEntries().map(({ value }) => value));
  new PerformanceObserver(note).observe({ type: "layout-shift", buffered: true });
}"""


def hints(page: Page) -> Locator:
    """Return the hints that the page shows."""
    return page.get_by_role("list", name="First steps").get_by_role("listitem")


def hide(page: Page, text: str) -> None:
    """Hide the hint with a text."""
    hint = hints(page).filter(has_text=text)
    hint.get_by_role("button", name="Hide this hint").click()
    expect(hint).to_have_count(0)


def test_each_hint_is_hidden_for_good(mira: Visitor) -> None:
    mira.open_home()
    expect(hints(mira.page)).to_have_count(3)
    for text in TEXTS:
        expect(hints(mira.page).filter(has_text=text)).to_have_count(1)

    hide(mira.page, TEXTS[1])
    mira.page.reload()
    expect(hints(mira.page)).to_have_count(2)
    for text in (TEXTS[0], TEXTS[2]):
        hide(mira.page, text)
    mira.page.add_init_script(f"({WATCH_SHIFTS})()")
    mira.open_home()

    expect(hints(mira.page)).to_have_count(0)
    expect(mira.page.get_by_text("First steps")).to_have_count(0)
    assert mira.page.evaluate("window.shifts.reduce((sum, value) => sum + value, 0)") < 0.01


def test_a_hint_does_what_it_says(mira: Visitor) -> None:
    page = mira.page
    mira.open_home()
    page.get_by_role("button", name="Start a group").click()
    expect(page.get_by_role("dialog", name="New group")).to_be_visible()
    page.keyboard.press("Escape")
    expect(hints(page)).to_have_count(2)

    page.get_by_role("button", name="Add a picture").click()
    page.wait_for_url("**/settings")
    mira.open_home()
    page.get_by_role("button", name="Set up notifications").click()
    page.wait_for_url("**/settings")

    mira.open_home()
    expect(hints(page)).to_have_count(0)


def test_hints_are_hidden_by_keyboard(mira: Visitor) -> None:
    page = mira.page
    mira.open_home()
    cross = hints(page).first.get_by_role("button", name="Hide this hint")
    expect(cross).to_have_accessible_description(re.compile("^Bring others in"))
    cross.focus()
    for left in (2, 1):
        page.keyboard.press("Enter")
        expect(hints(page)).to_have_count(left)
        expect(hints(page).first.get_by_role("button", name="Hide this hint")).to_be_focused()
    page.keyboard.press("Enter")

    expect(hints(page)).to_have_count(0)
    expect(page.get_by_role("searchbox", name="Search people")).to_be_focused()


def test_hints_are_for_new_accounts_with_few_conversations(
    mira: Visitor, new_visitor: NewVisitor
) -> None:
    others = [new_visitor(f"Friend {number}") for number in range(4)]
    for other in others[:3]:
        mira.post(other, "Hello")
    mira.open_home()
    expect(hints(mira.page)).to_have_count(3)

    mira.post(others[3], "Hello")

    expect(hints(mira.page)).to_have_count(0)
    others[0].page.add_init_script(f"({LATER})()")
    others[0].open_home()
    expect(others[0].conversations.get_by_role("link")).to_have_count(1)
    expect(hints(others[0].page)).to_have_count(0)


def test_another_account_of_the_browser_gets_its_own(mira: Visitor, tomas: Visitor) -> None:
    mira.open_home()
    hide(mira.page, TEXTS[0])
    mira.context.clear_cookies()
    add_cookies(mira.context, tomas.http)

    mira.open_home()

    expect(mira.page.get_by_text("Tomas Okafor").first).to_be_visible()
    expect(hints(mira.page)).to_have_count(3)


@pytest.mark.parametrize("options", [PHONE, {}], ids=["phone", "desktop"])
def test_hints_are_usable(new_visitor: NewVisitor, options: dict[str, Any]) -> None:
    person = new_visitor("Mira Lind", **options)
    person.open_home()
    expect(hints(person.page)).to_have_count(3)

    assert_usable(person.page)

    if options:
        for button in hints(person.page).get_by_role("button").all():
            button.scroll_into_view_if_needed()
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
