"""Receipts of own messages (Sent, Delivered, Read), and unread badges on every page of a person."""

import re
import time
from statistics import median

import pytest
from playwright.sync_api import Route, expect

from tests.harness.visitors import Visitor

BADGE_MS = 1_000
SAMPLES = 5
SLOW_ANSWER_S = 1.0
HIDDEN = """
Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
"""
NOTE_TITLES = """
window.titles = {};
new MutationObserver(() => (window.titles[document.title] ??= Date.now()))
  .observe(document, { childList: true, subtree: true, characterData: true });
"""


@pytest.fixture
def profiles_are_kept() -> bool:
    """Return that no other test may use the profiles, in which these tests change every tab."""
    return False


def test_a_message_is_sent_then_delivered_then_read(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write("Are you there?")
    message = mira.message("Are you there?")
    expect(message.get_by_role("img", name="Sent")).to_be_visible()

    tomas.open_home()
    expect(message.get_by_role("img", name="Delivered")).to_be_visible()
    mira.write("And now?")
    expect(mira.message("And now?").get_by_role("img", name="Delivered")).to_be_visible()

    tomas.conversations.get_by_role("link").click()
    for text in ("Are you there?", "And now?"):
        expect(mira.message(text).get_by_role("img", name="Read")).to_have_count(1)
    mira.page.reload()
    expect(mira.log.get_by_role("img", name="Read")).to_have_count(2)


def test_a_badge_is_on_every_page_of_a_person_within_a_second(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.context.add_init_script(NOTE_TITLES)
    tomas.open_home()
    second = tomas.context.new_page()
    second.goto(tomas.url)
    expect(second.get_by_text("No conversations yet.")).to_be_visible()
    took: list[float] = []
    for number in range(1, SAMPLES + 1):
        mira.post(tomas, f"Number {number}.")
        acked = tomas.page.evaluate("Date.now()")
        for page in (tomas.page, second):
            expect(page).to_have_title(re.compile(rf"^\({number}\) "))
            titles: dict[str, float] = page.evaluate("window.titles")
            took += [at - acked for title, at in titles.items() if title.startswith(f"({number})")]

    assert median(took) <= BADGE_MS, took
    tomas.conversations.get_by_role("link").click()
    for page in (tomas.page, second):
        expect(page).to_have_title(re.compile("^[^(]"))


def test_a_message_read_at_another_device_is_read_here(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_home()
    message = mira.post(tomas, "Read me")
    expect(tomas.page).to_have_title(re.compile(r"^\(1\) "))

    path = f"/api/conversations/{message['conversation_id']}"
    tomas.http.post(f"{path}/read", json={"seq": 1}).raise_for_status()
    expect(tomas.page).to_have_title(re.compile("^[^(]"))

    tomas.http.post(f"{path}/unread", json={"seq": 1}).raise_for_status()
    expect(tomas.page).to_have_title(re.compile(r"^\(1\) "))


def test_a_read_mark_that_is_refused_for_a_while_is_sent_again(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.post(tomas, "Read me")
    refused: list[str] = []

    def refuse_the_first(route: Route) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route.request.url)
        # An answer that comes after the page has looked for newer messages.
        time.sleep(SLOW_ANSWER_S)
        route.fulfill(status=429, headers={"retry-after": "1"}, json={"code": "rate_limited"})

    tomas.context.route("**/api/conversations/*/read", refuse_the_first)
    tomas.open_home()
    tomas.conversations.get_by_role("link").click()
    expect(tomas.page).to_have_title(re.compile("^[^(]"))
    assert len(refused) == 1


def test_the_title_of_every_page_begins_with_what_is_unread(mira: Visitor, tomas: Visitor) -> None:
    mira.post(tomas, "One")
    conversation_id = mira.post(tomas, "Two")["conversation_id"]
    tomas.page.add_init_script(HIDDEN)
    for path in ("/", f"/chat/{conversation_id}", "/people", "/settings"):
        tomas.page.goto(f"{tomas.url}{path}")
        expect(tomas.page).to_have_title(re.compile(r"^\(2\) "))
