"""How evenly a full log scrolls in Chromium on a processor that is four times slower."""

import itertools

from playwright.async_api import CDPSession, Page

from benchmarks import stage
from benchmarks.browser import chromium, profile
from benchmarks.figures import Figures, percentile
from benchmarks.workload import Plan
from tests.harness.nodes import to_conversation
from tests.harness.response_times import FILL, MOST_ROWS

SLOWER = 4
# Quick reading: a screen in less than a second.
SPEED, DISTANCE = 1_200, 6_000  # px a second, px
TEXTS = (
    "A plain line of text with an address: https://example.org/some/page?and=more",
    "**Bold**, _italic_, ~~gone~~ and `code` in one line 🎉",
    "> Quoted words\n> of two lines\n\nand an answer to them",
    "- one\n- two\n- three\n\n1. first\n2. second",
    "```python\ndef answer(question: str) -> int:\n    return 42  # always\n```",
    " ".join(
        ["Sentences that fill more than one line of the column, with @everybody in them."] * 4
    ),
)
# Notes the time of every frame.
FRAMES = """() => {
  window.frames_at = [];
  const look = (at) => { window.frames_at.push(at); window.looking = requestAnimationFrame(look); };
  window.looking = requestAnimationFrame(look);
}"""
MIDDLE = """() => {
  const { left, top, width, height } = document.querySelector("[role=log]").getBoundingClientRect();
  return { x: left + width / 2, y: top + height / 2 };
}"""
TAKEN = "() => { cancelAnimationFrame(window.looking); return window.frames_at; }"


async def measure(plan: Plan) -> list[Figures]:
    """Run *scrolling*: up and down through rows with Markdown."""
    figures = Figures(
        "scrolling",
        f"Chromium, its processor {SLOWER} times slower; {MOST_ROWS} rows with Markdown, scrolled "
        f"by {SPEED:,} px a second",
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, 2)
            room = await stage.add_group(node, people)
            for number in range(MOST_ROWS + 50):
                content = f"{number}. {TEXTS[number % len(TEXTS)]}"
                sender = people[number // 3 % 2].id
                await node.messages.send(to_conversation(sender, room, content))
        with chat.full_server() as server:
            async with chromium() as browser, profile(browser, server.url, people[0]) as page:
                await page.goto(f"{server.url}/chat/{room}")
                log = page.get_by_role("log", name="Messages")
                await log.get_by_role("article").first.wait_for()
                await page.evaluate(FILL, MOST_ROWS)
                session = await page.context.new_cdp_session(page)
                await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
                for _ in range(plan.runs):
                    took = [one for way in (-1, 1) for one in await _scroll(page, session, way)]
                    figures.add("frames a second", 1_000 * len(took) / sum(took), least=58)
                    figures.add("a frame, p95, ms", percentile(took, 95))
                    figures.add("a frame, p99, ms", percentile(took, 99))
    return [figures]


async def _scroll(page: Page, session: CDPSession, way: int) -> list[float]:
    """Scroll down (1) or up (-1); return the ms between frames."""
    gesture = {
        **await page.evaluate(MIDDLE),
        "yDistance": -way * DISTANCE,
        "speed": SPEED,
        "gestureSourceType": "mouse",
    }
    await page.evaluate(FRAMES)
    await session.send("Input.synthesizeScrollGesture", gesture)
    at: list[float] = await page.evaluate(TAKEN)
    return [later - earlier for earlier, later in itertools.pairwise(at)]
