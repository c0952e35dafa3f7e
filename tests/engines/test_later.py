"""Walks in Firefox and WebKit: messages that are sent later, reminders, drafts on two devices."""

from datetime import datetime, timedelta

import pytest

from tests.harness.windows import DOWN, END, ENTER, Person, Window

pytestmark = [pytest.mark.only_in_test_all, pytest.mark.one_process]

# Puts a day and a time into the field, as the browser's own calendar does.
CHOOSE_TIME = """(value) => {
  const field = document.querySelector("dialog[open] input");
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}"""
FOCUS_SCHEDULED = "() => document.querySelector('[role=button][aria-label=Scheduled]').focus()"
ROW = "chat-scheduled li"
NOTHING = "Nothing is scheduled"


def test_a_message_is_scheduled_edited_and_sent_by_hand(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    here = tomas.post(mira, "Who brings bread?")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.fill("textarea", "Message", "I bring bread")
    window.click("button", "Send later")
    window.until("dialog h2", "Send later")
    window.until_focused(".time-choice:first-child")
    window.until_true("() => document.querySelector('#later-time').type === 'datetime-local'")
    window.engine.call(CHOOSE_TIME, "2020-01-01T09:00")
    window.click("dialog button", "Schedule")
    window.until("dialog [role=alert]", "This time is over.")
    window.until_focused("#later-time")
    tomorrow = (datetime.now().astimezone() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    window.engine.call(CHOOSE_TIME, tomorrow)
    window.engine.press(ENTER)
    window.until("dialog h2", "Send later", is_gone=True)
    window.until_holds("textarea", "")
    window.until_focused("textarea")
    window.until("[role=status]", "Scheduled: ")

    window.click("a", "Show what is scheduled")
    window.until(ROW, "I bring bread")
    window.click(f"{ROW} button", "Edit")
    window.until_focused("#later-text")
    window.engine.press(f"{END}!")
    window.click("dialog button", "Save")
    window.until(ROW, "I bring bread!")
    window.until_focused("[data-later=edit]")
    window.click(f"{ROW} button", "Send now")
    window.until("section", NOTHING)
    assert tomas.texts(here) == ["Who brings bread?", "I bring bread!"]


def test_a_reminder_is_set_changed_and_comes(window: Window, people: tuple[Person, Person]) -> None:
    mira, tomas = people
    tomas.post(mira, "Who brings bread?")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.choose(1, "Remind me")
    window.until_focused("[data-remind=soon]")
    window.engine.press(f"{DOWN}{DOWN}{ENTER}")
    window.until("[role=status]", "You will be reminded: Tomorrow")
    window.engine.call(
        "() => document.querySelector('[role=button][aria-label=Scheduled]').focus()"
    )
    window.engine.press(" ")
    window.until(ROW, "Who brings bread?")
    window.until(f"{ROW} time", "Tomorrow")
    window.click(f"{ROW} button", "Change")
    window.until("dialog h2", "Change the reminder")
    window.click("dialog button", "In 1 hour")
    window.until("dialog h2", "Change the reminder", is_gone=True)
    window.until(f"{ROW} time", "Tomorrow", is_gone=True)

    [reminder] = mira.items("/api/reminders")
    at = datetime.now().astimezone() + timedelta(seconds=1)
    path = f"/api/messages/{reminder['message']['id']}/reminder"
    mira.http.put(path, json={"at": at.isoformat()}).raise_for_status()
    window.until("[role=alert]", "Who brings bread?")
    window.click("[role=alert] a", "Show message")
    window.until("article", "Who brings bread?")
    window.until("[role=alert]", "Who brings bread?", is_gone=True)
    assert mira.items("/api/reminders") == []


def test_a_draft_goes_on_at_the_other_device(
    window: Window, other_window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    here = tomas.post(mira, "Who brings bread?")
    for each in (window, other_window):
        each.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.press_tool(1, "Reply")
    window.until_focused("textarea")
    window.engine.press("I do, from the")
    other_window.until("nav a", "Draft: I do, from the")
    other_window.click("nav a", "Tomas Okafor")
    other_window.until_holds("textarea", "I do, from the")
    other_window.until("[data-replying]", "Reply to Tomas Okafor")
    other_window.click("textarea", "Message")
    other_window.engine.press(f"{END} train")
    window.until_holds("textarea", "I do, from the train")
    # The browser keeps it as well.
    window.open(f"/chat/{here}")
    window.until_holds("textarea", "I do, from the train")
    window.until("[data-replying]", "Reply to Tomas Okafor")
    other_window.engine.press(ENTER)
    window.until("article", "I do, from the train")
    window.until_holds("textarea", "")
    window.until("[data-replying]", "Reply to Tomas Okafor", is_gone=True)

    # A text does not come into a box that was just used: it is offered beside it.
    window.fill("textarea", "Message", f"And cheese{ENTER}")
    window.until("article:has([aria-label=Sent])", "And cheese")
    other_window.engine.press("And butter?")
    window.until("[data-other-draft]", "And butter?")
    window.until_holds("textarea", "")
    window.click("button", "Use it")
    window.until_holds("textarea", "And butter?")
    window.until("[data-other-draft]", is_gone=True)
    assert tomas.texts(here)[1:] == ["I do, from the train", "And cheese"]
