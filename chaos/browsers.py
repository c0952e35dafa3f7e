"""A run with browsers: two people, two Chromium profiles each, whose links break at random.

At the end every screen must show what the database holds and what a freshly loaded page shows, and
every written word and every shared file must be there once.
"""

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import httpx
from playwright.async_api import Browser, async_playwright

from chaos import ledger, stage
from chaos.faults import Faults
from chaos.people import dice_of
from chaos.plan import Plan
from chaos.proxy import Link, Network
from chaos.screens import Diary, Row, Screen, Word
from tests.harness import programs
from tests.harness.chats import FRONT_END_BUILD_S, Storage, launch_built
from tests.harness.servers import free_port

PEOPLE = 2
DEVICES = ("a", "b")
LOOK_S = 0.5
DELETED = "Message deleted"


@dataclass(frozen=True)
class BrowserOutcome:
    """The outcome of a run: the deeds by kind, and every promise that did not hold."""

    did: Counter[str]
    faults: list[str]
    stored: int
    judged_in_s: float  # until every screen had settled, and was looked through

    @property
    def is_whole(self) -> bool:
        """Return whether every promise held, and there was something to hold it for."""
        return not self.faults and self.did["messages written"] > 0


@dataclass(frozen=True)
class Desks:
    """The things that all browsers share: the chat's address, the sessions, the diary."""

    browser: Browser
    url: str
    cookie_name: str
    cookies: dict[str, str]  # by user
    conversations: list[str]
    diary: Diary
    dice: random.Random

    async def open(self, name: str, user_id: str) -> Screen:
        """Open the chat of a person in a profile of its own."""
        context = await self.browser.new_context(
            viewport={"width": 1280, "height": 800}, service_workers="block"
        )
        await context.add_cookies(
            [
                {
                    "name": self.cookie_name,
                    "value": self.cookies[user_id],
                    "url": self.url,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )
        page = await context.new_page()
        screen = Screen(name, user_id, page, self.url, self.conversations, self.diary, self.dice)
        await screen.open()
        return screen


async def run_browsers(plan: Plan) -> BrowserOutcome:
    """Run a plan with browsers. Raises ServerFailed when the chat does not come back."""
    async with contextlib.AsyncExitStack() as stack:
        settings, redis = stack.enter_context(stage.storage(plan.pair))
        users, group = await stage.seed(settings, PEOPLE)
        port = free_port()
        network = Network(lambda: [port], dice_of(plan.seed))
        link = await stack.enter_async_context(Link.open(network))
        storage = Storage(plan.pair, settings.database_url, settings.redis_url, settings.data_dir)
        chat = launch_built(
            storage,
            port=port,
            # A page may write only where it was loaded from.
            CHAT_PUBLIC_URL=link.url,
            CHAT_SECRET_KEY=settings.secret_key.get_secret_value(),
            CHAT_LIMITS="off",
            CHAT_LOG_LEVEL="WARNING",
        )
        stack.callback(chat.stop)
        await asyncio.to_thread(chat.wait_until_ready, seconds=FRONT_END_BUILD_S)
        theatre = stage.Stage(settings, [chat], redis)
        browser = await stack.enter_async_context(chromium())
        cookies, direct = await _sign_in(link.url, users, settings.cookie_name)
        diary, dice = Diary(), network.dice
        desks = Desks(
            browser, link.url, settings.cookie_name, cookies, [direct, group], diary, dice
        )
        screens = [
            await desks.open(f"{username}-{device}", user_id)
            for username, user_id in users.items()
            for device in DEVICES
        ]
        async with Faults(theatre, network, plan).happening():
            await asyncio.gather(*(screen.live(plan.seconds) for screen in screens))
        loop = asyncio.get_running_loop()
        over = loop.time()
        faults = await _judge(plan, theatre, desks, screens)
        return BrowserOutcome(
            did=diary.did + network.did,
            faults=[*diary.troubles, *faults],
            stored=len((await theatre.stored()).rows),
            judged_in_s=loop.time() - over,
        )


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Yield Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=programs.headless_chromium(), args=list(programs.CHROMIUM_SWITCHES)
        )
        yield browser
        await browser.close()


async def _sign_in(url: str, users: dict[str, str], cookie_name: str) -> tuple[dict[str, str], str]:
    """Sign both in; return their cookies, and their direct conversation."""
    cookies = {}
    direct = ""
    for username, user_id in users.items():
        async with httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=60) as http:
            body = {"username": username, "password": stage.PASSWORD, "tokens": False}
            (await http.post("/api/auth/login", json=body)).raise_for_status()
            cookies[user_id] = str(http.cookies[cookie_name])
            (other,) = (one for one in users.values() if one != user_id)
            opened = await http.post("/api/conversations", json={"user_id": other})
            direct = str(opened.raise_for_status().json()["id"])
            # Only a conversation with a message is in the lists.
            sent = {"conversation_id": direct, "content": "Hello", "client_id": user_id}
            (await http.post("/api/messages", json=sent)).raise_for_status()
    return cookies, direct


async def _judge(
    plan: Plan, theatre: stage.Stage, desks: Desks, screens: Sequence[Screen]
) -> list[str]:
    """Wait until everything has settled; return what does not come to be as it should."""

    async def nothing_waits() -> list[str]:
        waits = [(screen.name, await screen.waiting()) for screen in screens]
        return [f"{name}: {count} messages were never sent" for name, count in waits if count]

    faults = await _settled(nothing_waits, plan.settle_s)
    stored = await theatre.stored()
    faults += judge_words(desks.diary.words, stored)
    faults += judge_files(desks.diary.words, await theatre.shared())
    verified = await theatre.verified()
    faults += [f"the bytes of {one} are missing" for one in verified.missing]
    faults += [f"the bytes of {one} are damaged" for one in verified.damaged]
    if verified.orphans:
        faults.append(f"{verified.orphans} stored files are no file's")
    # Each browser shows each conversation again, so that all messages are marked read.
    for conversation_id in reversed(desks.conversations):
        await asyncio.gather(*(screen.show(conversation_id) for screen in screens))
        expected = _expected(stored, conversation_id)
        for screen in screens:
            faults += await _settled(partial(_compare, screen, expected), plan.settle_s)
    for user_id in desks.cookies:
        fresh = await desks.open("fresh", user_id)
        for screen in screens:
            if screen.user_id == user_id:
                faults += await _settled(partial(_compare_with, screen, fresh), plan.settle_s)
    return faults


async def _settled(look: Callable[[], Awaitable[list[str]]], seconds: float) -> list[str]:
    """Look until there are no faults; return those that are left after some seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        faults = await look()
        if not faults or loop.time() > end:
            return faults
        await asyncio.sleep(LOOK_S)


def judge_words(words: dict[str, Word], stored: ledger.Stored) -> list[str]:
    """Return which written words are not there exactly once, as they were written."""
    faults = []
    found = defaultdict(list)
    deleted: Counter[tuple[str, str]] = Counter()
    for row in stored.rows:
        mark = row.content.partition(" ")[0]
        if mark in words:
            found[mark].append(row)
        elif not row.content:
            deleted[row.sender_id, row.conversation_id] += 1
    for mark, word in words.items():
        rows = found[mark]
        if len(rows) > 1:
            faults.append(f"{mark} is stored {len(rows)} times")
        elif rows and not word.may_be_there:
            faults.append(f"{mark} was deleted and is there")
        elif rows and (rows[0].content not in word.texts or rows[0].sender_id != word.user_id):
            faults.append(f"{mark} is altered: {rows[0].content!r}, not {word.texts}")
        elif not rows and not word.may_be_deleted:
            faults.append(f"{mark} is lost")
        elif not rows:
            deleted[word.user_id, word.conversation_id] -= 1
    faults += [f"{count:+} deleted messages of {key}" for key, count in deleted.items() if count]
    return faults


def judge_files(words: dict[str, Word], shared: Sequence[stage.SharedFile]) -> list[str]:
    """Return the messages that do not have exactly the files that were shared with them."""
    found: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for content, name, digest in shared:
        found[content.partition(" ")[0]][name, digest] += 1
    faults = []
    for mark, word in words.items():
        expected = Counter(word.files.items())
        if found[mark] != expected and (found[mark] or not word.may_be_deleted):
            faults.append(f"{mark} has the files {dict(found[mark])}, not {word.files}")
    return faults


def _expected(stored: ledger.Stored, conversation_id: str) -> dict[int, str]:
    """Return the texts of a conversation by their places."""
    rows = [row for row in stored.rows if row.conversation_id == conversation_id]
    return {row.seq: row.content or DELETED for row in rows}


async def _compare(screen: Screen, expected: dict[int, str]) -> list[str]:
    """Return where a screen, scrolled through from end to beginning, differs from the database."""
    rows = await screen.all_rows()
    shown = {seq: text for seq, _, text, _ in rows}
    faults = [f"{screen.name}: seq {seq} is missing" for seq in expected.keys() - shown.keys()]
    faults += [f"{screen.name}: seq {seq} is shown, not stored" for seq in shown.keys() - expected]
    faults += [
        f"{screen.name}: seq {seq} is {shown[seq]!r}, not {text!r}"
        for seq, text in expected.items()
        if shown.get(seq, text) != text
    ]
    if len(shown) != len(rows) or any(not identifier for _, identifier, _, _ in rows):
        faults.append(f"{screen.name}: {len(rows)} rows of {len(shown)} messages")
    return faults


async def _compare_with(screen: Screen, fresh: Screen) -> list[str]:
    """Return where a screen differs from one that was just loaded: rows, status, list."""
    await asyncio.gather(screen.show(fresh.here), fresh.show(fresh.here))
    faults = []
    there, here = await asyncio.gather(fresh.rows(), screen.rows())
    both = min(len(there), len(here))
    if _end(here, both) != _end(there, both) or not both:
        pairs = zip(_end(here, both), _end(there, both), strict=True)
        faults.append(
            f"{screen.name}: {[(one, other) for one, other in pairs if one != other][:3]}"
        )
    lists = await asyncio.gather(screen.list(), fresh.list())
    if lists[0] != lists[1]:
        faults.append(f"{screen.name}: lists {lists[0]}, not {lists[1]}")
    return faults


def _end(rows: list[Row], count: int) -> list[Row]:
    return rows[len(rows) - count :]


def report_browsers(plan: Plan, outcome: BrowserOutcome) -> str:
    """Return what was done, and the verdict."""
    lines = [
        f"{plan}; seed {plan.seed}",
        "",
        *(f"{name:<30}{count:>10,}" for name, count in sorted(outcome.did.items())),
        f"{'messages stored':<30}{outcome.stored:>10,}",
    ]
    lines.append(f"{'settled and looked through in':<30}{outcome.judged_in_s:>9.2f}s")
    lines += ["", *outcome.faults[:50]]
    whole = "WHOLE: every screen equals the database, every word and file is there once"
    lines.append(whole if outcome.is_whole else f"BROKEN: {len(outcome.faults):,} faults")
    return "\n".join(lines)
