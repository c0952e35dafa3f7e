"""Walks in Firefox and WebKit: what can be done with a message."""

import pytest

from tests.harness.windows import CONTROL, ENTER, ESCAPE, RIGHT, UP, Person, Window

pytestmark = [pytest.mark.only_in_test_all, pytest.mark.one_process]


def test_a_message_is_reacted_to_and_answered_and_the_answer_is_edited(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    here = tomas.post(mira, "Who brings bread?")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.press_tool(1, "React")
    window.until_focused("[data-quick='👍']")
    window.engine.press(f"{RIGHT}{ENTER}")
    window.until("article [data-reaction='❤️'][aria-pressed=true]")
    window.until_focused("article [data-do=react]")
    window.press_tool(1, "Reply")
    window.until_focused("textarea")
    window.until("[data-replying]", "Reply to Tomas Okafor")
    window.engine.press(f"I do, on Sundey{ENTER}")
    window.until("article .quote", "Who brings bread?")
    # It has its place in the conversation, with which it can be edited.
    window.until("article[data-seq='2']", "I do, on Sundey")

    window.engine.press(UP)
    window.until("[data-editing]")
    window.until_holds("textarea", "I do, on Sundey")
    window.engine.press("!")
    window.until_holds("textarea", "I do, on Sundey!")
    window.engine.press(ESCAPE)
    window.until("[data-editing]", is_gone=True)
    window.choose(2, "Edit")
    window.until_focused("textarea")
    window.fill("textarea", "Message", f"I do, on Sunday{ENTER}")
    window.until("article", "I do, on Sunday")
    window.click("article button", "edited")
    window.until("dialog li", "I do, on Sundey")
    window.engine.press(ESCAPE)
    window.until("dialog li", is_gone=True)
    window.until_focused("article button.edited")

    [asked, answer] = tomas.items(f"/api/conversations/{here}/messages")
    assert [one["emoji"] for one in asked["reactions"]] == ["❤️"]
    assert (answer["content"], answer["reply_to"]["id"]) == ("I do, on Sunday", asked["id"])


def test_a_message_is_pinned_saved_and_forwarded(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    tomas.post(mira, "Who brings bread?")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.choose(1, "Pin")
    window.until("article [aria-label=Pinned]")
    window.click("header button", "Pinned")
    window.until("chat-panel li", "Who brings bread?")
    window.until_focused("[data-dismiss]")
    window.choose(1, "Unpin")
    window.until("chat-panel", "Nothing is pinned here")
    window.engine.press(ESCAPE)
    window.until("chat-panel h2", is_gone=True)

    window.choose(1, "Save")
    window.until("[role=status]", "Saved.")
    window.click("[role=button]", "Saved")
    window.click("li a", "Who brings bread?")
    window.choose(1, "Remove from saved")
    window.until("[role=status]", "Removed from Saved.")
    assert mira.items("/api/saved") == []

    window.choose(1, "Forward")
    window.until_focused("dialog [type=search]")
    window.engine.press(f"okafor{ENTER}")
    window.until("dialog h2", "Forward", is_gone=True)
    window.until("[role=status]", "Forwarded to Tomas Okafor.")
    window.until("article", "Forwarded from Tomas Okafor")


def test_a_link_is_copied_and_sent_and_deleted(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    here = tomas.post(mira, "Who brings bread?")
    link = f"{window.url}/chat/{here}?at=1"
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.choose(1, "Copy link")
    window.until("[role=status]", "The link is copied.")
    window.click("textarea", "Message")
    window.engine.press_together(CONTROL, "v")
    window.until_holds("textarea", link)
    window.engine.press(ENTER)
    window.until("article:has([aria-label=Sent])", link)

    window.choose(2, "Delete")
    window.until("dialog h2", "Delete this message?")
    window.until_focused("[data-do=cancel]")
    window.engine.press(ESCAPE)
    window.until("dialog h2", "Delete this message?", is_gone=True)
    window.choose(2, "Delete")
    window.click("dialog button", "Delete")
    window.until("article", "Message deleted")
    window.until("dialog h2", "Delete this message?", is_gone=True)
    window.open(link.removeprefix(window.url))
    window.until("article", "Who brings bread?")
