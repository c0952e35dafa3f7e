"""A broken connection: its notice, the attempts to reconnect, and catching up afterwards."""

import re
from itertools import pairwise

from playwright.sync_api import Route, expect

from tests.harness.pages import REST, top_of, wait_until
from tests.harness.visitors import Visitor

# Longer than a page waits for an answer of the server.
LATE_MS = 6_000
# A link that can be cut: meanwhile new connections go where the server has no socket.
CUTTABLE = """
const Link = window.WebSocket;
window.WebSocket = class extends Link {
  constructor(url, protocols) {
    super(window.isCut ? location.origin.replace("http", "ws") + "/api/none" : url, protocols);
    window.link = this;
    (window.attempts ??= []).push(Date.now());
  }
};
"""


# Waits until an attempt has failed: the fake clock stands still for as long as that takes.
IS_CLOSED = """() => new Promise((done) => {
  if (window.link.readyState === WebSocket.CLOSED) done();
  else window.link.addEventListener("close", () => done());
})"""


def test_the_page_shows_that_it_reconnects_and_catches_up(mira: Visitor, tomas: Visitor) -> None:
    mira.page.add_init_script(CUTTABLE)
    mira.open_chat_with(tomas)
    reconnecting = mira.page.get_by_role("status").filter(has_text="Reconnecting…")
    expect(reconnecting).to_have_count(0)

    mira.page.evaluate("window.isCut = true; window.link.close()")
    expect(reconnecting).to_be_visible()
    for number in range(3):
        tomas.post(mira, f"Missed {number}")
    mira.write("Written meanwhile")
    expect(mira.message("Written meanwhile").get_by_role("img", name="Sent")).to_be_visible()
    mira.page.evaluate("window.isCut = false")

    expect(reconnecting).to_have_count(0)
    expect(mira.message("Missed")).to_have_count(3)
    expect(mira.message("Written meanwhile")).to_have_count(1)
    expect(mira.log.get_by_role("article").last).to_contain_text("Written meanwhile")


def test_the_page_shows_that_it_is_offline(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    offline = mira.page.get_by_role("status").filter(has_text="Offline")
    expect(offline).to_have_count(0)

    mira.context.set_offline(True)
    expect(offline).to_be_visible()
    mira.context.set_offline(False)

    expect(offline).to_have_count(0)


def test_the_place_of_a_reader_in_the_past_outlives_a_broken_link(
    mira: Visitor, tomas: Visitor
) -> None:
    """Cut the link of a reader one page up, and of one so far up that the end is not shown."""
    tomas.post_all(mira, [f"Number {number:03}" for number in range(400)])
    mira.page.add_init_script(CUTTABLE)
    mira.open_chat_with(tomas)
    for place, shows_end in (("Number 320", True), ("Number 020", False)):
        while not mira.message(place).count():
            mira.log.evaluate("log => log.scrollTop = 100")
            mira.page.evaluate("() => new Promise(requestAnimationFrame)")
        expect(mira.message("Number 399")).to_have_count(int(shows_end))
        keeps_place_while_cut(mira, tomas, place)
    mira.page.reload()
    expect(mira.message("The link is back").last).to_be_in_viewport()


def keeps_place_while_cut(mira: Visitor, tomas: Visitor, text: str) -> None:
    """Check that a cut in which a page of messages comes moves nothing that Mira sees."""
    place = mira.message(text)
    place.scroll_into_view_if_needed()
    mira.page.evaluate(REST)
    before = top_of(place)

    mira.page.evaluate("window.isCut = true; window.link.close()")
    reconnecting = mira.page.get_by_role("status").filter(has_text="Reconnecting…")
    expect(reconnecting).to_be_visible()
    for number in range(60):
        tomas.post(mira, f"Missed {number}")
    mira.page.evaluate("window.isCut = false")
    expect(reconnecting).to_have_count(0)
    tomas.post(mira, "The link is back")
    expect(mira.page).to_have_title(re.compile(r"^\("))
    jump = mira.page.get_by_role("button", name=re.compile("^New(est| messages)$"))
    expect(jump).to_be_visible()

    expect(place).to_be_in_viewport()
    assert abs(top_of(place) - before) <= 2


def test_a_broken_link_is_tried_again_at_growing_intervals(mira: Visitor, tomas: Visitor) -> None:
    mira.page.add_init_script(CUTTABLE)
    mira.open_chat_with(tomas)
    # The largest random value and a fake clock: each wait is the longest possible.
    mira.page.evaluate("Math.random = () => 0.999")
    mira.page.clock.install()
    mira.page.evaluate("window.attempts = []; window.isCut = true; window.link.close()")
    for _ in range(150):
        mira.page.clock.run_for(1_000)
        mira.page.evaluate(IS_CLOSED)

    attempts = mira.page.evaluate("window.attempts")
    waits = [later - earlier for earlier, later in pairwise(attempts)]
    assert len(waits) >= 4
    assert max(waits) <= 31_000
    assert waits[0] < waits[2] < waits[3]


def test_a_browser_that_is_online_again_reconnects_at_once(mira: Visitor, tomas: Visitor) -> None:
    mira.page.add_init_script(CUTTABLE)
    mira.open_chat_with(tomas)
    # The next scheduled attempt is far away: waiting for it would time out.
    mira.page.evaluate("window.isCut = true; Math.random = () => 1e6; window.link.close()")
    reconnecting = mira.page.get_by_role("status").filter(has_text="Reconnecting…")
    expect(reconnecting).to_be_visible()
    mira.page.evaluate("window.isCut = false; dispatchEvent(new Event('online'))")

    expect(reconnecting).to_have_count(0)
    tomas.post(mira, "You are back")
    expect(mira.message("You are back")).to_be_visible()


def test_a_link_that_died_during_sleep_is_replaced_at_once(mira: Visitor, tomas: Visitor) -> None:
    mira.page.add_init_script(CUTTABLE)
    mira.open_chat_with(tomas)
    before = mira.page.evaluate("window.first = window.link; true")
    assert before

    # Simulate a sleep: the clock jumps and no frame has been received since.
    mira.page.evaluate(
        """() => {
          const now = Date.now;
          Date.now = () => now() + 60_000;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )

    wait_until(mira.page, "() => window.link !== window.first && window.link.readyState === 1")
    tomas.post(mira, "Good morning")
    expect(mira.message("Good morning")).to_be_visible()


def test_a_page_whose_scripts_come_late_is_taken_over_as_it_was_built(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post(mira, "Hello")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    mira.page.route("**/entry.client-*.js", hold)
    mira.page.goto(mira.url, wait_until="commit")
    wait_until(mira.page, "() => customElements.get('chat-wanted')")
    # As long as the page waits for an answer, and longer.
    mira.page.wait_for_timeout(LATE_MS)

    assert held
    for route in held:
        route.continue_()

    # An error of React's fails the test.
    expect(mira.conversations.get_by_role("link", name="Tomas")).to_be_visible()
