"""Sounds and notifications: once per message, and only while its chat is not in view."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.harness.pages import PATIENCE_MS, wait_until
from tests.harness.visitors import Visitor

# A sound is two tones. A page that was not touched may make none.
FAKES = """
// The tests' own questions count as touches.
Object.defineProperty(navigator, "userActivation", { value: { hasBeenActive: false } });
window.tones = 0;
const tone = () => ({
  frequency: {},
  connect: (next) => next,
  start: () => window.tones++,
  stop() {},
});
const gain = () => ({
  gain: { setValueAtTime() {}, linearRampToValueAtTime() {}, exponentialRampToValueAtTime() {} },
  connect: (next) => next,
});
window.AudioContext = class {
  state = "running";
  currentTime = 0;
  createOscillator = tone;
  createGain = gain;
};
window.notes = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, options) {
    Object.assign(this, { title, ...options, closed: false });
    window.notes.push(this);
  }
  close() {
    this.closed = true;
  }
};
"""
HINT = "Click anywhere to hear messages"
LOOK_AWAY = "document.hasFocus = () => false; dispatchEvent(new Event('blur'))"
REFUSE = """() => {
  window.Notification = class {
    static permission = "granted";
    constructor() {
      throw new TypeError("use a service worker");
    }
  };
}"""
HIDE = """() => {
  Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
NOTES = "window.notes.map(({ title, body, tag, closed }) => ({ title, body, tag, closed }))"
# A busy browser may send a tab the storage event of another one late.
STORED_LATE = r"""() => {
  const getItem = Storage.prototype.getItem;
  Storage.prototype.getItem = function (key) {
    return /^chat\.(heard|rang)/.test(key) ? null : getItem.call(this, key);
  };
  const request = navigator.locks.request;
  window.done = [];
  navigator.locks.request = async function (name, ...rest) {
    const answer = await request.call(this, name, ...rest);
    window.done.push(name);
    return answer;
  };
}"""
# A busy tab comes to a message after the others.
LATE = r"""() => {
  const request = navigator.locks.request;
  navigator.locks.request = async function (name, ...rest) {
    if (name.startsWith("chat.news ")) await new Promise((done) => setTimeout(done, 2_000));
    return request.call(this, name, ...rest);
  };
}"""
DONE = "([conversation, seq]) => window.done.includes(`chat.news ${conversation} ${seq}`)"
HEARD = """([conversation, seq]) => Object.keys(localStorage)
  .filter((key) => key.startsWith("chat.heard."))
  .some((key) => (JSON.parse(localStorage[key])[conversation] ?? 0) >= seq)"""
IN_FRONT = "id => (localStorage.getItem('chat.front') ?? '').split(' ').pop() === id"


@pytest.fixture
def profiles_are_kept() -> bool:
    """Return that no other test may use the profiles, in which these tests change every tab."""
    return False


@pytest.fixture
def listener(tomas: Visitor) -> Visitor:
    """Return a visitor whose browser counts its sounds and notifications."""
    tomas.context.add_init_script(FAKES)
    return tomas


@pytest.fixture
def pages(listener: Visitor) -> Iterator[list[Page]]:
    """Yield two tabs of that visitor, clicked once, that show no conversation."""
    listener.open_home()
    second = listener.context.new_page()
    second.goto(listener.url)
    expect(second.get_by_text("No conversations yet.")).to_be_visible()
    for page in (listener.page, second):
        touch(page)
    yield [listener.page, second]
    second.close()


def touch(page: Page) -> None:
    # The listener that notes a click may be added after the text is rendered.
    wait_until(page, "() => document.querySelector('chat-news:defined') !== null")
    page.mouse.click(640, 300)


def dealt_with(page: Page, message: dict[str, Any]) -> None:
    """Wait until the tabs have agreed on the sound for a message."""
    wait_until(page, HEARD, [message["conversation_id"], message["seq"]])


def sounds(*pages: Page) -> float:
    return sum(int(page.evaluate("window.tones")) for page in pages) / 2


def assert_sounds(count: int, *pages: Page) -> None:
    """Check that there were so many sounds, once the tab that makes the last one has made it."""
    end = time.monotonic() + PATIENCE_MS / 1_000
    while sounds(*pages) < count and time.monotonic() < end:
        pages[0].evaluate("() => new Promise((done) => setTimeout(done, 20))")
    assert sounds(*pages) == count


def notes_of(count: int, *pages: Page) -> list[tuple[Page, dict[str, Any]]]:
    """Return the notifications with their tabs, once there are so many."""
    end = time.monotonic() + PATIENCE_MS / 1_000
    notes: list[tuple[Page, dict[str, Any]]] = []
    while len(notes) < count and time.monotonic() < end:
        notes = [(page, note) for page in pages for note in page.evaluate(NOTES)]
        pages[0].evaluate("() => new Promise((done) => setTimeout(done, 20))")
    assert len(notes) == count
    return notes


def test_a_message_sounds_once_over_many_tabs(
    mira: Visitor, listener: Visitor, pages: list[Page]
) -> None:
    message = mira.post(listener, "Hello")
    for page in pages:
        expect(page).to_have_title(re.compile(r"^\(1\) "))
        dealt_with(page, message)

    assert_sounds(1, *pages)


def test_tabs_with_late_storage_events_sound_once(
    mira: Visitor, listener: Visitor, pages: list[Page]
) -> None:
    for page in pages:
        page.evaluate(STORED_LATE)
        page.evaluate(HIDE)
    message = mira.post(listener, "Hello")
    for page in pages:
        wait_until(page, DONE, [message["conversation_id"], message["seq"]])

    notes_of(1, *pages)
    assert_sounds(1, *pages)


def test_tabs_without_locks_sound_once(mira: Visitor, listener: Visitor) -> None:
    listener.context.add_init_script("Object.defineProperty(navigator, 'locks', {})")
    listener.open_home()
    pages = [listener.page, listener.context.new_page(), listener.context.new_page()]
    for page in pages:
        page.goto(listener.url)
        expect(page.get_by_text("No conversations yet.")).to_be_visible()
        touch(page)
    for page in pages:
        page.evaluate(HIDE)
    for number in range(3):
        dealt_with(pages[number], mira.post(listener, f"Number {number}"))
        wait_until(pages[0], "() => Date.now() - Number(localStorage['chat.rang']) > 2_000")

    assert_sounds(3, *pages)
    notes_of(3, *pages)


def test_a_browser_without_locks_sounds_too(mira: Visitor, listener: Visitor) -> None:
    # They are there over HTTPS and on localhost only.
    listener.context.add_init_script("Object.defineProperty(navigator, 'locks', {})")
    listener.open_home()
    touch(listener.page)
    dealt_with(listener.page, mira.post(listener, "Hello"))

    assert_sounds(1, listener.page)


def test_a_burst_sounds_once(mira: Visitor, listener: Visitor, pages: list[Page]) -> None:
    for number in range(3):
        dealt_with(pages[number % 2], mira.post(listener, f"Number {number}"))

    assert_sounds(1, *pages)


def test_a_message_in_the_focused_chat_makes_no_sound_in_any_tab(
    mira: Visitor, listener: Visitor, pages: list[Page]
) -> None:
    listener.open_chat_with(mira)
    touch(listener.page)
    wait_until(pages[1], IN_FRONT, listener.page.url.rpartition("/")[2])
    message = mira.post(listener, "You see this")
    expect(listener.message("You see this")).to_have_count(1)
    dealt_with(pages[1], message)
    assert sounds(*pages) == 0

    listener.page.evaluate(LOOK_AWAY)
    wait_until(pages[1], IN_FRONT, "")
    message = mira.post(listener, "You do not see this")
    dealt_with(pages[1], message)
    assert_sounds(1, *pages)


def test_own_messages_make_no_sound(mira: Visitor, listener: Visitor, pages: list[Page]) -> None:
    listener.post(mira, "From my other device")
    row = listener.conversations.get_by_role("link")
    expect(row).to_contain_text("You: From my other device")
    first = mira.post(listener, "An answer")
    dealt_with(pages[0], first)

    assert_sounds(1, *pages)


@pytest.mark.parametrize("where", ["account", "browser"])
def test_switched_off_sounds_stay_off(
    mira: Visitor, listener: Visitor, pages: list[Page], where: str
) -> None:
    if where == "account":
        listener.http.patch("/api/users/me", json={"sound": False}).raise_for_status()
        for page in pages:
            page.reload()
            expect(page.get_by_text("No conversations yet.")).to_be_visible()
            touch(page)
    else:
        key = f"chat.sound.{listener.user_id}"
        pages[0].evaluate("key => localStorage.setItem(key, 'off')", key)
    message = mira.post(listener, "Quiet, please")
    for page in pages:
        expect(page).to_have_title(re.compile(r"^\(1\) "))
    dealt_with(pages[0], message)

    assert sounds(*pages) == 0


def test_a_page_without_a_user_gesture_shows_a_hint_instead_of_a_sound(
    mira: Visitor, listener: Visitor
) -> None:
    complaints: list[str] = []
    listener.page.on("console", lambda line: complaints.append(line.text))
    # What Playwright itself says.
    blocked = "Service Worker registration blocked by Playwright"
    listener.open_home()
    mira.post(listener, "Can you hear me?")
    hint = listener.page.get_by_text(HINT)
    expect(hint).to_be_visible()
    assert sounds(listener.page) == 0

    touch(listener.page)
    expect(hint).to_be_hidden()
    dealt_with(listener.page, mira.post(listener, "And now?"))
    assert_sounds(1, listener.page)
    assert set(complaints) <= {blocked}


@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "late"])
def test_a_tab_that_was_touched_sounds_for_one_that_was_not(
    mira: Visitor, listener: Visitor, pages: list[Page], *, is_late: bool
) -> None:
    third = listener.context.new_page()
    third.goto(listener.url)
    expect(third.get_by_text("No conversations yet.")).to_be_visible()
    for page in pages:
        page.close()
    first = listener.context.new_page()
    first.goto(listener.url)
    expect(first.get_by_text("No conversations yet.")).to_be_visible()
    touch(first)
    if is_late:
        first.evaluate(LATE)

    message = mira.post(listener, "Hello")
    for page in (first, third):
        expect(page).to_have_title(re.compile(r"^\(1\) "))
        dealt_with(page, message)

    assert_sounds(1, first)
    assert sounds(third) == 0
    expect(third.get_by_text(HINT)).to_have_count(0)


def test_a_notification_comes_when_no_tab_is_visible_and_goes_when_read(
    mira: Visitor, listener: Visitor, pages: list[Page]
) -> None:
    seen = mira.post(listener, "One tab is visible")
    dealt_with(pages[0], seen)
    for page in pages:
        assert page.evaluate("window.notes.length") == 0
        page.evaluate(HIDE)
    message = mira.post(listener, "**Nobody** [looks](https://example.org)")
    dealt_with(pages[0], message)
    for page in pages:
        expect(page).to_have_title(re.compile(r"^\(2\) "))

    [(page, note)] = notes_of(1, *pages)
    body = "Nobody looks\n2 unread messages"
    expected = {"title": "Mira Lind", "body": body, "closed": False}
    assert note == {**expected, "tag": message["conversation_id"]}
    page.evaluate("window.notes[0].onclick()")
    page.wait_for_url(f"{listener.url}/chat/{message['conversation_id']}")

    path = f"/api/conversations/{message['conversation_id']}/read"
    listener.http.post(path, json={"seq": 2}).raise_for_status()
    wait_until(page, "() => window.notes[0].closed")


def test_news_of_two_people_at_once_are_told_under_their_own_names(
    mira: Visitor, listener: Visitor, sofia: Visitor, pages: list[Page]
) -> None:
    for page in pages:
        page.evaluate(HIDE)
    sent = [mira.post(listener, "From Mira"), sofia.post(listener, "From Sofia")]
    for message in sent:
        dealt_with(pages[0], message)

    told = {(note["title"], note["body"]) for _, note in notes_of(2, *pages)}
    assert told == {("Mira Lind", "From Mira"), ("Sofia Brandt", "From Sofia")}


def test_a_notification_of_a_deleted_message_is_withdrawn(
    mira: Visitor, listener: Visitor, pages: list[Page]
) -> None:
    for page in pages:
        page.evaluate(HIDE)
    message = mira.post(listener, "Sent by mistake")
    dealt_with(pages[0], message)
    ((page, _),) = notes_of(1, *pages)

    mira.http.delete(f"/api/messages/{message['id']}").raise_for_status()

    wait_until(page, "() => window.notes.every((note) => note.closed)")
    for page in pages:
        expect(page).to_have_title(re.compile("^Chat"))


def test_a_browser_that_lets_no_page_notify_complains_of_nothing(
    mira: Visitor, listener: Visitor, pages: list[Page]
) -> None:
    for page in pages:
        page.evaluate(REFUSE)
        page.evaluate(HIDE)

    dealt_with(pages[0], mira.post(listener, "Hello"))

    assert_sounds(1, *pages)
