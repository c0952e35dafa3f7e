"""The main walks through the screens in Firefox and WebKit; tests/browser has all of them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.harness.chats import FRONT_END_BUILD_S, Farm, launch_built
from tests.harness.clients import PASSWORD
from tests.harness.engines import ENGINES, Engine, Firefox
from tests.harness.servers import ChatServer

pytestmark = [pytest.mark.only_in_test_all, pytest.mark.one_process]

PATIENCE_S = 40
# Conditions are looked at so often: the drivers of these engines have no way to wait for one.
CHECK_S = 0.05
ENTER = "\ue007"
LONG = 250
# Returns the visible elements of a selector whose label or text contains a name.
NAMED = """(selector, name) => [...document.querySelectorAll(selector)].filter((element) => {
  const label = element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent;
  return element.checkVisibility() && label.includes(name);
})"""
PLACE_OF = f"""(...wanted) => {{
  const [element] = ({NAMED})(...wanted);
  element.scrollIntoView({{ block: "nearest" }});
  const box = element.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}}"""
# Scrolls to the first message, page by page, and returns the `seq` of all messages on the way.
SCROLL_UP = """async () => {
  const log = document.querySelector("[role=log]");
  const seen = new Set();
  const end = Date.now() + 30_000;
  while (!seen.has(1) && Date.now() < end) {
    const articles = [...log.querySelectorAll("article[data-seq]")];
    articles.forEach((article) => seen.add(Number(article.dataset.seq)));
    log.scrollTop -= log.clientHeight / 2;
    await new Promise(requestAnimationFrame);
  }
  return [...seen].sort((one, other) => one - other);
}"""

# Returns what the picker has found.
HITS = """() => [...document.querySelector("emoji-picker").shadowRoot.querySelectorAll(
  "#search-results [role=option]"
)]"""


@dataclass
class Person:
    """Somebody with a session of their own outside the browser."""

    http: httpx.Client
    user: dict[str, Any]

    def post(self, other: "Person", text: str) -> str:
        """Send a message, and return its conversation's id."""
        body = {"receiver_id": other.user["id"], "content": text}
        reply = self.http.post("/api/messages", json=body).raise_for_status()
        return str(reply.json()["conversation_id"])

    def texts(self, conversation_id: str) -> list[str]:
        """Return the newest messages of a conversation, as they are stored."""
        path = f"/api/conversations/{conversation_id}/messages"
        return [one["content"] for one in self.http.get(path).raise_for_status().json()["items"]]


@dataclass
class Window:
    """The window of an engine at a chat."""

    engine: Engine
    url: str

    def open(self, path: str) -> None:
        """Open a page of the chat."""
        self.engine.open(self.url + path)

    def shows(self, selector: str, name: str = "") -> bool:
        """Return whether a visible element has a name or a text."""
        return bool(self.engine.call(f"(...wanted) => ({NAMED})(...wanted).length", selector, name))

    def until(self, selector: str, name: str = "", *, is_gone: bool = False) -> None:
        """Wait until an element is shown, or is shown no more."""
        end = time.monotonic() + PATIENCE_S
        while self.shows(selector, name) == is_gone:
            assert time.monotonic() < end, (selector, name, self._text())
            time.sleep(CHECK_S)

    def until_true(self, function: str) -> None:
        """Wait until a function returns something in the page."""
        end = time.monotonic() + PATIENCE_S
        while not self.engine.call(f"() => Boolean(({function})())"):
            assert time.monotonic() < end, (function, self._text())
            time.sleep(CHECK_S)

    def click(self, selector: str, name: str = "") -> None:
        """Click an element once it is shown."""
        self.until(selector, name)
        self.engine.click(*self.engine.call(PLACE_OF, selector, name))

    def fill(self, selector: str, name: str, text: str) -> None:
        """Type a text in the place of what a field holds."""
        self.click(selector, name)
        self.engine.call("() => document.activeElement.select()")
        self.engine.press(text)

    def sign_in(self, username: str) -> None:
        """Sign in by the form, and wait for the conversations."""
        self.open("/login")
        self.fill("input", "Username", username)
        self.fill("input", "Password", PASSWORD)
        self.click("button", "Sign in")
        self.until("input", "Search people")

    def _text(self) -> str:
        return str(self.engine.call("() => document.body.innerText"))


@pytest.fixture(scope="module")
def engine_chat(
    farm: Farm, front_end: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ChatServer]:
    """Yield a chat with its screens that a test may stop and start again."""
    assert front_end.is_dir()
    storage = farm.storage("sqlite+memory", tmp_path_factory.mktemp("engines"))
    chat = launch_built(storage, CHAT_LIMITS="off")
    try:
        yield chat.wait_until_ready(seconds=FRONT_END_BUILD_S)
    finally:
        chat.stop()


@pytest.fixture(params=ENGINES)
def window(
    request: pytest.FixtureRequest, engine_chat: ChatServer, tmp_path: Path
) -> Iterator[Window]:
    """Yield a window of each engine, in an empty profile."""
    engine = ENGINES[request.param](tmp_path)
    try:
        yield Window(engine, engine_chat.url)
    finally:
        engine.close()


@pytest.fixture
def people(engine_chat: ChatServer) -> Iterator[tuple[Person, Person]]:
    """Yield two registered people."""
    found = []
    for name in ("Mira Lind", "Tomas Okafor"):
        http = httpx.Client(base_url=engine_chat.url, headers={"Origin": engine_chat.url})
        body = {"username": new_username(), "password": PASSWORD, "display_name": name}
        reply = http.post("/api/auth/register", json={**body, "tokens": False}).raise_for_status()
        found.append(Person(http, reply.json()["user"]))
    yield found[0], found[1]
    for person in found:
        person.http.close()


def new_username() -> str:
    return f"u-{uuid4().hex[:12]}"


def test_a_person_registers_signs_out_and_signs_in(window: Window) -> None:
    username = new_username()
    window.open("/register")
    window.fill("input", "Username", username)
    window.fill("input", "Display name", "Sofia Brandt")
    window.fill("input", "Password", PASSWORD)
    window.click("button", "Create account")
    window.until("input", "Search people")

    window.click("button", "Sign out")
    window.until("button", "Sign in")
    window.sign_in(username)

    window.until("bdi", "Sofia Brandt")


def test_messages_arrive_live_in_both_directions(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    here = tomas.post(mira, "Shall we go to the lake?")
    window.sign_in(mira.user["username"])
    window.until("nav a", "1")
    window.click("nav a", "Tomas Okafor")
    window.until("article", "Shall we go to the lake?")
    window.fill("textarea", "Message", f"Yes, at six{ENTER}")
    window.until("article:has([aria-label=Sent])", "Yes, at six")
    tomas.http.post(f"/api/conversations/{here}/read", json={"seq": 2}).raise_for_status()
    window.until("article:has([aria-label=Read])", "Yes, at six")
    tomas.post(mira, "I bring the boat")
    window.until("article", "I bring the boat")

    assert tomas.texts(here) == ["Shall we go to the lake?", "Yes, at six", "I bring the boat"]


def test_markdown_and_emoji_are_shown_and_written(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    here = tomas.post(mira, "**Six**, at the [lake](https://example.org)\n```js\nlet boat;\n```")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Six, at the lake let boat;")
    window.until(".bubble strong", "Six")
    window.until(".bubble a[href='https://example.org']", "lake")
    window.until(".bubble pre .code-keyword", "let")
    window.fill("textarea", "Message", ":tada")
    window.until("[role=option]", ":tada:")
    window.engine.press(ENTER)
    window.click("button", "Emoji")
    window.until_true(
        "() => document.querySelector('emoji-picker')?.shadowRoot.querySelector('input')"
    )
    # An engine without a mouse does not get the focus there.
    window.engine.call(
        "() => document.querySelector('emoji-picker').shadowRoot.querySelector('input').focus()"
    )
    window.engine.press("party popper")
    window.until_true(f"() => ({HITS})().length && ({HITS})()[0].title.includes('party popper')")
    window.engine.press(ENTER)
    window.until("dialog", "Emoji", is_gone=True)
    window.engine.press(ENTER)
    window.until("article:has([aria-label=Sent])", "🎉")

    assert tomas.texts(here)[-1] == "🎉 🎉"


def test_a_message_written_without_the_chat_is_sent_when_it_is_back(
    engine_chat: ChatServer, window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    here = tomas.post(mira, "Before")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.until("article", "Before")
    engine_chat.end()
    try:
        window.until("[role=status]", "Reconnecting…")
        window.fill("textarea", "Message", f"Meanwhile{ENTER}")
        window.until("article:has([aria-label=Queued])", "Meanwhile")
    finally:
        engine_chat.launch()
    engine_chat.wait_until_ready()

    window.until("article:has([aria-label=Sent])", "Meanwhile")
    window.until("[role=status]", "Reconnecting…", is_gone=True)
    assert tomas.texts(here) == ["Before", "Meanwhile"]


@pytest.mark.parametrize("window", ["firefox"], indirect=True)
def test_a_message_written_offline_is_sent_when_online(
    window: Window, people: tuple[Person, Person]
) -> None:
    assert isinstance(window.engine, Firefox)
    mira, tomas = people
    here = tomas.post(mira, "Before")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.until("article", "Before")
    window.engine.set_offline(is_offline=True)
    window.until("[role=status]", "Offline")
    window.fill("textarea", "Message", f"Meanwhile{ENTER}")
    window.until("article:has([aria-label=Queued])", "Meanwhile")
    window.engine.set_offline(is_offline=False)

    window.until("article:has([aria-label=Sent])", "Meanwhile")
    window.until("[role=status]", "Offline", is_gone=True)
    assert tomas.texts(here) == ["Before", "Meanwhile"]


def test_scrolling_up_shows_every_message(window: Window, people: tuple[Person, Person]) -> None:
    mira, tomas = people
    here = tomas.post(mira, "Message 0")
    for number in range(1, LONG):
        tomas.post(mira, f"Message {number}")
    window.sign_in(mira.user["username"])
    window.open(f"/chat/{here}")
    window.until("article", f"Message {LONG - 1}")

    assert window.engine.call(SCROLL_UP) == list(range(1, LONG + 1))


def test_a_message_is_found_and_opened_and_left_again(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    word = new_username().replace("-", "")
    tomas.post(mira, f"The {word} of the street")
    end = time.monotonic() + PATIENCE_S
    while not mira.http.get("/api/search", params={"q": word}).json()["items"]:
        assert time.monotonic() < end
        time.sleep(CHECK_S)
    window.sign_in(mira.user["username"])
    window.click("a", "Search in messages")
    window.until_true("() => document.activeElement.ariaLabel === 'Search messages'")
    window.engine.press(word)
    window.until("mark", word)
    window.click("a[data-hit]", word)
    window.until("article", f"The {word} of the street")

    window.engine.call("() => history.back()")
    window.until("mark", word)
    window.until_true(f"() => document.querySelector('chat-search input').value === '{word}'")
    window.until_true("() => document.activeElement.matches('[data-hit]')")
    window.click("a", "Settings")
    window.until("button", "Keyboard shortcuts")
    window.engine.call("() => document.activeElement.blur()")
    window.engine.press("?")
    window.until("dialog h2", "Keyboard shortcuts")


def test_settings_are_saved(window: Window, people: tuple[Person, Person]) -> None:
    mira, _ = people
    window.sign_in(mira.user["username"])
    window.click("a", "Settings")
    window.fill("input", "Display name", "Mira L.")
    window.click("button", "Save")
    window.until("bdi", "Mira L.")
    window.click("button[role=switch][aria-checked=true]", "sound")
    window.until("button[role=switch][aria-checked=false]", "sound")

    user = mira.http.get("/api/auth/me").raise_for_status().json()
    assert (user["display_name"], user["sound"]) == ("Mira L.", False)
