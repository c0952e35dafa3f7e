"""Presence in the browser when tabs are killed: only the last one takes its person offline."""

import contextlib

import pytest
from playwright.sync_api import Error, Page, expect

from tests.harness.visitors import Visitor

# The grace of ten seconds, and a machine that is not ours alone.
GONE_WITHIN_MS = 60_000


@pytest.fixture(scope="module")
def tabs_share_a_process() -> bool:
    """Return that every tab has a process of its own, which the test kills."""
    return False


def kill(page: Page) -> None:
    """Kill a tab as the system does when memory is short: none of its scripts runs."""
    session = page.context.new_cdp_session(page)
    with contextlib.suppress(Error):  # there is nobody left to answer
        session.send("Page.crash", timeout=1_000)


def test_a_person_is_offline_when_the_last_of_several_tabs_is_killed(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    sofia.post(mira, "Hello")
    tomas.open_chat_with(mira)
    sofia.open_home()
    second, third = tomas.context.new_page(), tomas.context.new_page()
    for page in (second, third):
        page.goto(tomas.url)
        expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()
    mira.open_chat_with(tomas)
    status = mira.page.get_by_role("main").get_by_role("status")
    expect(status.filter(has_text="Online")).to_have_count(1)
    mira.page.evaluate(
        """() => {
          window.shown = [];
          new MutationObserver(() => {
            const words = [...document.querySelectorAll("main [role=status]")];
            window.shown.push(words.map((one) => one.textContent).join(" "));
          }).observe(document.querySelector("main"), {
            childList: true, subtree: true, characterData: true,
          });
        }"""
    )

    other = mira.conversations.get_by_role("link", name="Sofia Brandt")
    expect(other.get_by_role("img", name="Online")).to_have_count(1)

    kill(second)
    tomas.page.close()
    # Sofia leaves after those two tabs: when her grace is over, so is theirs.
    sofia.page.close()
    expect(other.get_by_role("img", name="Online")).to_have_count(0, timeout=GONE_WITHIN_MS)
    assert not [words for words in mira.page.evaluate("window.shown") if "Last seen" in words]
    expect(status.filter(has_text="Online")).to_have_count(1)

    kill(third)
    expect(status.filter(has_text="Last seen")).to_have_count(1, timeout=GONE_WITHIN_MS)
