"""Presence and typing in two browsers."""

import re

from playwright.sync_api import Locator, expect

from tests.harness.visitors import Visitor

GRACE_MS = 10_000
LAST_SEEN = re.compile(r"^Last seen today at \d")
NOTE_STATUS = """
window.shown = [];
new MutationObserver(() => {
  const words = document.querySelector("chat-status")?.textContent;
  if (words !== undefined && words !== window.shown.at(-1)) window.shown.push(words);
}).observe(document, { childList: true, subtree: true, characterData: true });
"""


def status_of(visitor: Visitor) -> Locator:
    """Return the status line of the open chat."""
    return visitor.page.get_by_role("region", name="Conversation").get_by_role("status")


def test_a_person_is_online_until_the_grace_after_the_last_tab(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post(mira, "Are you there?")
    mira.page.add_init_script(NOTE_STATUS)
    mira.open_chat_with(tomas)
    dot = mira.conversations.get_by_role("img", name="Online")
    expect(dot).to_have_count(0)

    tomas.open_home()
    expect(status_of(mira)).to_have_text("Online")
    expect(dot).to_have_count(1)
    tomas.page.reload()
    second = tomas.context.new_page()
    second.goto(tomas.url)
    expect(second.get_by_role("searchbox", name="Search people")).to_be_visible()
    tomas.page.close()
    shown = mira.page.evaluate("window.shown")
    second.close()

    expect(status_of(mira)).to_have_text(LAST_SEEN, timeout=5 * GRACE_MS)
    expect(dot).to_have_count(0)
    assert shown[-1] == "Online"
    assert not [words for words in shown[shown.index("Online") :] if words != "Online"]


def test_hidden_presence_shows_no_status(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Are you there?")
    mira.open_chat_with(tomas)
    tomas.open_home()
    expect(status_of(mira)).to_have_text("Online")

    tomas.http.patch("/api/users/me", json={"share_presence": False}).raise_for_status()

    expect(status_of(mira)).to_have_text("")
    expect(mira.conversations.get_by_role("img", name="Online")).to_have_count(0)


def test_typing_is_shown_with_the_name_for_a_while(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Are you there?")
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    expect(status_of(mira)).to_have_text("Online")

    tomas.box.press_sequentially("Hel")
    expect(status_of(mira)).to_have_text("Tomas Okafor is typing…")
    expect(status_of(mira)).to_have_text("Online", timeout=8_000)

    tomas.box.press_sequentially("lo")
    expect(status_of(mira)).to_have_text("Tomas Okafor is typing…")
    tomas.box.press("Enter")
    expect(mira.message("Hello")).to_have_count(1)
    expect(status_of(mira)).to_have_text("Online", timeout=2_000)
    expect(status_of(tomas)).to_have_text("Online")
