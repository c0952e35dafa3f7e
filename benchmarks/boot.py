"""The first load of the signed-in UI: what it weighs, and how long a slow line takes for it."""

from dataclasses import dataclass

from playwright.async_api import Browser, CDPSession, Page, WebSocket

from benchmarks import stage
from benchmarks.browser import chromium, profile
from benchmarks.figures import Figures, at_most
from benchmarks.filling import fill, thread
from benchmarks.stage import Person
from benchmarks.workload import Plan
from chat_app.node.node import running_node

CONVERSATIONS = 200
# WebPageTest's "3G Fast".
DOWN, UP, ROUND_TRIP_MS = 1_600_000 / 8, 768_000 / 8, 150
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


@dataclass
class Weight:
    """What came over the line, in bytes as they were sent."""

    scripts: float = 0
    styles: float = 0
    state: int = 0

    async def follow(self, page: Page) -> CDPSession:
        """Count what a page receives from now on."""
        session = await page.context.new_cdp_session(page)
        kinds: dict[str, str] = {}
        session.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))
        session.on("Network.loadingFinished", lambda e: self._add(kinds, e))
        page.on("websocket", self._watch)
        await session.send("Network.enable")
        return session

    def _add(self, kinds: dict[str, str], event: dict[str, object]) -> None:
        size = float(str(event["encodedDataLength"]))
        kind = kinds.get(str(event["requestId"]))
        self.scripts += size if kind == "Script" else 0
        self.styles += size if kind == "Stylesheet" else 0

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._frame)

    def _frame(self, payload: str | bytes) -> None:
        self.state += len(payload if isinstance(payload, bytes) else payload.encode())


async def measure(plan: Plan) -> list[Figures]:
    """Run *boot*: a cold cache each time, first on a slow line, then on this machine's own."""
    figures = Figures(
        "boot",
        f"somebody with {CONVERSATIONS} conversations opens / with an empty cache; production "
        f"build, warm server; slow line: {DOWN * 8 / 1e6:g} Mbit/s down, {ROUND_TRIP_MS} ms",
    )
    with stage.storage(*plan.addresses) as storage:
        async with running_node(storage.settings()) as node:
            people = await stage.add_people(node, CONVERSATIONS + 1)
            threads = [thread(people[0], person, 5) for person in people[1:]]
            await fill(node, storage, threads)
        with stage.full_server(storage) as chat:
            async with chromium() as browser:
                await _load(Figures("warm-up", ""), browser, chat.url, people[0], slow=False)
                for _ in range(plan.runs):
                    await _load(figures, browser, chat.url, people[0], slow=True)
                    await _load(figures, browser, chat.url, people[0], slow=False)
    return [figures]


async def _load(
    figures: Figures, browser: Browser, url: str, person: Person, *, slow: bool
) -> None:
    line = "slow line" if slow else "own line"
    weight = Weight()
    async with profile(browser, url, person) as page:
        session = await weight.follow(page)
        if slow:
            await session.send(
                "Network.emulateNetworkConditions",
                {
                    "offline": False,
                    "latency": ROUND_TRIP_MS,
                    "downloadThroughput": DOWN,
                    "uploadThroughput": UP,
                },
            )
        await page.goto(url)
        conversations = page.get_by_role("navigation", name="Conversations")
        await conversations.get_by_role("link").first.wait_for()
        listed = float(await page.evaluate("performance.now()"))
        painted = float(await page.evaluate(PAINTED))
    target = at_most(1_500) if slow else None
    figures.add(f"first contentful paint, {line}, ms", painted, target)
    figures.add(f"conversations are there, {line}, ms", listed)
    if not slow:
        figures.add("state, KiB", weight.state / 1024, at_most(50))
        figures.add("JavaScript, gzipped, KiB", weight.scripts / 1024, at_most(350))
        figures.add("style sheets, gzipped, KiB", weight.styles / 1024)
