"""Messages that can no longer be sent: shown where they were meant for, and said elsewhere."""

import re

from playwright.sync_api import Locator, expect

from tests.browser.test_files import attach, hold_after, send
from tests.browser.test_groups import make_group
from tests.harness.pages import assert_usable
from tests.harness.visitors import PHONE, NewVisitor, Visitor

MB = 1024 * 1024
SEND = "**/api/messages"


def open_group(visitor: Visitor, group_id: str) -> None:
    visitor.page.goto(f"{visitor.url}/chat/{group_id}")
    expect(visitor.box).to_be_visible()


def remove(owner: Visitor, group_id: str, member: Visitor) -> None:
    path = f"/api/conversations/{group_id}/members/{member.user_id}"
    owner.http.delete(path).raise_for_status()


def unsent(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("list", name="Not sent").get_by_role("listitem")


def test_a_removal_during_an_upload_leaves_the_message_to_its_writer(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind", **PHONE, permissions=["clipboard-read", "clipboard-write"])
    group_id = make_group(tomas, mira)
    open_group(mira, group_id)
    hold = hold_after(mira, 1)
    attach(mira, ("film.bin", "", bytes(9 * MB)))
    send(mira, "The film")
    expect(mira.log.get_by_role("progressbar")).to_be_visible()

    remove(tomas, group_id, mira)
    expect(mira.page.get_by_role("heading", name="Not in this group")).to_be_visible()
    expect(unsent(mira)).to_contain_text(["The film"])
    expect(unsent(mira)).to_contain_text(["film.bin"])
    assert_usable(mira.page)
    hold.end()
    mira.page.reload()
    unsent(mira).get_by_role("button", name="Copy").click()
    expect(mira.page.get_by_text("The text is copied.")).to_be_visible()
    assert mira.page.evaluate("navigator.clipboard.readText()") == "The film"
    unsent(mira).get_by_role("button", name="Delete").press("Enter")

    expect(unsent(mira)).to_have_count(0)
    mira.page.reload()
    expect(mira.page.get_by_role("heading", name=re.compile("^Not "))).to_be_visible()
    expect(unsent(mira)).to_have_count(0)


def test_a_message_that_is_refused_while_another_chat_is_open_is_said(
    mira: Visitor, tomas: Visitor
) -> None:
    group_id = make_group(tomas, mira)
    open_group(mira, group_id)
    mira.context.route(SEND, lambda route: route.abort())
    mira.write("I am late")
    expect(mira.message("I am late").get_by_role("img", name="Queued")).to_be_visible()
    remove(tomas, group_id, mira)
    mira.page.get_by_role("link", name="Settings").click()
    expect(mira.page.get_by_role("heading", name="Settings")).to_be_visible()
    mira.context.unroute(SEND)

    said = mira.page.get_by_text("A message was not sent.")
    expect(said).to_be_visible()
    mira.page.get_by_role("button", name="Show it").click()
    expect(unsent(mira)).to_contain_text(["I am late"])
