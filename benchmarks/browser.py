"""Chromium against the production build: the first load, and how soon a page answers its person."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from playwright.async_api import Browser, Page, async_playwright

from benchmarks import machine, stage
from benchmarks.figures import Figures, percentile
from benchmarks.filling import Thread, fill
from benchmarks.stage import Person
from benchmarks.workload import Plan
from tests.harness import programs
from tests.harness.response_times import FILL, MOST_ROWS, OPENING, SENDING, TOOK, TYPING

PATIENCE_MS = 60_000
CONVERSATIONS = 200
# WebPageTest's "3G Fast".
DOWN, UP, ROUND_TRIP_MS = 1_600_000 / 8, 768_000 / 8, 150
SLOW = {"latency": ROUND_TRIP_MS, "downloadThroughput": DOWN, "uploadThroughput": UP}
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# Bytes that came over the line, heads included, in files of one kind.
WEIGHT = """end => performance.getEntriesByType("resource")
  .filter((one) => new URL(one.name).pathname.endsWith(end))
  .reduce((sum, one) => sum + one.transferSize, 0)"""
MESSAGES = 40
BETWEEN_S = 0.15
KEYS = 60
# As fast as people write who write fast.
BETWEEN_KEYS_MS = 80
OPENINGS = 20
# A round trip to the other side of the world, on a phone.
FAR = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Yield a browser that may use every core, as a person's does."""
    async with async_playwright() as playwright:
        with machine.on(machine.ALL_CORES):
            browser = await playwright.chromium.launch(
                executable_path=programs.chromium(), args=["--no-sandbox"]
            )
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def profile(browser: Browser, url: str, person: Person) -> AsyncIterator[Page]:
    """Yield an empty page of a fresh profile in which a person is signed in."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    name, _, value = person.cookie.partition("=")
    await context.add_cookies(
        [{"name": name, "value": value, "url": url, "httpOnly": True, "sameSite": "Lax"}]
    )
    yield await context.new_page()
    await context.close()


async def measure_boot(plan: Plan) -> list[Figures]:
    """Run *boot*: a cold cache each time, first on a slow line, then on this machine's own."""
    figures = Figures(
        "boot",
        f"somebody with {CONVERSATIONS} conversations opens / with an empty cache; production "
        f"build, warm server; slow line: {DOWN * 8 / 1e6:g} Mbit/s down, {ROUND_TRIP_MS} ms",
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, CONVERSATIONS + 1)
            await fill(node, [Thread(people[0], person, 5) for person in people[1:]])
        with chat.full_server() as server:
            async with chromium() as browser:
                await _load(Figures("warm-up", ""), browser, server.url, people[0], slow=False)
                for _ in range(plan.runs):
                    for slow in (True, False):
                        await _load(figures, browser, server.url, people[0], slow=slow)
    return [figures]


async def _load(
    figures: Figures, browser: Browser, url: str, person: Person, *, slow: bool
) -> None:
    line = "slow line" if slow else "own line"
    frames: list[str | bytes] = []
    async with profile(browser, url, person) as page:
        # Playwright marks handlers: a built-in method will not do.
        page.on("websocket", lambda one: one.on("framereceived", lambda it: frames.append(it)))  # noqa: PLW0108  # see above
        if slow:
            session = await page.context.new_cdp_session(page)
            await session.send("Network.enable")
            await session.send("Network.emulateNetworkConditions", {"offline": False, **SLOW})
        await page.goto(url)
        conversations = page.get_by_role("navigation", name="Conversations")
        await conversations.get_by_role("link").first.wait_for()
        listed = float(await page.evaluate("performance.now()"))
        painted = float(await page.evaluate(PAINTED))
        scripts, styles = [float(await page.evaluate(WEIGHT, end)) for end in (".js", ".css")]
    figures.add(f"first contentful paint, {line}, ms", painted, most=1_500 if slow else None)
    figures.add(f"conversations are there, {line}, ms", listed)
    if not slow:
        state = sum(len(one if isinstance(one, bytes) else one.encode()) for one in frames)
        figures.add("state, KiB", state / 1024, most=50)
        figures.add("JavaScript, gzipped, KiB", scripts / 1024, most=250)
        figures.add("style sheets, gzipped, KiB", styles / 1024)


async def measure_outbox(plan: Plan) -> list[Figures]:
    """Run *outbox* in a conversation of 100 messages."""
    count = 10 if plan.quick else MESSAGES
    figures = Figures(
        "outbox",
        f"{count} messages with Enter in Chromium, one every {BETWEEN_S * 1000:g} ms, looked at "
        f"before each frame; {plan.durability}",
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, 2)
            conversation = Thread(people[0], people[1], 100)
            await fill(node, [conversation])
        with chat.full_server() as server:
            async with chromium() as browser, profile(browser, server.url, people[0]) as page:
                await page.goto(f"{server.url}/chat/{conversation.id}")
                log = page.get_by_role("log", name="Messages")
                await log.get_by_role("article").first.wait_for()
                await page.evaluate(SENDING)
                await _write(page, "warm-up", 5)
                for run in range(plan.runs):
                    frames, shown, sent = await _write(page, f"run-{run}", count)
                    figures.add("own message on the screen, p50, ms", percentile(shown, 50))
                    figures.add(
                        "own message on the screen, p95, ms", percentile(shown, 95), most=16.7
                    )
                    figures.add(
                        "frames until it is on the screen, p95", percentile(frames, 95), most=1
                    )
                    figures.add("Sent, p50, ms", percentile(sent, 50))
                    figures.add("Sent, p95, ms", percentile(sent, 95), most=100)
    return [figures]


async def _write(page: Page, name: str, count: int) -> list[tuple[float, ...]]:
    """Send messages; return the frames until each is shown, and the ms until shown and sent."""
    await page.evaluate("window.took = []")
    box = page.get_by_role("textbox", name="Message", exact=True)
    for number in range(count):
        await box.fill(f"{name}-{number}-".ljust(100, "x"))
        await box.press("Enter")
        await asyncio.sleep(BETWEEN_S)
    await page.evaluate(TOOK, count)
    return list(zip(*await page.evaluate("window.took"), strict=True))


async def measure_response(plan: Plan) -> list[Figures]:
    """Run *response*: keys beside a full log, and conversations that were seen before."""
    count = 3 if plan.quick else OPENINGS
    figures = Figures(
        "response",
        f"Chromium; {KEYS} keys in the box beside {MOST_ROWS} rows, one every {BETWEEN_KEYS_MS} ms,"
        " the page's work from the key to the drawn frame without the wait for the frame;"
        f" {count} openings of a conversation that was seen before, with a round trip of"
        f" {FAR['latency']} ms, from the click until its rows are drawn",
    )
    with stage.fresh(plan) as chat:
        async with chat.node() as node:
            people = await stage.add_people(node, 3)
            full = Thread(people[0], people[1], MOST_ROWS + 50)
            other = Thread(people[0], people[2], 100)
            await fill(node, [full, other])
        with chat.full_server() as server:
            async with chromium() as browser, profile(browser, server.url, people[0]) as page:
                for one in (other, full):
                    await page.goto(f"{server.url}/chat/{one.id}")
                    log = page.get_by_role("log", name="Messages")
                    await log.get_by_role("article").first.wait_for()
                await page.evaluate(FILL, MOST_ROWS)
                await page.evaluate(TYPING)
                for _ in range(plan.runs):
                    took = await _type(page)
                    figures.add("a key, p50, ms", percentile(took, 50))
                    figures.add("a key, p95, ms", percentile(took, 95), most=16)
                session = await page.context.new_cdp_session(page)
                await session.send("Network.enable")
                await session.send("Network.emulateNetworkConditions", FAR)
                await page.evaluate(OPENING)
                for _ in range(plan.runs):
                    took = await _open(page, [other, full], count)
                    for rows, some in (("50 rows", took[::2]), (f"{MOST_ROWS} rows", took[1::2])):
                        name = f"a conversation seen before, {rows}"
                        figures.add(f"{name}, p50, ms", percentile(some, 50))
                        figures.add(f"{name}, p95, ms", percentile(some, 95), most=100)
    return [figures]


async def _type(page: Page) -> list[float]:
    """Write a text key by key; return the ms of each key."""
    box = page.get_by_role("textbox", name="Message", exact=True)
    await box.fill("")
    await page.evaluate("window.took = []")
    await box.press_sequentially("x" * KEYS, delay=BETWEEN_KEYS_MS)
    took: list[float] = await page.evaluate(TOOK, KEYS)
    await box.fill("")
    return took[:KEYS]


async def _open(page: Page, threads: Sequence[Thread], count: int) -> list[float]:
    """Open conversations in turn; return the ms of each."""
    await page.evaluate("window.took = []")
    for number in range(count):
        thread = threads[number % len(threads)]
        await page.locator(f'nav a.row[href="/chat/{thread.id}"]').click()
        await page.evaluate(TOOK, number + 1)
        await asyncio.sleep(BETWEEN_S)
    took: list[float] = await page.evaluate("window.took")
    return took
