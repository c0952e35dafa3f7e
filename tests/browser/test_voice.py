"""Voice messages: recorded, paused, cancelled, sent and played."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, expect, sync_playwright

from tests.harness.chromium import start_chromium
from tests.harness.films import film
from tests.harness.pages import wait_until
from tests.harness.visitors import NewVisitor, Visitor

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

# Keeps what the page hears, and breaks the recorder.
NO_RECORDER = """() => {
  const listen = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (kinds) => (window.heard = await listen(kinds));
  window.MediaRecorder = class {
    static isTypeSupported() { return false; }
    constructor() { throw new DOMException("None of these types.", "NotSupportedError"); }
  };
}"""


# Counts the sounds that the page decodes.
COUNT_DECODED = """{
  window.decoded = 0;
  const decode = OfflineAudioContext.prototype.decodeAudioData;
  OfflineAudioContext.prototype.decodeAudioData = function (bytes) {
    window.decoded += 1;
    return decode.call(this, bytes);
  };
}"""


# Whether the browser would ask before it leaves the page.
IS_ASKED = "() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield Chromium with a microphone that hears a tone."""
    with sync_playwright() as playwright:
        chromium = start_chromium(playwright, *MICROPHONE)
        yield chromium
        chromium.close()


@pytest.fixture
def mira(new_visitor: NewVisitor) -> Visitor:
    """Return a person with a microphone."""
    return new_visitor("Mira Lind", permissions=["microphone"])


def begin(visitor: Visitor) -> Locator:
    """Begin to record; return what is shown meanwhile, once a second is recorded."""
    visitor.page.get_by_role("button", name="Record a voice message").click()
    recorder = visitor.page.get_by_role("group", name="Recording")
    expect(recorder.get_by_role("timer")).not_to_have_text("0:00")
    return recorder


def test_a_voice_message_is_recorded_and_played_by_the_other(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    recorder = begin(mira)
    timer = recorder.get_by_role("timer")
    recorder.get_by_role("button", name="Pause").click()
    go_on = recorder.get_by_role("button", name="Go on")
    expect(go_on).to_be_visible()
    paused_at = timer.inner_text()
    go_on.click()
    expect(timer).not_to_have_text(paused_at)

    recorder.get_by_role("button", name="Send voice message").click()

    expect(recorder).to_have_count(0)
    expect(mira.box).to_be_visible()
    player = tomas.log.get_by_role("group", name="Voice message")
    # The browser that has recorded it has not written how long it is.
    length = player.get_by_role("slider", name="Place")
    expect(length).to_have_attribute("aria-valuetext", re.compile("^0:00 of 0:0[1-9]$"))
    player.get_by_role("button", name="Play").click()
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    expect(length).to_have_attribute("aria-valuetext", re.compile("^0:0[1-9] of"))
    expect(player.get_by_role("button", name="Play")).to_be_visible()
    row = tomas.conversations.get_by_role("link", name="Voice message")
    expect(row).to_be_visible()
    expect(mira.log.get_by_role("progressbar")).to_have_count(0)


def test_a_large_voice_message_is_played_and_not_decoded(mira: Visitor, tomas: Visitor) -> None:
    tomas.page.add_init_script(COUNT_DECODED)
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    large = film("wav", size=None, seconds=8, codecs=("", "pcm_s16le"))
    small = film("wav", size=None, seconds=3, codecs=("", "pcm_s16le"))
    assert len(small) < 2**20 < len(large)
    for data in (large, small):
        with mira.page.expect_file_chooser() as chooser:
            mira.page.get_by_role("button", name="Attach files").click()
        chooser.value.set_files(
            FilePayload(name="Voice message.wav", mimeType="audio/wav", buffer=data)
        )
        mira.page.get_by_role("button", name="Send", exact=True).click()

    places = tomas.log.get_by_role("slider", name="Place")
    expect(places).to_have_count(2)
    # The server has read the length.
    expect(places.first).to_have_attribute("aria-valuetext", "0:00 of 0:08")
    wait_until(tomas.page, "() => window.decoded === 1")
    tomas.log.get_by_role("button", name="Play").first.click()
    expect(places.first).to_have_attribute("aria-valuetext", "0:01 of 0:08")
    assert tomas.page.evaluate("window.decoded") == 1


def test_leaving_the_page_is_asked_about_while_something_is_recorded(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    assert not mira.page.evaluate(IS_ASKED)
    recorder = begin(mira)

    assert mira.page.evaluate(IS_ASKED)

    recorder.get_by_role("button", name="Cancel").click()
    expect(recorder).to_have_count(0)
    assert not mira.page.evaluate(IS_ASKED)


def test_a_cancelled_recording_sends_nothing(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    recorder = begin(mira)

    mira.page.keyboard.press("Escape")

    expect(recorder).to_have_count(0)
    expect(mira.log.get_by_role("article")).to_have_count(0)
    opener = mira.page.get_by_role("button", name="Record a voice message")
    expect(opener).to_be_focused()


def test_a_recording_that_cannot_begin_lets_go_of_the_microphone(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    mira.page.evaluate(NO_RECORDER)

    mira.page.get_by_role("button", name="Record a voice message").click()

    expect(mira.page.get_by_text("This browser cannot record.")).to_be_visible()
    assert mira.page.evaluate("window.heard.getTracks().map((track) => track.readyState)") == [
        "ended"
    ]


def test_a_recording_is_kept_where_its_conversation_is_left(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    mira.post(sofia, "Hello")
    mira.open_chat_with(tomas)
    mira.post(tomas, "Hello")
    recorder = begin(mira)

    mira.conversations.get_by_role("link", name=re.compile("Sofia")).click()
    expect(mira.page.get_by_role("heading", name="Sofia Brandt")).to_be_visible()
    expect(recorder).to_have_count(0)
    mira.conversations.get_by_role("link", name=re.compile("Tomas")).click()

    tray = mira.page.get_by_role("list", name="Attached files")
    expect(tray.get_by_text(re.compile("^Voice message"))).to_be_visible()
