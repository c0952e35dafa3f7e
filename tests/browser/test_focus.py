"""Where the focus is after another page was opened or a message sent, and a window of few lines."""

import pytest
from playwright.sync_api import expect

from tests.harness.visitors import CHAT, PHONE, NewVisitor, Visitor


@pytest.mark.parametrize("name", ["People", "Settings"])
def test_another_page_has_the_focus_at_its_heading(mira: Visitor, name: str) -> None:
    mira.open_home()

    mira.page.get_by_role("link", name=name, exact=True).press("Enter")

    expect(mira.page.get_by_role("heading", level=1, name=name)).to_be_focused()


def test_an_opened_conversation_has_the_focus_in_the_box(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Hello")
    mira.open_home()

    mira.conversations.get_by_role("link").click()

    expect(mira.box).to_be_focused()


def test_on_a_phone_the_focus_goes_to_the_conversation_and_back_to_its_row(
    new_visitor: NewVisitor, tomas: Visitor, sofia: Visitor
) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    tomas.post(mira, "Hello")
    sofia.post(mira, "Good morning")
    mira.open_home()
    row = mira.conversations.get_by_role("link", name="Tomas")

    row.tap()

    mira.page.wait_for_url(CHAT)
    expect(mira.box).to_be_visible()
    expect(mira.page.get_by_role("region", name="Conversation")).to_be_focused()
    mira.page.get_by_role("link", name="Back").tap()
    expect(row).to_be_focused()


def test_a_click_on_send_leaves_the_focus_in_the_box(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.box.fill("Hello")

    mira.page.get_by_role("button", name="Send", exact=True).click()

    expect(mira.message("Hello")).to_be_visible()
    expect(mira.box).to_be_focused()


@pytest.mark.parametrize("size", [(320, 256), (320, 200)])
def test_a_page_at_400_percent_leaves_half_of_its_height_to_the_messages(
    new_visitor: NewVisitor, tomas: Visitor, size: tuple[int, int]
) -> None:
    width, height = size
    mira = new_visitor("Mira Lind", viewport={"width": width, "height": height})
    tomas.post(mira, "Hello")
    mira.open_chat_with(tomas)

    for words in ("", "Many\nlines\nof\na\ndraft"):
        mira.box.fill(words)
        box = mira.log.bounding_box()
        assert box is not None
        assert box["height"] > height * 0.45
    expect(mira.page.get_by_role("button", name="Send", exact=True)).to_be_in_viewport(ratio=1)
