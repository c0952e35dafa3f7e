"""People at browsers: they write, edit, delete, read and go offline, and remember what they did."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from playwright.async_api import Error, FilePayload, Locator, Page, expect

from tests.harness.unsent import READ

# Of the buttons and boxes of a page that shows anything at all.
PATIENCE_MS = 20_000
# The page itself waits for an answer for a quarter of a minute.
ANSWER_MS = 25_000
# Until a message has been scrolled away.
MENU_MS = 5_000
PAUSE_S = (0.2, 1.2)
OFFLINE_S = (0.5, 6.0)
# How often each thing is done, of a hundred.
HABITS = {
    "write": 52,
    "share": 8,
    "switch": 12,
    "edit": 11,
    "delete": 6,
    "scroll": 8,
    "go_offline": 3,
}
# Some pieces of an upload.
MOST_BYTES = 600_000
# Only what was written lately is on the screen.
LATELY = 8
WORDS = ("hello", "привет", "你好", "سلام", "🙂", "<b>bold</b>", 'a "quote"')

# The rows of the log as they are drawn: place, id, text, and the status of own ones.
ROWS = """() => {
  const log = document.querySelector("[role=log]");
  const wordsOf = (row) => {
    const copy = row.cloneNode(true);
    for (const files of copy.querySelectorAll(".attached")) files.remove();
    return copy.textContent;
  };
  return [...log.querySelectorAll("article, .notice-line")].map((row) => [
    Number(row.dataset.seq),
    row.dataset.id ?? "",
    wordsOf(row.querySelector(".bubble") ?? row),
    row.querySelector(".meta [role=img]")?.ariaLabel ?? "",
  ]);
}"""
# The list of conversations as it is drawn.
LIST = """() => [...document.querySelectorAll("nav[aria-label=Conversations] a.row")].map((row) => [
  row.querySelector(".row-name").textContent,
  row.querySelector(".row-preview").textContent,
  row.querySelector(".badge")?.textContent ?? "",
])"""
# Scrolls up, and returns whether there is more above.
UP = """async () => {
  const log = document.querySelector("[role=log]");
  log.scrollTop = 0;
  await new Promise((resolve) => setTimeout(resolve, 50));
  return log.scrollTop > 0 || !!document.querySelector("[data-page=older]");
}"""
DOWN = """() => {
  const log = document.querySelector("[role=log]");
  log.scrollTop = log.scrollHeight;
}"""

Row = tuple[int, str, str, str]


@dataclass
class Word:
    """A message that somebody wrote: the texts it may have, and whether it may be deleted.

    `files` are those that were shared with it: their names, and the SHA-256 of their bytes in hex.
    """

    user_id: str
    conversation_id: str
    texts: set[str]
    may_be_there: bool = True
    may_be_deleted: bool = False
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class Diary:
    """Everything that was written in the browsers, by the mark with which each text begins."""

    words: dict[str, Word] = field(default_factory=dict)
    did: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)


@dataclass
class Screen:
    """A browser of a person, who has two conversations."""

    name: str
    user_id: str
    page: Page
    url: str
    conversations: Sequence[str]
    diary: Diary
    dice: random.Random
    here: str = ""
    own: list[str] = field(default_factory=list)
    written: int = 0
    # The message whose menu was opened last.
    opened_id: str | None = None

    def __post_init__(self) -> None:
        """Note every error of the page."""
        self.page.on("pageerror", lambda error: self.diary.troubles.append(f"{self.name}: {error}"))

    async def open(self) -> None:
        """Load the page with the first conversation."""
        self.here = self.conversations[0]
        await self.page.goto(f"{self.url}/chat/{self.here}")
        await expect(self._box).to_be_visible(timeout=PATIENCE_MS)
        # The second one is there to be opened.
        link = self._link(self.conversations[1])
        await expect(link).to_be_visible(timeout=PATIENCE_MS)

    async def live(self, seconds: float) -> None:
        """Do one thing after the other for a while."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        acts = {
            "write": self._write,
            "share": self._share,
            "switch": self.switch,
            "edit": self._edit,
            "delete": self._delete,
            "scroll": self._scroll,
            "go_offline": self._go_offline,
        }
        while loop.time() < end:
            await asyncio.sleep(self.dice.uniform(*PAUSE_S))
            (act,) = self.dice.choices(list(HABITS), list(HABITS.values()))
            try:
                await acts[act]()
            except (Error, AssertionError) as error:
                self.diary.troubles.append(f"{self.name} could not {act}: {str(error)[:400]}")

    async def switch(self) -> None:
        """Open the other conversation."""
        first, second = self.conversations
        await self.show(second if self.here == first else first)
        self.diary.did["conversations opened"] += 1

    async def show(self, conversation_id: str) -> None:
        """Open a conversation from the list."""
        self.here = conversation_id
        await self._link(conversation_id).click(timeout=PATIENCE_MS)
        composer = self.page.locator(f'chat-composer[conversation-id="{conversation_id}"]')
        await expect(composer.locator("textarea")).to_be_visible(timeout=PATIENCE_MS)

    async def waiting(self) -> int:
        """Return how many messages wait in this browser to be sent."""
        return len(await self.page.evaluate(READ, "outbox"))

    async def rows(self) -> list[Row]:
        """Return the rows of the log that are drawn now."""
        return [tuple(row) for row in await self.page.evaluate(ROWS)]

    async def all_rows(self) -> list[Row]:
        """Scroll from the end to the beginning, and return every row that was drawn on the way."""
        await self.page.evaluate(DOWN)
        drawn: dict[int, Row] = {}
        double: list[Row] = []
        for _ in range(2_000):
            rows = await self.rows()
            places = Counter(row[0] for row in rows)
            double += [row for row in rows if places[row[0]] > 1]
            drawn = {row[0]: row for row in rows} | drawn
            if not await self.page.evaluate(UP) and (await self.rows()) == rows:
                break
        await self.page.evaluate(DOWN)
        return sorted([*drawn.values(), *set(double)])

    async def list(self) -> list[list[str]]:
        """Return the list of conversations as it is drawn."""
        rows: list[list[str]] = await self.page.evaluate(LIST)
        return rows

    @property
    def _box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    def _link(self, conversation_id: str) -> Locator:
        return self.page.locator(f'nav a.row[href="/chat/{conversation_id}"]')

    async def _write(self) -> None:
        # A mark is not given twice: what was deleted is still remembered.
        self.written += 1
        mark = f"{self.name}-{self.written}."
        text = f"{mark} {' '.join(self.dice.choices(WORDS, k=self.dice.randint(1, 12)))}"
        box = self._box
        await box.fill(text, timeout=PATIENCE_MS)
        self.diary.words[mark] = Word(self.user_id, self.here, {text})
        self.own.append(mark)
        await box.press("Enter", timeout=PATIENCE_MS)
        # What is written comes from the box into the outbox, and then goes on by itself.
        await expect(box).to_have_value("", timeout=PATIENCE_MS)
        self.diary.did["messages written"] += 1

    async def _share(self) -> None:
        """Send a file, with or without a network: it goes by pieces, and on after each cut."""
        self.written += 1
        mark = f"{self.name}-{self.written}."
        name, data = f"{mark}bin", self.dice.randbytes(self.dice.randint(1, MOST_BYTES))
        async with self.page.expect_file_chooser(timeout=PATIENCE_MS) as chooser:
            await self.page.get_by_role("button", name="Attach files").click(timeout=PATIENCE_MS)
        picked = FilePayload(name=name, mimeType="application/octet-stream", buffer=data)
        await (await chooser.value).set_files([picked])
        tray = self.page.get_by_role("list", name="Attached files")
        await expect(tray.get_by_text(name)).to_be_visible(timeout=PATIENCE_MS)
        await self._box.fill(mark, timeout=PATIENCE_MS)
        files = {name: sha256(data).hexdigest()}
        self.diary.words[mark] = Word(self.user_id, self.here, {mark}, files=files)
        self.own.append(mark)
        await self._box.press("Enter", timeout=PATIENCE_MS)
        await expect(tray).to_be_hidden(timeout=PATIENCE_MS)
        self.diary.did["files shared"] += 1

    async def _edit(self) -> None:
        if (found := await self._menu_of_own("Edit")) is None:
            return
        mark, word = found
        text = f"{mark} edited {self.dice.randint(1, 1_000_000)}"
        word.texts.add(text)
        await self._box.fill(text, timeout=PATIENCE_MS)
        await self._box.press("Enter", timeout=PATIENCE_MS)
        editing = self.page.locator("[data-editing]")
        error = self.page.locator("[data-composer-error]")
        with contextlib.suppress(AssertionError):
            over = self.page.locator("[data-editing][hidden], [data-composer-error]:not([hidden])")
            await expect(over).not_to_have_count(0, timeout=ANSWER_MS)
        if await editing.is_hidden():
            word.texts = {text}
            self.diary.did["messages edited"] += 1
        else:
            # Nobody knows whether it was: the answer may have been lost.
            self.diary.did["edits that failed"] += 1
            if not await error.is_visible():
                self.diary.troubles.append(f"{self.name}: an edit is neither done nor refused")
            await self._box.press("Escape", timeout=PATIENCE_MS)

    async def _delete(self) -> None:
        if (found := await self._menu_of_own("Delete")) is None:
            return
        mark, word = found
        word.may_be_deleted = True
        self.own.remove(mark)
        article = self.page.locator(f'article[data-id="{self.opened_id}"]')
        question = self.page.get_by_role("dialog", name="Delete this message?")
        await question.get_by_role("button", name="Delete").click(timeout=PATIENCE_MS)
        over = article.and_(self.page.locator(".deleted")).or_(
            self.page.locator("[data-actions-error]:not([hidden])")
        )
        await expect(over).not_to_have_count(0, timeout=ANSWER_MS)
        if "deleted" in (await article.get_attribute("class") or "").split():
            word.may_be_there = False
            self.diary.did["messages deleted"] += 1
        else:
            self.diary.did["deletions that failed"] += 1

    async def _menu_of_own(self, action: str) -> tuple[str, Word] | None:
        """Open the menu of a message of this browser and choose from it; None if it is not there.

        Messages that arrive scroll it away now and then, which closes its menu.
        """
        words = self.diary.words
        lately = [mark for mark in self.own[-LATELY:] if words[mark].conversation_id == self.here]
        if not lately:
            return None
        mark = self.dice.choice(lately)
        article = self.page.locator("article.mine[data-id]:not(.deleted)").filter(has_text=mark)
        if await article.count() != 1:
            return None
        self.opened_id = await article.get_attribute("data-id")
        menu = self.page.get_by_role("menu", name="More actions")
        try:
            await article.hover(timeout=MENU_MS)
            await article.get_by_role("button", name="More actions").click(timeout=MENU_MS)
            await menu.get_by_role("menuitem", name=action).click(timeout=MENU_MS)
        except Error:
            self.diary.did["menus that closed"] += 1
            return None
        return mark, words[mark]

    async def _scroll(self) -> None:
        """Read what is above, and come back."""
        for _ in range(self.dice.randint(1, 3)):
            await self.page.evaluate(UP)
        await asyncio.sleep(self.dice.uniform(0, 0.5))
        jump = self.page.locator("[data-jump]")
        if await jump.is_visible():
            await jump.click(timeout=PATIENCE_MS)
        await self.page.evaluate(DOWN)
        self.diary.did["times scrolled up"] += 1

    async def _go_offline(self) -> None:
        """Write on while there is no network."""
        self.diary.did["times offline"] += 1
        await self.page.context.set_offline(True)
        try:
            for _ in range(self.dice.randint(1, 3)):
                await self._write()
            await asyncio.sleep(self.dice.uniform(*OFFLINE_S))
        finally:
            await self.page.context.set_offline(False)
