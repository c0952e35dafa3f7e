"""Trust 11 in the browser: killed tabs, and several of them. Nobody flickers, nobody stays."""

import contextlib

from playwright.sync_api import Error, Page, expect

from tests.harness.visitors import Visitor

# The grace of ten seconds, and a machine that is not ours alone.
GONE_WITHIN_MS = 30_000


def kill(page: Page) -> None:
    """End a tab as the system does when memory is short: no script of it runs any more."""
    session = page.context.new_cdp_session(page)
    with contextlib.suppress(Error):  # there is nobody left to answer
        session.send("Page.crash", timeout=1_000)


def test_killed_tabs_count_no_more_and_the_last_one_alone_is_told(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.open_chat_with(mira)
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

    kill(second)
    tomas.page.close()
    # Past the grace of those two there is still the third.
    mira.page.wait_for_timeout(13_000)
    assert not [words for words in mira.page.evaluate("window.shown") if "Last seen" in words]
    expect(status.filter(has_text="Online")).to_have_count(1)

    kill(third)
    expect(status.filter(has_text="Last seen")).to_have_count(1, timeout=GONE_WITHIN_MS)
