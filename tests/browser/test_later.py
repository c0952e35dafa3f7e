"""What happens later, at people's browsers: scheduled messages and reminders."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.pages import assert_usable, wait_until
from tests.harness.visitors import PHONE, NewDevice, NewVisitor, Visitor

NOT_HERE = "The chat cannot be reached right now"
NOTES = """
window.notes = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, { body }) {
    window.notes.push([title, body]);
  }
  close() {}
};
"""
HIDE = """() => {
  Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
# Late in the evening, in an hour is tomorrow, too.
TOMORROW = re.compile("^Tomorrow")
FIELD_VALUE = """time => {
  const at = new Date(time);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}"""
IN_ITS_ZONE = "time => { const at = new Date(time); return [at.getHours(), at.getMinutes()]; }"


def later_dialog(page: Page, name: str = "Send later") -> Locator:
    """Return the dialog that asks for a time."""
    return page.get_by_role("dialog", name=name)


def scheduled(page: Page) -> Locator:
    """Return the region of what is scheduled."""
    return page.get_by_role("region", name="Scheduled")


def open_scheduled(page: Page) -> Locator:
    """Go to what is scheduled by its link, and return the region."""
    page.get_by_role("button", name="Scheduled", exact=True).click()
    region = scheduled(page)
    expect(region).to_be_visible()
    expect(region.get_by_text("Loading what is scheduled…")).to_have_count(0)
    return region


def open_from_menu(visitor: Visitor, text: str) -> Locator:
    """Choose Remind me in the menu of a message, and return the menu of times."""
    message = visitor.message(text).first
    message.hover()
    message.get_by_role("button", name="More actions").click()
    visitor.page.get_by_role("menuitem", name="Remind me", exact=True).click()
    times = visitor.page.get_by_role("menu", name="Remind me")
    expect(times).to_be_visible()
    return times


def listed(visitor: Visitor, path: str) -> list[dict[str, Any]]:
    """Return the items of a list of the API."""
    items: list[dict[str, Any]] = visitor.http.get(path).raise_for_status().json()["items"]
    return items


def from_now(minutes: float) -> datetime:
    """Return the time in so many minutes."""
    return datetime.now().astimezone() + timedelta(minutes=minutes)


def minutes_until(time: str) -> float:
    """Return in how many minutes a time is."""
    return (datetime.fromisoformat(time) - from_now(0)).total_seconds() / 60


def remind_soon(visitor: Visitor, message: dict[str, Any], seconds: float = 1) -> None:
    """Remind a person of a message in a moment."""
    at = datetime.now().astimezone() + timedelta(seconds=seconds)
    path = f"/api/messages/{message['id']}/reminder"
    visitor.http.put(path, json={"at": at.isoformat()}).raise_for_status()


def schedule(visitor: Visitor, other: Visitor, text: str, minutes: float = 60) -> dict[str, Any]:
    """Schedule a message without the browser."""
    at = datetime.now().astimezone() + timedelta(minutes=minutes)
    body = {
        "receiver_id": other.user_id,
        "content": text,
        "send_at": at.isoformat(),
        "client_id": uuid4().hex,
    }
    made: dict[str, Any] = visitor.http.post("/api/scheduled", json=body).raise_for_status().json()
    return made


def test_a_message_is_scheduled_seen_on_every_device_and_sent(
    mira: Visitor, tomas: Visitor, new_device: NewDevice
) -> None:
    first = tomas.post(mira, "Who brings bread?")
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    device = new_device(mira)
    device.goto(f"{mira.url}/scheduled")
    expect(scheduled(device)).to_contain_text("Nothing is scheduled")

    question = mira.message("Who brings bread?")
    question.hover()
    question.get_by_role("button", name="Reply").click()
    mira.box.fill(f"I do, @{tomas.username}")
    mira.page.get_by_role("button", name="Send later").click()
    dialog = later_dialog(mira.page)
    dialog.get_by_role("button", name="In 1 hour").click()
    expect(dialog).to_be_hidden()
    expect(mira.box).to_have_value("")
    expect(mira.page.get_by_role("button", name="Cancel reply")).to_be_hidden()
    expect(mira.page.get_by_text("Scheduled: ")).to_be_visible()
    expect(mira.box).to_be_focused()
    assert listed(mira, "/api/scheduled")[0]["reply_to"] == first["id"]

    row = scheduled(device).get_by_role("listitem")
    expect(row).to_contain_text("Tomas Okafor")
    expect(row).to_contain_text(f"I do, @{tomas.username}")
    mira.page.reload()
    expect(mira.box).to_have_value("")
    expect(mira.page.get_by_text("Reply to Tomas")).to_be_hidden()
    row.get_by_role("button", name="Send now").click()
    answer = tomas.message("I do, @")
    expect(answer.get_by_role("button", name="Who brings bread?")).to_be_visible()
    expect(scheduled(device)).to_contain_text("Nothing is scheduled")
    expect(mira.message("I do, @")).to_have_count(1)


def test_a_time_that_cannot_be_is_refused_under_its_field(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.get_by_role("button", name="Send later").click()
    expect(mira.page.get_by_text("Write something first.")).to_be_visible()
    expect(mira.box).to_be_focused()
    mira.box.fill("Tomorrow, then")
    mira.page.get_by_role("button", name="Send later").click()
    dialog = later_dialog(mira.page)
    field = dialog.get_by_label("Time", exact=True)
    for value, words in (
        ("2020-01-01T09:00", "This time is over."),
        ("2099-01-01T09:00", "This is more than a year away."),
        ("", "Choose a day and a time."),
    ):
        field.fill(value)
        dialog.get_by_role("button", name="Schedule").click()
        expect(dialog.get_by_role("alert")).to_contain_text(words)
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
    mira.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(mira.box).to_have_value("Tomorrow, then")
    assert listed(mira, "/api/scheduled") == []


@pytest.mark.parametrize("wrong", [-10, 10], ids=["slow", "fast"])
def test_choices_are_by_the_clock_of_the_server_where_that_of_the_device_is_wrong(
    mira: Visitor, tomas: Visitor, wrong: int
) -> None:
    tomas.post(mira, "Who brings bread?")
    mira.page.clock.install(time=from_now(wrong))
    mira.open_chat_with(tomas)
    open_from_menu(mira, "Who brings bread?").get_by_role("menuitem", name="In 20 min").click()
    expect(mira.page.get_by_text("You will be reminded: ")).to_be_visible()
    assert minutes_until(listed(mira, "/api/reminders")[0]["at"]) == pytest.approx(20, abs=2)

    mira.box.fill("I do")
    mira.page.get_by_role("button", name="Send later").click()
    later_dialog(mira.page).get_by_role("button", name="In 1 hour").click()
    expect(later_dialog(mira.page)).to_be_hidden()
    assert minutes_until(listed(mira, "/api/scheduled")[0]["send_at"]) == pytest.approx(60, abs=2)


def test_a_time_is_over_by_the_clock_of_the_server(mira: Visitor, tomas: Visitor) -> None:
    page = mira.page
    page.clock.install(time=from_now(-10))
    mira.open_chat_with(tomas)
    mira.box.fill("I do")
    page.get_by_role("button", name="Send later").click()
    dialog = later_dialog(page)
    field = dialog.get_by_label("Time", exact=True)
    field.fill(page.evaluate(FIELD_VALUE, from_now(-5).isoformat()))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This time is over. Choose a later one.")
    assert not any("/api/scheduled" in url for url in sent)

    page.clock.install(time=from_now(10))
    mira.open_chat_with(tomas)
    expect(mira.box).to_have_value("I do")
    page.get_by_role("button", name="Send later").click()
    field.fill(page.evaluate(FIELD_VALUE, from_now(5).isoformat()))
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog).to_be_hidden()
    assert minutes_until(listed(mira, "/api/scheduled")[0]["send_at"]) == pytest.approx(5, abs=2)


def test_a_text_stays_in_the_box_until_the_chat_has_it(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.box.fill("From the train")
    mira.page.get_by_role("button", name="Send later").click()
    dialog = later_dialog(mira.page)
    expect(dialog).to_be_visible()
    mira.context.set_offline(True)
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_role("alert")).to_contain_text(NOT_HERE)
    expect(mira.box).to_have_value("From the train")

    # The answer of the first try is lost, and it is tried again with another time.
    mira.context.set_offline(False)
    lost: list[Any] = []

    def lose(route: Any) -> None:  # noqa: ANN401  # Playwright's route
        if lost:
            route.continue_()
            return
        lost.append(route.fetch())
        route.abort()

    mira.page.route("**/api/scheduled", lose)
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_role("alert")).to_contain_text(NOT_HERE)
    expect(dialog.get_by_role("button", name="Schedule")).to_be_enabled()
    dialog.get_by_role("button", name=TOMORROW).click()
    expect(dialog).to_be_hidden()
    expect(mira.box).to_have_value("")
    [one] = listed(mira, "/api/scheduled")
    assert mira.page.evaluate(IN_ITS_ZONE, one["send_at"]) == [9, 0]


def test_scheduling_works_by_keyboard_alone(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    keys = mira.page.keyboard
    keys.type("By keys")
    keys.press("Tab")
    keys.press("Tab")
    expect(mira.page.get_by_role("button", name="Send later")).to_be_focused()
    keys.press("Enter")
    dialog = later_dialog(mira.page)
    expect(dialog.get_by_role("button", name="In 1 hour")).to_be_focused()
    field = dialog.get_by_label("Time", exact=True)
    field.focus()
    keys.press("Enter")
    expect(dialog).to_be_hidden()
    expect(mira.box).to_be_focused()
    expect(mira.box).to_have_value("")

    opener = mira.page.get_by_role("button", name="Scheduled", exact=True)
    opener.focus()
    keys.press("Space")
    row = scheduled(mira.page).get_by_role("listitem")
    expect(row).to_contain_text("By keys")
    row.get_by_role("button", name="Edit").focus()
    keys.press("Enter")
    edit = later_dialog(mira.page, "Edit scheduled message")
    text = edit.get_by_label("Text")
    expect(text).to_be_focused()
    keys.press("End")
    keys.type("!")
    edit.get_by_role("button", name="Save").press("Enter")
    expect(edit).to_be_hidden()
    expect(row).to_contain_text("By keys!")
    expect(row.get_by_role("button", name="Edit")).to_be_focused()

    row.get_by_role("button", name="Delete").focus()
    keys.press("Enter")
    question = mira.page.get_by_role("dialog", name="Delete this scheduled message?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    keys.press("Escape")
    expect(question).to_be_hidden()
    expect(row.get_by_role("button", name="Delete")).to_be_focused()
    keys.press("Enter")
    question.get_by_role("button", name="Delete").press("Enter")
    expect(scheduled(mira.page)).to_contain_text("Nothing is scheduled")
    assert listed(mira, "/api/scheduled") == []


def test_a_refused_message_keeps_its_text_and_says_why(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Hello")
    schedule(mira, tomas, "Will you come?", minutes=0.05)
    tomas.http.put(f"/api/blocks/{mira.user_id}").raise_for_status()
    mira.context.grant_permissions(["clipboard-read", "clipboard-write"])
    mira.page.goto(f"{mira.url}/scheduled")
    row = scheduled(mira.page).get_by_role("listitem")
    # It may have been sent before the block.
    if mira.http.get("/api/scheduled").json()["items"]:
        expect(row).to_contain_text("Not sent: You cannot write to this person.")
        row.get_by_role("button", name="Copy").click()
        expect(mira.page.get_by_text("The text is copied.")).to_be_visible()
        assert mira.page.evaluate("navigator.clipboard.readText()") == "Will you come?"
        assert_usable(mira.page)
        tomas.http.delete(f"/api/blocks/{mira.user_id}").raise_for_status()
        row.get_by_role("button", name="Send now").click()
    expect(scheduled(mira.page)).to_contain_text("Nothing is scheduled")


def test_a_reminder_is_set_listed_changed_and_removed(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Who brings bread?")
    beside = mira.context.new_page()
    beside.goto(f"{mira.url}/scheduled")
    expect(scheduled(beside)).to_contain_text("Nothing is scheduled")
    mira.open_chat_with(tomas)
    times = open_from_menu(mira, "Who brings bread?")
    items = times.get_by_role("menuitem")
    expect(items).to_have_text(["In 20 minutes", "In 1 hour", "Tomorrow", "Another time…"])
    expect(items.first).to_be_focused()
    mira.page.keyboard.press("ArrowDown")
    mira.page.keyboard.press("ArrowDown")
    mira.page.keyboard.press("Enter")
    expect(mira.page.get_by_text("You will be reminded: Tomorrow")).to_be_visible()
    # Another tab lists it at once.
    expect(scheduled(beside).get_by_role("listitem")).to_contain_text("Who brings bread?")

    open_from_menu(mira, "Who brings bread?").get_by_role("menuitem", name="Another").click()
    dialog = later_dialog(mira.page, "Remind me")
    dialog.get_by_label("Time", exact=True).fill("2020-01-01T09:00")
    dialog.get_by_role("button", name="Remind me").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This time is over.")
    dialog.get_by_role("button", name="In 1 hour").click()
    expect(dialog).to_be_hidden()

    region = open_scheduled(mira.page)
    row = region.get_by_role("list", name="Reminders").get_by_role("listitem")
    expect(row).to_contain_text("Who brings bread?")
    row.get_by_role("button", name="Change").click()
    change = later_dialog(mira.page, "Change the reminder")
    change.get_by_role("button", name=TOMORROW).click()
    expect(change).to_be_hidden()
    expect(row.get_by_text("Tomorrow")).to_be_visible()
    row.get_by_role("link").click()
    expect(mira.message("Who brings bread?")).to_be_visible()
    mira.page.go_back()
    row.get_by_role("button", name="Remove the reminder").click()
    expect(region).to_contain_text("Nothing is scheduled")
    assert listed(mira, "/api/reminders") == []


def test_a_reminder_comes_to_every_tab_and_is_dismissed_in_all(
    mira: Visitor, tomas: Visitor
) -> None:
    message = tomas.post(mira, "Who brings bread?")
    mira.open_home()
    other = mira.context.new_page()
    other.goto(f"{mira.url}/people")
    expect(other.get_by_role("heading", name="People")).to_be_visible()
    remind_soon(mira, message)
    for page in (mira.page, other):
        notice = page.get_by_role("region", name="Due reminders").get_by_role("alert")
        expect(notice).to_have_count(1)
        expect(notice).to_contain_text("Who brings bread?")
        assert_usable(page)
    # It is neither lost nor doubled by a reload.
    other.reload()
    notices = other.get_by_role("region", name="Due reminders").get_by_role("alert")
    expect(notices).to_have_count(1)

    link = mira.page.get_by_role("link", name="Show message")
    link.click()
    expect(mira.message("Who brings bread?")).to_be_in_viewport()
    for page in (mira.page, other):
        expect(page.get_by_role("region", name="Due reminders")).to_have_count(0)
    other.reload()
    expect(other.get_by_role("heading", name="People")).to_be_visible()
    expect(other.get_by_role("region", name="Due reminders")).to_have_count(0)


def test_reminders_are_the_same_on_every_device_of_their_user(
    mira: Visitor, tomas: Visitor, new_device: NewDevice
) -> None:
    message = tomas.post(mira, "Who brings bread?")
    device = new_device(mira)
    device.goto(f"{mira.url}/scheduled")
    expect(scheduled(device)).to_contain_text("Nothing is scheduled")
    mira.open_chat_with(tomas)
    times = open_from_menu(mira, "Who brings bread?")
    times.get_by_role("menuitem", name="Tomorrow").click()
    row = scheduled(device).get_by_role("listitem")
    expect(row).to_contain_text("Tomorrow")

    # Its time comes: no row any more, and a notice on both devices.
    remind_soon(mira, message)
    expect(row).to_have_count(0)
    notices = [
        page.get_by_role("region", name="Due reminders").get_by_role("alert")
        for page in (mira.page, device)
    ]
    for notice in notices:
        expect(notice).to_contain_text("Who brings bread?")
    notices[0].get_by_role("button", name="Dismiss").click()
    for notice in notices:
        expect(notice).to_have_count(0)
    expect(scheduled(device)).to_contain_text("Nothing is scheduled")


def test_the_browser_notifies_of_a_reminder_that_nobody_sees(mira: Visitor, tomas: Visitor) -> None:
    message = tomas.post(mira, "Who brings **bread**?")
    mira.page.add_init_script(NOTES)
    mira.open_home()
    mira.page.evaluate(HIDE)
    remind_soon(mira, message)
    wait_until(mira.page, "() => window.notes.length === 1")
    assert mira.page.evaluate("window.notes") == [["Reminder", "Tomas Okafor: Who brings bread?"]]


def test_a_reminder_that_came_while_away_is_shown_on_return(mira: Visitor, tomas: Visitor) -> None:
    message = tomas.post(mira, "Who brings bread?")
    remind_soon(mira, message, 0.5)
    while not listed(mira, "/api/reminders")[0]["due"]:
        mira.page.wait_for_timeout(100)
    mira.open_home()
    notice = mira.page.get_by_role("region", name="Due reminders").get_by_role("alert")
    expect(notice).to_contain_text("Who brings bread?")
    notice.get_by_role("button", name="Dismiss").focus()
    mira.page.keyboard.press("Enter")
    expect(notice).to_have_count(0)


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_all_of_it_is_usable_by_ear_and_eye_in_both_colours(
    new_visitor: NewVisitor, device: dict[str, object]
) -> None:
    mira = new_visitor("Mira Lind", **device)
    other = new_visitor("Yosef יוסף " + "x" * 70)
    message = other.post(mira, "שלום <img src=x onerror=alert(1)> " + "word" * 60)
    mira.page.goto(f"{mira.url}/scheduled")
    expect(scheduled(mira.page)).to_contain_text("Nothing is scheduled")
    assert_usable(mira.page)
    schedule(mira, other, "**Bold** <script>alert(1)</script> " + "long" * 60)
    remind_soon(mira, message, 3_600)
    mira.page.reload()
    expect(scheduled(mira.page).get_by_role("listitem")).to_have_count(2)
    expect(scheduled(mira.page)).to_contain_text("Bold <script>alert(1)</script>")
    assert_usable(mira.page)
    scheduled(mira.page).get_by_role("button", name="Edit").click()
    expect(later_dialog(mira.page, "Edit scheduled message")).to_be_visible()
    assert_usable(mira.page)
    mira.page.keyboard.press("Escape")
    mira.open_chat_with(other)
    mira.box.fill("Hello")
    assert_usable(mira.page)
    mira.page.get_by_role("button", name="Send later").click()
    expect(later_dialog(mira.page)).to_be_visible()
    assert_usable(mira.page)
    later_dialog(mira.page).get_by_label("Time", exact=True).fill("2020-01-01T09:00")
    later_dialog(mira.page).get_by_role("button", name="Schedule").click()
    expect(later_dialog(mira.page).get_by_role("alert")).to_be_visible()
    assert_usable(mira.page)
    mira.page.keyboard.press("Escape")
    remind_soon(mira, message, 0.2)
    expect(mira.page.get_by_role("region", name="Due reminders")).to_be_visible()
    assert_usable(mira.page)
    expect(mira.page).to_have_title(re.compile("Chat"))
