"""Scrolling through a long history: no jump, repeat or hole, while new messages arrive."""

import pytest
from playwright.sync_api import expect

from tests.harness.pages import REST, top_of
from tests.harness.visitors import Visitor

WINDOW = 300
# As far up as one scrolls: more windows than one, so that the newest messages have left it.
FAR = 700

# Scrolls up by half a screen and waits until the next page is there, noting every message on the
# way and how far the topmost one moved when rows came above it.
AT_THE_END = """() => {
  const log = document.querySelector("[role=log]");
  return log.scrollTop + log.clientHeight >= log.scrollHeight - 1;
}"""
SCROLL_UP = """async (goal) => {
  const log = document.querySelector("[role=log]");
  const frame = () => new Promise(requestAnimationFrame);
  const shown = () => [...log.querySelectorAll("article[data-seq]")];
  const seq = (article) => Number(article.dataset.seq);
  const seen = new Set();
  let holes = 0, jump = 0, widest = 0;
  const check = () => {
    const rows = shown().map(seq);
    rows.forEach((one, at) => { if (at && one !== rows[at - 1] + 1) holes++; seen.add(one); });
    widest = Math.max(widest, rows.length);
  };
  while (seq(shown()[0]) > goal) {
    const first = seq(shown()[0]);
    log.scrollTop -= log.clientHeight / 2;
    await frame();
    const top = log.getBoundingClientRect().top;
    const place = shown().find((article) => article.getBoundingClientRect().bottom > top);
    const before = place.getBoundingClientRect().top;
    if (log.scrollTop < 800) {
      const deadline = Date.now() + 30000;
      while (seq(shown()[0]) === first && Date.now() < deadline) {
        await frame();
      }
      if (seq(shown()[0]) === first) throw new Error(`no page came before ${first}`);
    }
    jump = Math.max(jump, Math.abs(place.getBoundingClientRect().top - before));
    check();
  }
  const [least, most] = [Math.min(...seen), Math.max(...seen)];
  return { seen: seen.size, least, most, holes, jump, widest };
}"""


def fill(mira: Visitor, tomas: Visitor, length: int) -> None:
    """Store messages of both, of different heights."""
    texts = [f"Message {number} " + "of many words " * (number % 7) for number in range(length)]
    mira.post_all(tomas, texts[: length // 2])
    tomas.post_all(mira, texts[length // 2 :])


# Notes how many messages each frame shows, and how far the log is from its end.
NOTE_FRAMES = """() => {
  window.frames_seen = [];
  const look = () => {
    const log = document.querySelector("[role=log]");
    const count = log?.querySelectorAll("article").length ?? 0;
    const from_end = log && Math.round(log.scrollHeight - log.scrollTop - log.clientHeight);
    if (count) window.frames_seen.push({ count, from_end });
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def press_end_until_shown(visitor: Visitor, text: str) -> None:
    """Press the End key until a message is there and the log rests at its end.

    The key scrolls smoothly, and a page that arrives on the way ends that movement: a reader who is
    not at the end yet presses the key again.
    """
    visitor.log.focus()
    while not (visitor.message(text).count() and visitor.page.evaluate(AT_THE_END)):
        visitor.page.keyboard.press("End")
        visitor.page.evaluate(REST)


@pytest.mark.parametrize(
    "length", [2_000, pytest.param(10_000, marks=pytest.mark.only_in_test_all)]
)
def test_scrolling_through_a_long_history(mira: Visitor, tomas: Visitor, length: int) -> None:
    fill(mira, tomas, length)
    mira.open_chat_with(tomas)
    expect(mira.log.get_by_role("article")).to_have_count(50)

    # Messages arrive while she scrolls up.
    tomas.post(mira, "While you were reading, 1")
    way_up = mira.page.evaluate(SCROLL_UP, length - FAR)
    tomas.post(mira, "While you were reading, 2")

    assert way_up["holes"] == 0
    assert way_up["jump"] <= 2
    assert way_up["widest"] <= WINDOW
    assert way_up["least"] <= length - FAR
    assert way_up["seen"] == way_up["most"] - way_up["least"] + 1
    expect(mira.message("While you were reading")).to_have_count(0)

    mira.page.get_by_role("button", name="Newest").or_(
        mira.page.get_by_role("button", name="New messages")
    ).click()

    expect(mira.message("While you were reading, 2")).to_be_in_viewport()
    expect(mira.message("While you were reading, 1")).to_have_count(1)


def test_scrolling_back_down_reaches_the_present(mira: Visitor, tomas: Visitor) -> None:
    tomas.post_all(mira, [f"Message {number}\nin two lines" for number in range(400)])
    mira.open_chat_with(tomas)
    mira.page.evaluate(SCROLL_UP, 1)
    expect(mira.message("Message 399")).to_have_count(0)

    press_end_until_shown(mira, "Message 399")

    expect(mira.message("Message 399")).to_be_in_viewport()
    mira.post(tomas, "unrelated to the place")
    tomas.post(mira, "Right at the end")
    expect(mira.message("Right at the end")).to_be_in_viewport()


def test_a_message_written_in_the_past_shows_up_at_the_end_once(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post_all(mira, [f"Message {number}" for number in range(400)])
    mira.open_chat_with(tomas)
    mira.page.evaluate(SCROLL_UP, 1)
    for number in range(60):
        tomas.post(mira, f"News {number}")

    mira.write("Written in the past")

    own = mira.message("Written in the past")
    expect(own).to_have_count(1)
    expect(own).to_be_in_viewport()
    expect(mira.log.get_by_role("article").last).to_contain_text("Written in the past")
    expect(mira.message("News 59")).to_have_count(1)
    expect(own.get_by_role("img", name="Queued")).to_have_count(0)


def test_the_place_of_a_reader_in_the_past_stays_when_a_message_arrives(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post_all(mira, [f"Message {number}" for number in range(60)])
    mira.open_chat_with(tomas)
    mira.log.focus()
    for _ in range(2):
        mira.page.keyboard.press("PageUp")
        mira.page.evaluate(REST)
    jump = mira.page.get_by_role("button", name="New messages")
    expect(mira.page.get_by_role("button", name="Newest")).to_be_visible()
    place = mira.log.get_by_role("article").nth(40)
    before = top_of(place)

    tomas.post(mira, "News")

    expect(jump).to_be_visible()
    assert abs(top_of(place) - before) <= 2
    jump.click()
    expect(mira.message("News")).to_be_in_viewport()
    expect(jump).to_be_hidden()


def test_an_opened_conversation_shows_its_end_first_and_stays_there(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post_all(mira, [f"Message {number}" for number in range(400)])
    mira.open_chat_with(tomas)
    mira.page.evaluate(SCROLL_UP, 200)
    press_end_until_shown(mira, "Message 399")
    kept = mira.log.get_by_role("article").count()
    assert kept > 200
    mira.page.goto(f"{mira.url}/settings")
    mira.page.evaluate(NOTE_FRAMES)

    mira.conversations.get_by_role("link").click()

    expect(mira.log.get_by_role("article")).to_have_count(kept)
    frames = mira.page.evaluate("window.frames_seen")
    assert 0 < frames[0]["count"] <= 40
    assert frames[-1]["count"] == kept
    assert {frame["from_end"] for frame in frames} == {frames[0]["from_end"]}
