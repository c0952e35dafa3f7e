"""The main walks through the screens in Firefox and WebKit; tests/browser has all of them."""

import pytest

from tests.harness.clients import PASSWORD
from tests.harness.engines import Firefox
from tests.harness.servers import ChatServer
from tests.harness.windows import ENTER, Person, Window, new_username

pytestmark = [pytest.mark.only_in_test_all, pytest.mark.one_process]

LONG = 250
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
    mira.until_found(word)
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
