"""Editing and deleting own messages, and marking those of others as unread."""

import re

from playwright.sync_api import expect

from tests.harness.visitors import PHONE, NewVisitor, Visitor

FINGER, NEAR = 40, 60


def choose(visitor: Visitor, text: str, action: str) -> None:
    """Open the menu of a message and choose from it."""
    message = visitor.message(text)
    message.hover()
    message.get_by_role("button", name="More actions").click()
    menu = visitor.page.get_by_role("menu", name="More actions")
    menu.get_by_role("menuitem", name=action).click()
    expect(menu).to_be_hidden()


def test_an_edit_is_seen_by_both_at_once(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    mira.write("See you on Sundey")
    expect(tomas.message("See you on Sundey")).to_have_count(1)
    mira.box.fill("half a draft")

    choose(mira, "See you on Sundey", "Edit")
    expect(mira.page.get_by_text("Editing", exact=True)).to_be_visible()
    expect(mira.box).to_have_value("See you on Sundey")
    mira.write("See you on Sunday")

    for visitor in (mira, tomas):
        expect(visitor.message("See you on Sunday")).to_contain_text("edited")
        expect(visitor.message("Sundey")).to_have_count(0)
        expect(visitor.log.get_by_role("article")).to_have_count(1)
    expect(mira.page.get_by_text("Editing", exact=True)).to_be_hidden()
    expect(mira.box).to_have_value("half a draft")
    mira.page.reload()
    expect(mira.box).to_have_value("half a draft")


def test_a_deleted_message_is_gone_for_both_after_a_confirmation(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    mira.write("A secret")
    expect(tomas.message("A secret")).to_have_count(1)
    question = mira.page.get_by_role("dialog", name="Delete this message?")

    choose(mira, "A secret", "Delete")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    expect(mira.message("A secret")).to_have_count(1)
    choose(mira, "A secret", "Delete")
    question.get_by_role("button", name="Delete").click()

    for visitor in (mira, tomas):
        expect(visitor.message("Message deleted")).to_have_count(1)
        expect(visitor.page.get_by_text("A secret")).to_have_count(0)
        expect(visitor.conversations.get_by_role("link")).to_contain_text("Message deleted")
    gone = mira.message("Message deleted")
    expect(gone.get_by_role("button", name="More actions")).to_have_count(0)


def test_a_message_of_others_is_marked_unread_and_stays_so(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_home()
    for text in ("first", "second", "third"):
        mira.post(tomas, text)
    tomas.conversations.get_by_role("link").click()
    expect(tomas.page).to_have_title(re.compile("^[^(]"))

    choose(tomas, "second", "Mark as unread")

    tomas.page.wait_for_url(f"{tomas.url}/")
    expect(tomas.page).to_have_title(re.compile(r"^\(2\) "))
    tomas.page.reload()
    expect(tomas.page).to_have_title(re.compile(r"^\(2\) "))
    row = tomas.conversations.get_by_role("link")
    expect(row).to_have_accessible_name(re.compile("2 unread"))
    row.click()
    expect(tomas.log.get_by_text("New messages", exact=True)).to_be_visible()
    expect(tomas.page).to_have_title(re.compile("^[^(]"))


def test_the_menu_offers_the_actions_of_its_message(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write("of mine")
    mira.post(tomas, "of mine as well")
    tomas.post(mira, "of theirs")
    menu = mira.page.get_by_role("menu", name="More actions")
    own = ["Edit", "Forward", "Pin", "Save", "Remind me", "Copy link", "Delete"]
    theirs = ["Forward", "Pin", "Save", "Remind me", "Mark as unread", "Copy link", "Report"]
    for text, offered in (("of mine as well", own), ("theirs", theirs)):
        mira.message(text).get_by_role("button", name="More actions").click()
        expect(menu.get_by_role("menuitem")).to_have_text(offered)
        mira.page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
    mira.message("theirs").get_by_role("button", name="More actions").click()
    mira.page.get_by_role("heading", level=1).click()
    expect(menu).to_be_hidden()


def test_an_open_menu_stays_beside_its_message_when_others_arrive(
    mira: Visitor, tomas: Visitor
) -> None:
    for number in range(20):
        tomas.post(mira, f"Number {number}")
    mira.open_chat_with(tomas)
    menu = mira.page.get_by_role("menu", name="More actions")
    button = mira.message("Number 19").get_by_role("button", name="More actions")
    button.click()
    expect(menu).to_be_visible()

    for number in range(3):
        tomas.post(mira, f"Meanwhile {number}")
        expect(mira.message(f"Meanwhile {number}")).to_be_visible()

    expect(menu).to_be_visible()
    box, place = menu.bounding_box(), button.bounding_box()
    assert box
    assert place
    below, above = box["y"] - place["y"] - place["height"], place["y"] - box["y"] - box["height"]
    assert -NEAR < max(below, above) < NEAR
    menu.get_by_role("menuitem", name="Mark as unread").click()
    mira.page.wait_for_url(f"{mira.url}/")


def test_the_actions_work_with_the_keyboard(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write("one")
    expect(mira.message("one").get_by_role("img", name="Sent")).to_be_visible()
    button = mira.message("one").get_by_role("button", name="More actions")
    item = mira.page.get_by_role("menuitem")

    button.focus()
    expect(button).to_be_visible()
    mira.page.keyboard.press("Enter")
    expect(item.filter(has_text="Edit")).to_be_focused()
    mira.page.keyboard.press("End")
    expect(item.filter(has_text="Delete")).to_be_focused()
    mira.page.keyboard.press("ArrowDown")
    expect(item.filter(has_text="Edit")).to_be_focused()
    mira.page.keyboard.press("Escape")
    expect(button).to_be_focused()

    mira.box.focus()
    mira.page.keyboard.press("ArrowUp")
    expect(mira.box).to_have_value("one")
    mira.page.keyboard.press("Escape")
    expect(mira.box).to_have_value("")
    mira.page.keyboard.press("ArrowUp")
    mira.page.keyboard.type(" and a half")
    mira.page.keyboard.press("Enter")
    expect(mira.message("one and a half")).to_contain_text("edited")


def test_a_refused_edit_shows_the_reason_and_keeps_the_text(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write("one")
    expect(mira.message("one").get_by_role("img", name="Sent")).to_be_visible()
    choose(mira, "one", "Edit")
    mira.write("   ")
    expect(mira.page.get_by_text("Write something, or delete")).to_be_visible()

    identifier = mira.message("one").get_attribute("data-id")
    mira.http.delete(f"/api/messages/{identifier}").raise_for_status()
    mira.write("two")

    expect(mira.page.get_by_text("This message was deleted.")).to_be_visible()
    expect(mira.box).to_have_value("two")
    mira.context.set_offline(True)
    mira.write("three")
    expect(mira.page.get_by_text("The chat cannot be reached right now")).to_be_visible()
    mira.context.set_offline(False)


def test_the_menu_of_a_message_opens_by_touch(new_visitor: NewVisitor, tomas: Visitor) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    tomas.post(mira, "A message that is long enough for more than one line on a phone.")
    mira.open_chat_with(tomas)
    mira.post(tomas, "Short")
    # The one that is still to come moves the others, perhaps from under the finger.
    expect(mira.message("Short")).to_be_visible()
    for text in ("A message", "Short"):
        message = mira.message(text)
        button = message.get_by_role("button", name="More actions")
        expect(button).to_have_css("opacity", "0")
        message.locator(".bubble").tap()
        expect(button).to_have_css("opacity", "1")
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= FINGER
        assert 0 <= box["x"] <= 360 - box["width"]
        button.tap()
        expect(mira.page.get_by_role("menu", name="More actions")).to_be_visible()
        assert mira.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        mira.page.keyboard.press("Escape")
