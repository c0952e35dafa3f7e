"""Emoji in the composer: picked in a dialog, or written by their names; and what still fits."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.harness.pages import assert_usable, wait_until
from tests.harness.texts import sayer
from tests.harness.visitors import PHONE, NewVisitor, Visitor

DATABASES = "async () => (await indexedDB.databases()).map((one) => one.name)"


def open_picker(page: Page) -> None:
    page.get_by_role("button", name="Emoji", exact=True).click()
    expect(page.get_by_role("dialog", name="Emoji")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Search emoji")).to_be_visible()


def test_an_emoji_is_found_by_keyboard_and_inserted_at_the_caret(
    mira: Visitor, tomas: Visitor
) -> None:
    page = mira.page
    hosts: set[str] = set()
    paths: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("request", lambda request: paths.add(urlsplit(request.url).path))
    mira.open_chat_with(tomas)
    mira.box.fill("Off we go!")
    for _ in "!":
        mira.box.press("ArrowLeft")
    assert "/emoji/en.json" not in paths

    open_picker(page)
    expect(page.get_by_role("searchbox", name="Search emoji")).to_be_focused()
    page.keyboard.type("party popper")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(mira.box).to_be_focused()
    expect(mira.box).to_have_value("Off we go🎉!")
    assert "/emoji/en.json" in paths

    open_picker(page)
    # In one step: each letter is a search of its own, whose hits take the choice back.
    page.keyboard.insert_text("grinning")
    hits = page.get_by_role("option", name="grinning")
    expect(hits.nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(hits.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    second = hits.nth(1).text_content()
    page.keyboard.press("Enter")
    expect(mira.box).to_have_value(f"Off we go🎉{second}!")
    assert len(hosts) == 1


def test_a_skin_tone_is_kept_until_its_user_signs_out(mira: Visitor, tomas: Visitor) -> None:
    page = mira.page
    mira.open_chat_with(tomas)
    open_picker(page)
    # While it reads what was kept, the picker takes a choice back.
    expect(page.get_by_role("menuitem", name="grinning face").first).to_be_visible()
    page.get_by_role("button", name="Choose a skin tone").click()
    page.get_by_role("option", name="Dark", exact=True).click()
    for count in (1, 2):
        page.get_by_role("searchbox", name="Search emoji").fill("thumbs up")
        page.get_by_role("option", name="thumbs up").first.click()
        expect(mira.box).to_have_value("👍🏿" * count)
        if count == 1:
            open_picker(page)

    assert "emoji-picker-element-en" in page.evaluate(DATABASES)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    wait_until(page, f"async () => !(await ({DATABASES})()).includes('emoji-picker-element-en')")


def test_emoji_are_called_and_found_in_the_language_of_the_page(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind", locale="de")
    say = sayer("de")
    page = mira.page
    page.goto(f"{mira.url}/chat/{mira.post(tomas, 'Hello')['conversation_id']}")
    page.get_by_role("button", name=say("Emoji"), exact=True).click()
    expect(page.get_by_role("menuitem", name="grinsendes Gesicht").first).to_be_visible()

    page.get_by_role("searchbox", name=say("Search emoji")).fill("Daumen hoch")
    page.get_by_role("option", name="Daumen hoch").first.click()

    box = page.get_by_role("textbox", name=say("Message"))
    expect(box).to_have_value("👍")
    box.press_sequentially(" :daumen")
    expect(page.get_by_role("option", name="Daumen hoch")).to_be_visible()


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_picker_is_usable_by_ear_and_eye(
    new_visitor: NewVisitor, device: dict[str, object]
) -> None:
    mira, tomas = new_visitor("Mira Lind", **device), new_visitor("Tomas")
    mira.open_chat_with(tomas)
    open_picker(mira.page)
    expect(mira.page.get_by_role("menuitem", name="grinning face").first).to_be_visible()
    assert_usable(mira.page)

    mira.page.keyboard.press("Escape")
    expect(mira.page.get_by_role("dialog")).to_have_count(0)
    expect(mira.box).to_be_focused()
    open_picker(mira.page)
    mira.page.get_by_role("button", name="Close").click()
    expect(mira.page.get_by_role("dialog")).to_have_count(0)


def test_names_of_emoji_are_completed(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    keyboard = mira.page.keyboard
    emoji = mira.page.get_by_role("listbox", name="Emoji to insert")
    mira.box.focus()
    keyboard.type("At 12:30 :tad")
    expect(emoji.get_by_role("option").first).to_contain_text(":tada:")
    assert_usable(mira.page)
    keyboard.press("Enter")
    expect(mira.box).to_have_value("At 12:30 🎉 ")
    expect(emoji).to_have_count(0)

    keyboard.type(":roc")
    expect(emoji.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    keyboard.press("Escape")
    expect(emoji).to_have_count(0)
    keyboard.type("ket:")
    expect(mira.box).to_have_value("At 12:30 🎉 🚀")
    keyboard.press("Enter")
    expect(mira.message("At 12:30 🎉 🚀")).to_be_visible()


def test_what_still_fits_is_shown_near_the_limit(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    room = mira.page.locator("#composer-room")
    mira.box.fill("x" * 7_499)
    expect(room).to_be_hidden()
    mira.box.press("End")
    mira.page.keyboard.type("x")
    expect(room).to_have_text("500 left")
    expect(mira.box).to_have_accessible_description("500 left")
    mira.box.fill("🎉" * 7_990)
    expect(room).to_have_text("10 left")
    mira.box.fill("x" * 8_012)
    expect(room).to_have_text("12 too many")
    assert_usable(mira.page)
    mira.box.fill("x")
    expect(room).to_be_hidden()
