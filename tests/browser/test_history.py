"""A long history: scrolling up and down without a jump, a repeat or a hole, while news comes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect

from tests.harness.pages import top_of
from tests.harness.visitors import Visitor

LENGTH = 10_000
BATCH_SIZE = 32
WINDOW = 150
# As far as one scrolls up: more windows than one, so that the newest messages have left it.
FAR = LENGTH - 700

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
      const deadline = Date.now() + 10000;
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

REST = """async () => {
  const log = document.querySelector("[role=log]");
  for (let before = -1; before !== log.scrollTop; ) {
    before = log.scrollTop;
    for (let frame = 0; frame < 5; frame++) await new Promise(requestAnimationFrame);
  }
}"""


async def fill(mira: Visitor, tomas: Visitor) -> None:
    """Let Mira and Tomas have written `LENGTH` messages."""
    numbers = iter(range(LENGTH))

    async def write(sender: Visitor, receiver: Visitor) -> None:
        cookie = {"session": sender.http.cookies["session"]}
        headers = {"Origin": sender.url}
        async with httpx.AsyncClient(
            base_url=sender.url, headers=headers, cookies=cookie, timeout=60
        ) as http:
            for number in numbers:
                body = {
                    "receiver_id": receiver.user_id,
                    "content": f"Message {number} " + "of many words " * (number % 7),
                    "client_id": uuid4().hex,
                }
                (await http.post("/api/messages", json=body)).raise_for_status()

    pairs = [(mira, tomas), (tomas, mira)] * (BATCH_SIZE // 2)
    await asyncio.gather(*(write(*pair) for pair in pairs))


@pytest.mark.timeout(300)
def test_scrolling_through_a_long_history(mira: Visitor, tomas: Visitor) -> None:
    with ThreadPoolExecutor(1) as beside_the_browser:
        beside_the_browser.submit(asyncio.run, fill(mira, tomas)).result()
    mira.open_chat_with(tomas)
    expect(mira.log.get_by_role("article")).to_have_count(50)

    # News comes while she scrolls up.
    tomas.post(mira, "While you were reading, 1")
    way_up = mira.page.evaluate(SCROLL_UP, FAR)
    tomas.post(mira, "While you were reading, 2")

    assert way_up["holes"] == 0
    assert way_up["jump"] <= 2
    assert way_up["widest"] <= WINDOW
    assert way_up["least"] <= FAR
    assert way_up["seen"] == way_up["most"] - way_up["least"] + 1
    expect(mira.said("While you were reading")).to_have_count(0)

    mira.page.get_by_role("button", name="Newest").or_(
        mira.page.get_by_role("button", name="New messages")
    ).click()

    expect(mira.said("While you were reading, 2")).to_be_in_viewport()
    expect(mira.said("While you were reading, 1")).to_have_count(1)


def test_scrolling_back_down_reaches_the_present(mira: Visitor, tomas: Visitor) -> None:
    for number in range(260):
        tomas.post(mira, f"Message {number}\nin two lines")
    mira.open_chat_with(tomas)
    mira.page.evaluate(SCROLL_UP, 1)
    expect(mira.said("Message 259")).to_have_count(0)

    mira.log.focus()
    while not mira.said("Message 259").count():
        mira.page.keyboard.press("End")
        mira.page.wait_for_function("document.querySelector('[role=log]').scrollTop > 0")

    mira.page.keyboard.press("End")
    expect(mira.said("Message 259")).to_be_in_viewport()
    # The key scrolls smoothly: whoever is still on the way is not at the end yet.
    mira.page.wait_for_function(AT_THE_END)
    mira.post(tomas, "unrelated to the place")
    tomas.post(mira, "Right at the end")
    expect(mira.said("Right at the end")).to_be_in_viewport()


def test_a_reader_in_the_past_is_not_disturbed_by_news(mira: Visitor, tomas: Visitor) -> None:
    for number in range(60):
        tomas.post(mira, f"Message {number}")
    mira.open_chat_with(tomas)
    mira.log.focus()
    mira.page.keyboard.press("PageUp")
    mira.page.keyboard.press("PageUp")
    jump = mira.page.get_by_role("button", name="New messages")
    # The button is there, and the page has come to rest.
    expect(mira.page.get_by_role("button", name="Newest")).to_be_visible()
    mira.page.evaluate(REST)
    place = mira.log.get_by_role("article").nth(40)
    before = top_of(place)

    tomas.post(mira, "News")

    expect(jump).to_be_visible()
    assert abs(top_of(place) - before) <= 2
    jump.click()
    expect(mira.said("News")).to_be_in_viewport()
    expect(jump).to_be_hidden()
