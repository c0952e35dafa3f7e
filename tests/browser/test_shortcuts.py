"""The dialog "Keyboard shortcuts" in the browser: its key, its button, and what it lists."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.pages import assert_usable
from tests.harness.visitors import PHONE, NewVisitor, Visitor


def dialog(page: Page) -> Locator:
    """Return the dialog."""
    return page.get_by_role("dialog", name="Keyboard shortcuts")


def test_a_question_mark_opens_the_shortcuts_where_nothing_is_typed(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    page, keys = mira.page, mira.page.keyboard
    expect(mira.box).to_be_focused()
    keys.type("Really?")
    expect(mira.box).to_have_value("Really?")
    expect(dialog(page)).to_have_count(0)
    page.get_by_role("searchbox", name="Search people").focus()
    keys.press("?")
    expect(dialog(page)).to_have_count(0)

    link = page.get_by_role("link", name="Settings", exact=True)
    link.focus()
    keys.press("?")
    expect(dialog(page)).to_be_visible()
    expect(dialog(page)).to_contain_text("Ctrl K")
    expect(dialog(page)).to_contain_text("Edit your last message")
    assert_usable(page)
    # Other keys wait until it is closed.
    keys.press("?")
    keys.press("Control+K")
    expect(page.get_by_role("dialog")).to_have_count(1)
    keys.press("Escape")
    expect(dialog(page)).to_be_hidden()
    expect(link).to_be_focused()


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_settings_have_a_button_for_it(
    new_visitor: NewVisitor, device: dict[str, object]
) -> None:
    mira = new_visitor("Mira Lind", **device)
    page = mira.page
    page.goto(f"{mira.url}/settings")
    button = page.get_by_role("button", name="Keyboard shortcuts")
    button.click()
    expect(dialog(page)).to_be_visible()
    assert_usable(page)
    dialog(page).get_by_role("button", name="Close").click()
    expect(dialog(page)).to_be_hidden()
    expect(button).to_be_focused()
