"""The dialog "Go to" in the browser: names, messages, the keyboard, and no connection."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_finding_messages import HOSTILE, a_word, until_indexed
from tests.harness.pages import assert_usable, wait_until
from tests.harness.visitors import PHONE, NewVisitor, Visitor

AT = re.compile(r"/chat/[0-9a-f-]{36}\?at=\d+$")


def dialog(page: Page) -> Locator:
    """Return the dialog."""
    return page.get_by_role("dialog", name="Go to")


def found(page: Page) -> Locator:
    """Return the places found."""
    return dialog(page).get_by_role("link").or_(dialog(page).locator("button.row"))


def open_dialog(page: Page) -> None:
    """Press the keys that open it, and wait."""
    page.keyboard.press("Control+K")
    expect(dialog(page).get_by_role("searchbox", name="Go to")).to_be_focused()


def test_names_come_first_then_messages_by_keyboard_alone(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    word = a_word()
    tag = f"Choir{uuid4().hex[:8]}"
    body = {"kind": "group", "title": f"{tag} of the street", "member_ids": [tomas.user_id]}
    group = mira.http.post("/api/conversations", json=body).raise_for_status().json()["id"]
    tomas.post(mira, f"{word} {tag} on Tuesday")
    sofia.post(mira, "Hello")
    until_indexed(mira, word, 1)
    mira.open_chat_with(sofia)
    page, keys = mira.page, mira.page.keyboard
    expect(mira.box).to_be_focused()

    open_dialog(page)
    expect(found(page)).to_have_count(3)
    expect(found(page).first).to_contain_text("Sofia")
    keys.type(tag.lower())
    expect(found(page)).to_have_count(2)
    expect(found(page).first).to_contain_text(f"{tag} of the street")
    expect(found(page).last.locator("mark")).to_have_text(tag)
    keys.press("ArrowDown")
    expect(found(page).first).to_be_focused()
    keys.press("ArrowDown")
    expect(found(page).last).to_be_focused()
    keys.press("ArrowUp")
    keys.press("ArrowUp")
    keys.press("Escape")
    expect(dialog(page)).to_be_hidden()
    expect(mira.box).to_be_focused()

    open_dialog(page)
    keys.type(tag)
    keys.press("Enter")
    page.wait_for_url(f"**/chat/{group}")
    expect(mira.box).to_be_focused()

    open_dialog(page)
    # The message is not there yet.
    keys.type(word)
    keys.press("Enter")
    page.wait_for_url(AT)
    expect(mira.message(word)).to_be_visible()
    expect(dialog(page)).to_be_hidden()


def test_a_conversation_that_begins_meanwhile_is_listed(mira: Visitor, tomas: Visitor) -> None:
    mira.open_home()
    open_dialog(mira.page)
    expect(dialog(mira.page)).to_contain_text("No conversations yet.")
    tomas.post(mira, "Hello")
    expect(found(mira.page)).to_have_count(1)
    mira.page.keyboard.press("ArrowDown")
    mira.page.keyboard.press("Enter")
    expect(mira.message("Hello")).to_be_visible()


def test_a_message_of_the_open_chat_is_shown_in_its_place(mira: Visitor, tomas: Visitor) -> None:
    word = a_word()
    tomas.post(mira, f"{word} far away")
    tomas.post_all(mira, [f"Later {n}" for n in range(120)])
    until_indexed(mira, word, 1)
    mira.open_chat_with(tomas)
    expect(mira.message("Later 119")).to_be_visible()

    open_dialog(mira.page)
    mira.page.keyboard.type(word)
    found(mira.page).last.click()

    expect(mira.message(f"{word} far away")).to_be_in_viewport()
    expect(dialog(mira.page)).to_be_hidden()


def test_a_person_without_a_conversation_gets_one(mira: Visitor, tomas: Visitor) -> None:
    mira.http.post("/api/friends/request", json={"user_id": tomas.user_id}).raise_for_status()
    page = mira.page
    page.goto(f"{mira.url}/people")
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    expect(page.get_by_text("Tomas Okafor")).to_be_visible()

    open_dialog(page)
    page.keyboard.type("okafor")
    expect(found(page)).to_have_count(1)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Tomas Okafor")).to_be_visible()
    expect(mira.box).to_be_focused()


def test_names_are_found_without_a_connection(mira: Visitor, new_visitor: NewVisitor) -> None:
    yusuf = new_visitor("Yusuf منصور")
    yusuf.post(mira, "Hello")
    mira.open_home()
    page = mira.page
    open_dialog(page)
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    wait_until(page, "() => !window.chatLink.connected")

    open_dialog(page)
    page.keyboard.type("منصور")
    expect(found(page)).to_have_count(1)
    expect(dialog(page).get_by_text("Messages need a connection")).to_be_visible()
    assert_usable(page)
    page.context.set_offline(False)
    wait_until(page, "() => window.chatLink.connected")
    dialog(page).get_by_role("button", name="Try again").click()
    expect(dialog(page).get_by_text("Messages need a connection")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Yusuf منصور")).to_be_visible()


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_hostile_texts_are_text_and_the_dialog_is_usable(
    new_visitor: NewVisitor, tomas: Visitor, device: dict[str, object]
) -> None:
    word = a_word()
    mira = new_visitor("Mira Lind", **device)
    for text in HOSTILE:
        tomas.post(mira, f"{text} {word} {text}")
    body = {"kind": "group", "title": f"{HOSTILE[0]} {word}", "member_ids": [tomas.user_id]}
    mira.http.post("/api/conversations", json=body).raise_for_status()
    until_indexed(mira, word, len(HOSTILE))
    mira.open_home()
    page = mira.page
    open_dialog(page)
    assert_usable(page)
    page.keyboard.type(word)
    expect(found(page)).to_have_count(len(HOSTILE) + 1)

    expect(found(page).first).to_contain_text(HOSTILE[0])
    shown = dialog(page).locator(".found-text").all_text_contents()
    assert shown == [f"{text} {word} {text}" for text in reversed(HOSTILE)]
    assert dialog(page).locator("img, script, svg, b").count() == 0
    expect(page).to_have_title(re.compile("Chat"))
    assert_usable(page)
    dialog(page).get_by_role("button", name="Close").click()
    expect(dialog(page)).to_be_hidden()


def test_other_dialogs_and_other_keys_are_left_alone(mira: Visitor) -> None:
    mira.open_home()
    page = mira.page
    page.get_by_role("button", name="New group").click()
    expect(page.get_by_role("dialog", name="New group")).to_be_visible()
    page.keyboard.press("Control+K")
    page.keyboard.press("Control+Shift+F")
    expect(dialog(page)).to_have_count(0)
    expect(page.get_by_role("dialog", name="New group")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+K")
    page.keyboard.press("k")
    expect(dialog(page)).to_have_count(0)
