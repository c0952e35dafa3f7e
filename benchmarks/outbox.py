"""How soon the browser shows an own message after Enter, and how soon it is *Sent*."""

import asyncio
from typing import TypedDict

from playwright.async_api import Page

from benchmarks import stage
from benchmarks.browser import chromium, profile
from benchmarks.figures import Figures, at_most, percentile
from benchmarks.filling import fill, thread
from benchmarks.workload import Plan
from chat_app.node.node import running_node

MESSAGES = 40
FRAME_MS = 1000 / 60
BETWEEN_S = 0.15

# Looks at the page before each frame is drawn: what is there then is on the screen in that frame.
WATCH = """
window.took = [];
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const text = event.target.value;
  const seen = { frames: 0 };
  const look = (frame) => {
    const now = Math.max(0, frame - event.timeStamp);
    const article = [...document.querySelectorAll("[role=log] article")]
      .findLast((one) => one.textContent.includes(text));
    if (seen.shown === undefined) {
      seen.frames += 1;
      if (article) seen.shown = now;
    }
    const status = "[aria-label=Sent], [aria-label=Delivered], [aria-label=Read]";
    if (article?.querySelector(status)) {
      seen.sent = now;
      window.took.push(seen);
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
}, true);
"""


class Seen(TypedDict):
    """When a message was on the screen, and when it was sent, in ms after the key."""

    frames: int
    shown: float
    sent: float


async def measure(plan: Plan) -> list[Figures]:
    """Run *outbox* in a conversation of 100 messages."""
    count = 10 if plan.quick else MESSAGES
    figures = Figures(
        "outbox",
        f"{count} messages with Enter in Chromium, one every {BETWEEN_S * 1000:g} ms, looked at "
        f"before each frame; {plan.durability}",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, 2)
            conversation = thread(people[0], people[1], 100)
            await fill(node, storage, [conversation])
        with stage.full_server(storage) as chat:
            async with chromium() as browser, profile(browser, chat.url, people[0]) as page:
                await page.goto(f"{chat.url}/chat/{conversation.id}")
                await (
                    page.get_by_role("log", name="Messages").get_by_role("article").first.wait_for()
                )
                await page.evaluate(WATCH)
                await _write(page, "warm-up", 5)
                for run in range(plan.runs):
                    _note(figures, await _write(page, f"run-{run}", count))
    return [figures]


async def _write(page: Page, name: str, count: int) -> list[Seen]:
    await page.evaluate("window.took = []")
    box = page.get_by_role("textbox", name="Message", exact=True)
    for number in range(count):
        await box.fill(f"{name}-{number}-".ljust(100, "x"))
        await box.press("Enter")
        await asyncio.sleep(BETWEEN_S)
    await page.wait_for_function(f"window.took.length >= {count}")
    took: list[Seen] = await page.evaluate("window.took")
    return took


def _note(figures: Figures, took: list[Seen]) -> None:
    shown, sent = [one["shown"] for one in took], [one["sent"] for one in took]
    frames = [float(one["frames"]) for one in took]
    figures.add("own message on the screen, p50, ms", percentile(shown, 50))
    figures.add(
        "own message on the screen, p95, ms", percentile(shown, 95), at_most(round(FRAME_MS, 1))
    )
    figures.add("frames until it is on the screen, p95", percentile(frames, 95), at_most(1))
    figures.add("Sent, p50, ms", percentile(sent, 50))
    figures.add("Sent, p95, ms", percentile(sent, 95), at_most(100))
