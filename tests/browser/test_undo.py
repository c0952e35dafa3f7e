"""The notice of what one click has removed, and its button Undo."""

import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.pages import PATIENCE_MS, assert_usable, wait_until
from tests.harness.visitors import PHONE, NewVisitor, Visitor

QUESTION = "Who brings bread?"
NOT_HERE = "The chat cannot be reached right now"
LONGER_THAN_IT_IS_SHOWN_MS = 11_000


def open_menu(visitor: Visitor, action: str) -> tuple[Locator, Locator]:
    """Open the menu of the question with a key; return its button, and the item of an action."""
    opener = visitor.message(QUESTION).get_by_role("button", name="More actions", exact=True)
    item = visitor.page.get_by_role("menuitem", name=action, exact=True)
    end = time.monotonic() + PATIENCE_MS / 1000
    while True:
        opener.press("Enter")
        expect(visitor.page.get_by_role("menu", name="More actions")).to_be_visible()
        if item.is_visible():
            return opener, item
        # The page does not know yet that the message is saved or pinned.
        assert time.monotonic() < end, f"{action} is not offered"
        visitor.page.keyboard.press("Escape")


def choose(visitor: Visitor, action: str) -> None:
    """Choose from the menu of the question with the pointer."""
    _, item = open_menu(visitor, action)
    item.click()


def choose_by_keyboard(visitor: Visitor, action: str) -> Locator:
    """Do so with keys only, and return the button of the menu."""
    opener, item = open_menu(visitor, action)
    while not item.evaluate("item => item === document.activeElement"):
        visitor.page.keyboard.press("ArrowDown")
    visitor.page.keyboard.press("Enter")
    return opener


def notice(page: Page, words: str) -> Locator:
    """Return the notice with these words."""
    return page.get_by_role("status").filter(has_text=words)


def undo(page: Page) -> Locator:
    """Return the button of the notice."""
    return page.get_by_role("button", name="Undo", exact=True)


def rows(page: Page, name: str = "Saved") -> Locator:
    """Return the rows of a region."""
    return page.get_by_role("region", name=name).get_by_role("listitem")


def set_reminder(visitor: Visitor, message: dict[str, Any], minutes: float = 60) -> dict[str, Any]:
    """Set a reminder without the browser, and return it."""
    at = datetime.now().astimezone() + timedelta(minutes=minutes)
    path = f"/api/messages/{message['id']}/reminder"
    reply = visitor.http.put(path, json={"at": at.isoformat(timespec="milliseconds")})
    made: dict[str, Any] = reply.raise_for_status().json()
    return made


def save(visitor: Visitor, *messages: dict[str, Any]) -> None:
    """Save messages without the browser."""
    for message in messages:
        visitor.http.put(f"/api/messages/{message['id']}/save").raise_for_status()


def reminders(visitor: Visitor) -> list[dict[str, Any]]:
    """Return the reminders that the server has."""
    reply = visitor.http.get("/api/reminders").raise_for_status()
    items: list[dict[str, Any]] = reply.json()["items"]
    return items


@pytest.fixture
def question(mira: Visitor, tomas: Visitor) -> dict[str, Any]:
    """Return a message to Mira, who has the conversation open."""
    message = tomas.post(mira, QUESTION)
    mira.open_chat_with(tomas)
    expect(mira.message(QUESTION)).to_be_visible()
    return message


def test_a_message_removed_from_saved_in_its_menu_is_saved_again(
    mira: Visitor, question: dict[str, Any]
) -> None:
    save(mira, question)
    choose(mira, "Remove from saved")
    expect(notice(mira.page, "Removed from Saved.")).to_be_visible()
    assert mira.http.get("/api/saved").json()["items"] == []
    undo(mira.page).click()
    expect(notice(mira.page, "Saved again.")).to_be_visible()
    expect(undo(mira.page)).to_have_count(0)
    assert len(mira.http.get("/api/saved").json()["items"]) == 1


def test_a_message_removed_on_the_screen_of_saved_ones_is_listed_again(
    mira: Visitor, question: dict[str, Any]
) -> None:
    save(mira, question)
    mira.page.goto(f"{mira.url}/saved")
    rows(mira.page).get_by_role("button", name="Remove from saved").click()
    expect(rows(mira.page)).to_have_count(0)
    expect(notice(mira.page, "Removed from Saved.")).to_be_visible()
    # The notice stays while other pages are opened.
    mira.conversations.get_by_role("link").click()
    expect(mira.message(QUESTION)).to_be_visible()
    undo(mira.page).click()
    mira.page.get_by_role("button", name="Saved", exact=True).click()
    expect(rows(mira.page)).to_contain_text(QUESTION)


@pytest.mark.usefixtures("question")
def test_an_unpinned_message_is_pinned_again_for_both(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mark = tomas.message(QUESTION).get_by_role("img", name="Pinned")
    choose(mira, "Pin")
    expect(mark).to_be_visible()
    choose(mira, "Unpin")
    expect(notice(mira.page, "Unpinned.")).to_be_visible()
    expect(mark).to_have_count(0)
    undo(mira.page).click()
    expect(mark).to_be_visible()
    expect(notice(mira.page, "Pinned again.")).to_be_visible()


def test_a_removed_reminder_is_set_again_at_its_time(
    mira: Visitor, question: dict[str, Any]
) -> None:
    before = set_reminder(mira, question)
    beside = mira.context.new_page()
    for page in (beside, mira.page):
        page.goto(f"{mira.url}/scheduled")
        expect(rows(page, "Scheduled")).to_contain_text(QUESTION)
    rows(mira.page, "Scheduled").get_by_role("button", name="Remove the reminder").click()
    expect(notice(mira.page, "Reminder removed.")).to_be_visible()
    for page in (mira.page, beside):
        expect(rows(page, "Scheduled")).to_have_count(0)
    undo(mira.page).click()
    expect(notice(mira.page, "Undone.")).to_be_visible()
    for page in (mira.page, beside):
        expect(rows(page, "Scheduled")).to_contain_text(QUESTION)
    assert [one["at"] for one in reminders(mira)] == [before["at"]]


def test_a_removal_is_undone_with_keys_alone(
    mira: Visitor, tomas: Visitor, question: dict[str, Any]
) -> None:
    save(mira, question, tomas.post(mira, "And cake?"))
    opener = choose_by_keyboard(mira, "Remove from saved")
    expect(undo(mira.page)).to_be_focused()
    mira.page.keyboard.press("Escape")
    expect(undo(mira.page)).to_have_count(0)
    expect(opener).to_be_focused()

    mira.page.goto(f"{mira.url}/saved")
    expect(rows(mira.page)).to_have_text(re.compile("And cake"))
    save(mira, question)
    expect(rows(mira.page)).to_have_count(2)
    removal = rows(mira.page).first.get_by_role("button", name="Remove from saved")
    removal.focus()
    mira.page.keyboard.press("Enter")
    expect(rows(mira.page)).to_have_count(1)
    expect(undo(mira.page)).to_be_focused()
    mira.page.keyboard.press("Enter")
    expect(rows(mira.page)).to_have_count(2)
    expect(notice(mira.page, "Saved again.")).to_be_visible()
    # The row that was pressed is gone, the one beside it has the focus.
    other = rows(mira.page).filter(has_text="And cake?")
    expect(other.get_by_role("button", name="Remove from saved")).to_be_focused()


def test_an_unpinned_message_and_a_removed_reminder_are_restored_with_keys(
    mira: Visitor, question: dict[str, Any]
) -> None:
    mark = mira.message(QUESTION).get_by_role("img", name="Pinned")
    choose_by_keyboard(mira, "Pin")
    expect(mark).to_be_visible()
    opener = choose_by_keyboard(mira, "Unpin")
    expect(mark).to_have_count(0)
    expect(undo(mira.page)).to_be_focused()
    mira.page.keyboard.press("Space")
    expect(mark).to_be_visible()
    expect(opener).to_be_focused()

    set_reminder(mira, question)
    mira.page.goto(f"{mira.url}/scheduled")
    rows(mira.page, "Scheduled").get_by_role("button", name="Remove the reminder").focus()
    mira.page.keyboard.press("Enter")
    expect(undo(mira.page)).to_be_focused()
    mira.page.keyboard.press("Enter")
    expect(rows(mira.page, "Scheduled")).to_contain_text(QUESTION)


def test_a_refused_undo_shows_the_reason_and_can_be_tried_again(
    mira: Visitor, tomas: Visitor, question: dict[str, Any]
) -> None:
    choose(mira, "Save")
    expect(notice(mira.page, "Saved.")).to_be_visible()
    choose(mira, "Remove from saved")
    expect(undo(mira.page)).to_be_visible()
    mira.context.set_offline(True)
    undo(mira.page).click()
    expect(notice(mira.page, NOT_HERE)).to_be_visible()
    mira.context.set_offline(False)
    undo(mira.page).click()
    expect(notice(mira.page, "Saved again.")).to_be_visible()
    assert len(mira.http.get("/api/saved").json()["items"]) == 1

    set_reminder(mira, question)
    mira.page.goto(f"{mira.url}/scheduled")
    rows(mira.page, "Scheduled").get_by_role("button", name="Remove the reminder").click()
    expect(undo(mira.page)).to_be_visible()
    tomas.http.delete(f"/api/messages/{question['id']}").raise_for_status()
    undo(mira.page).click()
    expect(notice(mira.page, "There is no such message.")).to_be_visible()
    expect(undo(mira.page)).to_be_visible()
    assert reminders(mira) == []


def test_a_refused_pin_shows_the_reason(mira: Visitor, question: dict[str, Any]) -> None:
    choose(mira, "Pin")
    expect(mira.message(QUESTION).get_by_role("img", name="Pinned")).to_be_visible()
    choose(mira, "Unpin")
    expect(undo(mira.page)).to_be_visible()
    mira.page.route(
        f"**/api/messages/{question['id']}/pin",
        lambda route: route.fulfill(
            status=409,
            content_type="application/problem+json",
            json={"code": "too_many_pins", "detail": "At most 100 can be pinned."},
        ),
    )
    undo(mira.page).click()
    expect(notice(mira.page, "At most 100 can be pinned.")).to_be_visible()
    mira.page.unroute_all()


@pytest.mark.parametrize(
    ("path", "name", "label"),
    [
        ("saved", "Saved", "Remove from saved"),
        ("scheduled", "Scheduled", "Remove the reminder"),
    ],
)
def test_a_refused_removal_shows_the_reason_in_its_row(
    mira: Visitor, question: dict[str, Any], path: str, name: str, label: str
) -> None:
    save(mira, question)
    set_reminder(mira, question)
    mira.page.goto(f"{mira.url}/{path}")
    removal = rows(mira.page, name).get_by_role("button", name=label)
    expect(removal).to_be_visible()
    mira.context.set_offline(True)
    removal.click()
    expect(rows(mira.page, name).get_by_role("alert")).to_contain_text(NOT_HERE)
    expect(undo(mira.page)).to_have_count(0)
    mira.context.set_offline(False)
    removal.click()
    expect(undo(mira.page)).to_be_visible()
    expect(rows(mira.page, name)).to_have_count(0)


def test_the_notice_stays_while_it_is_used_and_goes_then(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind")
    message = tomas.post(mira, QUESTION)
    save(mira, message)
    mira.page.clock.install()
    mira.open_chat_with(tomas)
    expect(mira.message(QUESTION)).to_be_visible()
    choose_by_keyboard(mira, "Remove from saved")
    expect(undo(mira.page)).to_be_focused()
    mira.page.clock.fast_forward(LONGER_THAN_IT_IS_SHOWN_MS)
    expect(undo(mira.page)).to_be_focused()

    undo(mira.page).hover()
    mira.box.focus()
    mira.page.clock.fast_forward(LONGER_THAN_IT_IS_SHOWN_MS)
    expect(undo(mira.page)).to_be_visible()

    mira.box.hover()
    mira.page.clock.fast_forward(8_000)
    expect(undo(mira.page)).to_be_visible()
    mira.page.clock.fast_forward(LONGER_THAN_IT_IS_SHOWN_MS - 8_000)
    expect(undo(mira.page)).to_have_count(0)


def test_notices_are_shown_one_at_a_time(mira: Visitor, question: dict[str, Any]) -> None:
    save(mira, question)
    choose(mira, "Pin")
    expect(mira.message(QUESTION).get_by_role("img", name="Pinned")).to_be_visible()
    choose(mira, "Remove from saved")
    expect(notice(mira.page, "Removed from Saved.")).to_be_visible()
    choose(mira, "Unpin")
    expect(notice(mira.page, "Unpinned.")).to_be_visible()
    expect(notice(mira.page, "Removed from Saved.")).to_have_count(0)
    expect(undo(mira.page)).to_have_count(1)


@pytest.mark.parametrize("text", ["", "A line\n" * 6], ids=["empty", "grown"])
def test_on_a_phone_the_notice_covers_no_composer(
    new_visitor: NewVisitor, tomas: Visitor, text: str
) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    message = tomas.post(mira, QUESTION)
    save(mira, message)
    mira.open_chat_with(tomas)
    mira.box.fill(text)
    _, item = open_menu(mira, "Remove from saved")
    item.tap()
    expect(undo(mira.page)).to_be_visible()
    box = undo(mira.page).locator("..").bounding_box()
    composer = mira.page.locator("chat-composer").bounding_box()
    assert box
    assert composer
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= composer["y"]
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= composer["width"]
    # It stays while it has the focus.
    undo(mira.page).focus()
    assert_usable(mira.page)
    undo(mira.page).tap()
    expect(notice(mira.page, "Saved again.")).to_be_visible()


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_notice_and_those_of_reminders_and_the_connection_are_beside_each_other(
    new_visitor: NewVisitor, tomas: Visitor, device: dict[str, Any]
) -> None:
    mira = new_visitor("Mira Lind", **device)
    message = tomas.post(mira, QUESTION)
    save(mira, message)
    mira.open_chat_with(tomas)
    set_reminder(mira, message, minutes=0.05)
    page = mira.page
    due = page.get_by_role("region", name="Due reminders")
    expect(due).to_be_visible()
    _, item = open_menu(mira, "Remove from saved")
    item.click()
    expect(undo(page)).to_be_visible()
    # It stays: the screen of a phone has no pointer that could rest on it.
    undo(page).focus()
    assert_apart(page)

    mira.context.set_offline(True)
    expect(page.get_by_text("Offline", exact=True)).to_be_visible()
    assert_apart(page)
    undo(page).click()
    expect(notice(page, NOT_HERE)).to_be_visible()
    assert_apart(page)
    mira.context.set_offline(False)
    due.get_by_role("button", name="Dismiss").click()
    expect(due).to_have_count(0)


APART = """() => {
  const shown = [...document.querySelectorAll("chat-connection, .passing-notice, .due-notice")];
  const boxes = shown.filter((one) => one.textContent).map((one) => one.getBoundingClientRect());
  const meet = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const isApart = (a, place) => !boxes.slice(0, place).some((b) => meet(a, b));
  return boxes.length > 1 && boxes.every(isApart);
}"""


def assert_apart(page: Page) -> None:
    """Check that no notice covers another one, once they have moved."""
    page.emulate_media(reduced_motion="reduce")
    wait_until(page, APART)
