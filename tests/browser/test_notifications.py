"""Notifications of pushes: how soon they are shown, their words, and what a click on one opens."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_push import (
    NOTES,
    Service,
    Subscribe,
    address,
    browser,
    leave,
    profiles_are_kept,
    service,
    show_note,
    storage_of_chat,
    subscriber,
)
from tests.harness.chats import Storage
from tests.harness.pages import wait_until
from tests.harness.processor import Stopwatch, slowness
from tests.harness.visitors import NewVisitor, Visitor
from tests.harness.workers import OpenWorker

# The browser, the chat and the push service of these tests are made in the same way.
__all__ = [
    "address",
    "browser",
    "profiles_are_kept",
    "service",
    "storage_of_chat",
    "subscriber",
]

# After the answer to the sender, on a quiet machine.
SHOWN_WITHIN_S = 2.0
MEASURED = 5


def with_text(mira: Visitor) -> None:
    """Let the pushes to somebody have the text."""
    show_text = mira.page.get_by_role("switch", name="Show message text")
    show_text.click()
    expect(show_text).to_have_attribute("aria-checked", "true")


@pytest.mark.only_in_test_all
def test_a_push_is_shown_within_two_seconds_after_the_ack(
    subscriber: Subscribe, tomas: Visitor, service: Service, storage_of_chat: Storage
) -> None:
    mira = subscriber("prompt")
    with_text(mira)
    worker = OpenWorker(mira.page, mira.url)
    leave(storage_of_chat, mira.page, "prompt")

    took = []
    for number in range(1, MEASURED + 1):
        text = f"Number {number}"
        tomas.post(mira, text)
        watch = Stopwatch()
        worker.push(service.next_for("prompt", number)[-1])
        worker.until_shown(text)
        took.append((round(watch.passed(), 3), watch.seconds() / slowness()))

    print(f"pushes were shown after {[passed for passed, _ in took]} s")  # noqa: T201  # a figure
    assert max(seconds for _, seconds in took) <= SHOWN_WITHIN_S, took


def test_a_click_on_a_notification_opens_its_conversation(
    subscriber: Subscribe, tomas: Visitor, new_visitor: NewVisitor
) -> None:
    mira, sofia = subscriber("clicked"), new_visitor("Sofia Brandt")
    page = mira.page
    from_sofia = sofia.post(mira, "From Sofia")["conversation_id"]
    sent = tomas.post(mira, "From Tomas")
    push = {"type": "message", "conversation_id": sent["conversation_id"], "unread": 1}
    worker = OpenWorker(page, mira.url)

    # No page is open.
    page.goto("about:blank")
    worker.push({**push, "message_id": sent["id"], "title": "Tomas Okafor", "body": "From Tomas"})
    worker.until_shown("From Tomas")
    worker.click()
    assert worker.opened() == [f"/chat/{sent['conversation_id']}"]
    assert worker.worker.evaluate("async () => (await registration.getNotifications()).length") == 0

    # A page is open, in which something is being written.
    page.goto(f"{mira.url}/chat/{from_sofia}")
    mira.box.fill("Half written")
    page.evaluate("window.stays = true")
    show_note(page, sent["conversation_id"])
    worker.click()
    page.wait_for_url(f"**/chat/{sent['conversation_id']}")
    expect(mira.message("From Tomas")).to_be_visible()
    assert page.evaluate("window.stays") is True
    assert worker.worker.evaluate("self.opened") == []
    wait_until(page, f"async () => (await ({NOTES})()).length === 0")
    page.goto(f"{mira.url}/chat/{from_sofia}")
    expect(mira.box).to_have_value("Half written")


def test_a_notification_and_the_list_show_the_words_without_their_marks(
    subscriber: Subscribe, tomas: Visitor, service: Service, storage_of_chat: Storage
) -> None:
    mira = subscriber("plain")
    with_text(mira)
    page = mira.page
    worker = OpenWorker(page, mira.url)
    leave(storage_of_chat, page, "plain")
    members = {"kind": "group", "title": "*All*", "member_ids": [mira.user_id]}
    group = tomas.http.post("/api/conversations", json=members).raise_for_status().json()["id"]
    messages = {
        "**Bold** and `code`, [a link](https://example.org)": "Bold and code, a link",
        "> quoted\n\n- one\n- two": "quoted • one • two",
        "2 * 3 * 4, a_b_c and **open": "2 * 3 * 4, a_b_c and **open",
        f"**{'long ' * 400}**": f"{'long ' * 19}long",
    }
    shown = []
    for number, text in enumerate(messages, start=1):
        body = {"conversation_id": group, "content": text}
        tomas.http.post("/api/messages", json=body).raise_for_status()
        worker.push(service.next_for("plain", number)[-1])
        [[title, note]] = worker.next_notes()
        assert title == "*All*"
        shown.append(note)

    for note, words in zip(shown, messages.values(), strict=True):
        assert note.startswith(f"Tomas Okafor: {words}")
        assert "**" not in note.removesuffix("**open")
    page.goto(mira.url)
    preview = mira.conversations.get_by_role("link").first.locator(".row-preview")
    expect(preview).to_contain_text("long long")
    assert shown[-1].startswith(preview.inner_text().strip().removesuffix("…"))
