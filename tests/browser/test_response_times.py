"""How soon a page answers its person: keys, own messages, conversations that were seen before.

The figures are measured in the page. The bounds are those of a quiet machine; the median of many
is judged, and the time in which our processes waited for a core does not count.
"""

import statistics

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_offline import IS_KEPT, KEPT_LISTS
from tests.harness.pages import wait_until
from tests.harness.processor import Stopwatch, slowness
from tests.harness.response_times import FILL, MOST_ROWS, OPENING, SENDING, SHOWN, TOOK, TYPING
from tests.harness.visitors import NewVisitor, Visitor

# The bounds hold on a quiet machine only.
pytestmark = pytest.mark.only_in_test_all

KEY_MS = 16
FRAME_MS = 1000 / 60
SEEN_BEFORE_MS = 100
ROUND_TRIP_MS = 400
OFFLINE_MS = 1_000
KEYS = 40
MESSAGES = 15
OPENINGS = 8


class Timed:
    """Times of a page while the block lasts, less what one of them waited for a core."""

    def __init__(self, page: Page, script: str) -> None:
        self._page = page
        page.evaluate(script)
        self._watch = Stopwatch()
        self._started = self._now()

    def median_ms(self, took: list[float]) -> float:
        """Return the median of times of which the slow ones have waited for a core."""
        passed_ms = self._now() - self._started
        waited_ms = max(0.0, passed_ms - self._watch.seconds() * 1000)
        return max(0.0, statistics.median(took) - waited_ms / len(took))

    def _now(self) -> float:
        return float(self._page.evaluate("performance.now()"))


def test_a_key_beside_a_full_log_takes_no_frame(mira: Visitor, tomas: Visitor) -> None:
    for number in range(MOST_ROWS + 20):
        tomas.post(mira, f"Number {number}: a message of an ordinary length, in one line or two")
    mira.open_chat_with(tomas)
    expect(mira.message("Number 319")).to_be_visible()
    mira.page.evaluate(FILL, MOST_ROWS)

    timed = Timed(mira.page, TYPING)
    mira.box.press_sequentially("x" * KEYS, delay=60)
    took = mira.page.evaluate(TOOK, KEYS)

    assert timed.median_ms(took) <= KEY_MS, took
    expect(mira.box).to_have_value("x" * KEYS)


def test_an_own_message_is_on_the_screen_within_a_frame(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write("The first one draws more than a message")
    expect(mira.message("The first").get_by_role("img", name="Sent")).to_be_visible()

    timed = Timed(mira.page, SENDING)
    for number in range(MESSAGES):
        mira.write(f"Number {number:03}")
        wait_until(mira.page, "count => window.took.length >= count", number + 1)
    took = mira.page.evaluate("window.took")

    assert timed.median_ms([shown for _, shown, _ in took]) <= FRAME_MS, took


def test_a_conversation_seen_before_opens_without_the_server(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    for other in (tomas, sofia):
        for number in range(60):
            other.post(mira, f"Number {number} of {other.username}")
        mira.open_chat_with(other)
        expect(mira.message("Number 59")).to_be_visible()
    session = mira.context.new_cdp_session(mira.page)
    session.send("Network.enable")
    far = {"latency": ROUND_TRIP_MS, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {"offline": False, **far})

    timed = Timed(mira.page, OPENING)
    for number in range(OPENINGS):
        name = (tomas, sofia)[number % 2].username
        mira.conversations.get_by_role("link").filter(has_text=name).click()
        wait_until(mira.page, "count => window.took.length >= count", number + 1)
    took = mira.page.evaluate("window.took")

    assert timed.median_ms(took) <= SEEN_BEFORE_MS, took


def test_the_last_conversation_opens_without_a_connection_within_a_second(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind", service_workers="allow")
    for number in range(60):
        tomas.post(mira, f"Number {number}")
    mira.open_chat_with(tomas)
    address = mira.page.url
    expect(mira.message("Number 59")).to_be_visible()
    wait_until(mira.page, IS_KEPT)
    lists = ["conversations", "chats", f"messages:{address.rpartition('/')[2]}"]
    wait_until(mira.page, KEPT_LISTS, [mira.user_id, lists])
    mira.context.set_offline(True)

    took, walls = [], []
    for _ in range(OPENINGS):
        # A new tab: nothing of the page before is in memory.
        mira.page.close()
        mira.page = mira.context.new_page()
        mira.page.add_init_script(SHOWN)
        watch = Stopwatch()
        mira.page.goto(address, wait_until="commit")
        wait_until(mira.page, "() => window.shownAfter !== undefined")
        waited_ms = (watch.passed() - watch.seconds()) * 1000
        walls.append(mira.page.evaluate("window.shownAfter"))
        took.append(max(0.0, walls[-1] - waited_ms) / slowness())
        expect(mira.message("Number 59")).to_be_visible()

    print(f"the conversation was shown after {sorted(map(round, walls))} ms")  # noqa: T201  # a figure
    assert statistics.median(took) <= OFFLINE_MS, (took, walls)
