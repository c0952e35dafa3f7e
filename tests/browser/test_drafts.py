"""Drafts on every device, in two browsers of one person."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.harness.unsent import until_kept
from tests.harness.visitors import NewDevice, Visitor

# Keeps the drafts locked, as a slow disk does, until `unlock` is called.
LOCK = """() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("chat-unsent");
  opening.onerror = reject;
  opening.onsuccess = () => {
    const drafts = opening.result.transaction("drafts", "readwrite").objectStore("drafts");
    let isLocked = true;
    const hold = () => {
      if (isLocked) drafts.count().onsuccess = hold;
      else opening.result.close();
      resolve();
    };
    globalThis.unlock = () => { isLocked = false; };
    hold();
  };
})"""


def box(page: Page) -> Locator:
    """Return the text box of the composer."""
    return page.get_by_role("textbox", name="Message")


def open_chat(page: Page, visitor: Visitor, conversation_id: str) -> None:
    """Open a conversation on another device of somebody."""
    page.goto(f"{visitor.url}/chat/{conversation_id}")
    expect(box(page)).to_be_visible()


def test_a_draft_is_on_the_other_device_until_it_is_sent(
    mira: Visitor, tomas: Visitor, new_device: NewDevice
) -> None:
    tomas.post(mira, "Who brings bread?")
    phone = new_device(mira)
    here = mira.open_chat_with(tomas)
    mira.box.press_sequentially("I do, from the")
    row = phone.get_by_role("navigation", name="Conversations").get_by_role("link")
    expect(row).to_contain_text("Draft: I do, from the")

    open_chat(phone, mira, here)
    expect(box(phone)).to_have_value("I do, from the")
    box(phone).press_sequentially(" train")
    expect(mira.box).to_have_value("I do, from the train")
    box(phone).press("Enter")

    expect(mira.message("I do, from the train")).to_have_count(1)
    expect(mira.box).to_have_value("")
    mira.open_home()
    expect(mira.conversations.get_by_role("link")).not_to_contain_text("Draft")


def test_a_reply_is_part_of_the_draft(mira: Visitor, tomas: Visitor, new_device: NewDevice) -> None:
    tomas.post(mira, "Who brings bread?")
    phone = new_device(mira)
    here = mira.open_chat_with(tomas)
    mira.message("bread").get_by_role("button", name="Reply").press("Enter")
    mira.box.press_sequentially("I do")
    mira.until_draft(here, "I do")

    open_chat(phone, mira, here)
    expect(phone.get_by_text("Reply to Tomas Okafor")).to_be_visible()
    box(phone).press("Enter")
    expect(mira.message("I do").get_by_role("button", name="Who brings bread?")).to_be_visible()


def test_two_texts_stand_side_by_side(mira: Visitor, tomas: Visitor, new_device: NewDevice) -> None:
    here = mira.open_chat_with(tomas)
    phone = new_device(mira)
    open_chat(phone, mira, here)
    mira.context.set_offline(True)
    mira.box.press_sequentially("Written on the train")
    box(phone).press_sequentially("Written at home")
    mira.until_draft(here, "Written at home")
    mira.context.set_offline(False)

    note = mira.page.get_by_role("status").filter(has_text="Another draft")
    expect(note).to_contain_text("Written at home")
    expect(mira.box).to_have_value("Written on the train")
    note.get_by_role("button", name="Use it").press("Enter")
    expect(mira.box).to_have_value("Written at home")
    expect(note).to_contain_text("Written on the train")
    mira.page.reload()
    expect(note).to_contain_text("Written on the train")
    note.get_by_role("button", name="Use it").click()
    expect(box(phone)).to_have_value("Written on the train")
    note.get_by_role("button", name="Remove the other draft").click()
    expect(note).to_be_hidden()
    expect(mira.box).to_have_value("Written on the train")
    removed = mira.page.get_by_role("status").filter(has_text="The other draft was removed.")
    removed.get_by_role("button", name="Undo").click()
    expect(note).to_contain_text("Written at home")
    expect(mira.box).to_have_value("Written on the train")


def test_a_draft_that_was_written_offline_is_sent_by_the_next_page(
    mira: Visitor, tomas: Visitor
) -> None:
    here = mira.open_chat_with(tomas)
    mira.context.set_offline(True)
    mira.box.press_sequentially("Not sent")
    until_kept(mira.page, "Not sent")
    # Another page of this browser, which never opens the conversation.
    mira.page.goto("about:blank")
    mira.context.set_offline(False)
    mira.page.goto(f"{mira.url}/people")

    mira.until_draft(here, "Not sent")


def test_another_text_does_not_come_into_a_box_that_was_just_used(
    mira: Visitor, tomas: Visitor, new_device: NewDevice
) -> None:
    here = mira.open_chat_with(tomas)
    laptop = new_device(mira)
    open_chat(laptop, mira, here)
    mira.write("Done on the phone")
    expect(mira.message("Done on the phone")).to_be_visible()
    box(laptop).press_sequentially("Not finished")

    note = mira.page.get_by_role("status").filter(has_text="Another draft")
    expect(note).to_contain_text("Not finished")
    expect(mira.box).to_have_value("")
    mira.box.press("Enter")
    note.get_by_role("button", name="Use it").click()
    expect(mira.box).to_have_value("Not finished")
    assert len(tomas.http.get(f"/api/conversations/{here}/messages").json()["items"]) == 1


def test_the_quote_above_the_box_follows_its_message(mira: Visitor, tomas: Visitor) -> None:
    asked = tomas.post(mira, "Who brings bread?")
    mira.open_chat_with(tomas)
    mira.message("bread").get_by_role("button", name="Reply").press("Enter")
    quote = mira.page.locator("[data-reply-excerpt]")
    expect(quote).to_have_text("Who brings bread?")

    path = f"/api/messages/{asked['id']}"
    tomas.http.patch(path, json={"content": "Who brings cake?"}).raise_for_status()
    expect(quote).to_have_text("Who brings cake?")
    tomas.http.delete(path).raise_for_status()
    expect(quote).to_have_text("Message deleted")


def test_an_edit_that_was_left_is_there_again(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Who brings bread?")
    mira.open_chat_with(tomas)
    mira.write("I do, on Sundey")
    expect(mira.message("Sundey")).to_have_attribute("data-id", re.compile("."))
    mira.box.press("ArrowUp")
    expect(mira.box).to_have_value("I do, on Sundey")
    mira.box.fill("I do, on Sunday")
    mira.page.get_by_role("link", name="People", exact=True).click()
    expect(mira.page.get_by_role("region", name="Friends")).to_be_visible()

    mira.conversations.get_by_role("link").first.click()

    expect(mira.box).to_have_value("I do, on Sunday")
    mira.box.press("Enter")
    expect(mira.message("I do, on Sunday")).to_contain_text("edited")
    expect(mira.box).to_have_value("")


def test_a_draft_is_kept_when_its_page_is_left_at_once(mira: Visitor, tomas: Visitor) -> None:
    here = mira.open_chat_with(tomas)
    mira.box.press_sequentially("The begin")
    until_kept(mira.page, "The begin")
    other = mira.context.new_page()
    other.goto(f"{mira.url}/icon.svg")
    other.evaluate(LOCK)

    mira.box.press_sequentially("ning of a thought")
    mira.page.goto("about:blank")
    other.evaluate("unlock()")
    mira.page.goto(f"{mira.url}/chat/{here}")

    expect(mira.box).to_have_value("The beginning of a thought")
    mira.until_draft(here, "The beginning of a thought")
