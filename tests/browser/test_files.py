"""Files in the browser: they are chosen, sent, seen by others, and never lost on the way."""

import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image
from playwright.sync_api import FilePayload, Locator, Route, expect

from tests.harness.films import document, film
from tests.harness.pages import PATIENCE_MS, assert_usable
from tests.harness.visitors import Visitor

MB = 1024 * 1024
UPLOAD = "**/api/uploads/*"
DROP = """(target, names) => {
  const data = new DataTransfer();
  for (const name of names) data.items.add(new File(["Words"], name, { type: "text/plain" }));
  for (const type of ["dragover", "drop"]) {
    const options = { dataTransfer: data, bubbles: true, cancelable: true };
    target.dispatchEvent(new DragEvent(type, options));
  }
}"""
PASTE = """(box, bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
  const options = { clipboardData: data, bubbles: true, cancelable: true };
  box.dispatchEvent(new ClipboardEvent("paste", options));
}"""
SEEN = re.compile("Sent|Delivered|Read")
# Notes what moves by itself below a picture, from now on.
WATCH_SHIFTS = """() => {
  window.shifts = [];
  const note = (list) => window.shifts.push(...list.getEntries());
  new PerformanceObserver(note).observe({ type: "layout-shift" });
}"""
# A new message moves those above it, at once; a picture that is loaded must not.
MOVED = """() => {
  const names = window.shifts.flatMap((shift) => shift.sources.map(({ node }) => node));
  return names.filter((node) => node?.closest?.(".attached")).map((node) => node.outerHTML);
}"""


def picture(width: int = 640, height: int = 480, color: str = "#2f6f9f") -> bytes:
    """Return a picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()


def payload(name: str, kind: str, data: bytes) -> FilePayload:
    """Return a file as Playwright takes it."""
    return FilePayload(name=name, mimeType=kind, buffer=data)


def attach(visitor: Visitor, *files: tuple[str, str, bytes]) -> None:
    """Choose files by the button, and wait until they are in the tray."""
    with visitor.page.expect_file_chooser() as chooser:
        visitor.page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files([payload(*file) for file in files])
    for name, _, _ in files:
        expect(tray(visitor).get_by_text(name)).to_be_visible()


def tray(visitor: Visitor) -> Locator:
    """Return the list of files that are chosen."""
    return visitor.page.get_by_role("list", name="Attached files")


def send(visitor: Visitor, words: str = "") -> None:
    """Send what is attached, with some words."""
    visitor.box.fill(words)
    visitor.page.get_by_role("button", name="Send", exact=True).click()


def is_loaded(image: Locator) -> None:
    """Wait until a picture is shown."""
    expect(image).to_have_js_property("complete", value=True)
    expect(image).not_to_have_js_property("naturalWidth", 0)


def test_a_picture_is_seen_by_the_other_without_a_shift(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    tomas.page.evaluate(WATCH_SHIFTS)
    mira.page.evaluate(WATCH_SHIFTS)

    attach(mira, ("boat.png", "image/png", picture()))
    expect(tray(mira).get_by_text("boat.png")).to_be_visible()
    send(mira, "Our boat")

    seen = tomas.log.get_by_role("button", name="Picture boat.png")
    expect(seen).to_be_visible()
    is_loaded(seen.locator("img"))
    expect(tomas.message("Our boat")).to_have_count(1)
    expect(mira.message("Our boat").get_by_role("img", name=SEEN)).to_be_visible()
    expect(tray(mira)).to_be_hidden()
    for person in (mira, tomas):
        box = person.log.get_by_role("button", name="Picture boat.png").bounding_box()
        assert box is not None
        assert (round(box["width"]), round(box["height"])) == (320, 240)
    # What is above and below did not move when the picture itself came.
    assert tomas.page.evaluate(MOVED) == []
    assert mira.page.evaluate(MOVED) == []


def test_a_picture_is_described_for_those_who_do_not_see_it(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    attach(mira, ("boat.png", "image/png", picture()), ("sail.png", "image/png", picture()))

    describe = tray(mira).get_by_role("button", name="Describe boat.png")
    describe.click()
    dialog = mira.page.get_by_role("dialog", name="Describe this picture")
    field = dialog.get_by_role("textbox", name="Description")
    expect(field).to_be_focused()
    field.fill("A red boat at sea")
    mira.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(describe).to_be_focused()
    expect(describe).to_have_text("A red boat at sea")
    assert_usable(mira.page)
    send(mira)

    name = "Picture boat.png: A red boat at sea"
    expect(mira.log.get_by_role("button", name=name)).to_be_visible()
    seen = tomas.log.get_by_role("button", name=name)
    expect(seen).to_be_visible()
    expect(tomas.log.get_by_role("button", name="Picture sail.png", exact=True)).to_be_visible()
    seen.click()
    viewer = tomas.page.get_by_role("dialog", name="Picture")
    expect(viewer.get_by_role("img", name="A red boat at sea")).to_be_visible()
    tomas.page.keyboard.press("Escape")
    tomas.page.reload()
    expect(seen).to_be_visible()
    tomas.page.get_by_role("button", name="Shared files").click()
    expect(tomas.page.get_by_role("dialog").get_by_role("button", name=name)).to_be_visible()


def test_a_video_and_a_document_have_pictures(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)

    attach(mira, ("boat.webm", "video/webm", film()), ("map.pdf", "application/pdf", document()))
    send(mira, "Our way")

    message = tomas.message("Our way")
    video = message.get_by_label("Video boat.webm")
    expect(video).to_have_attribute("poster", re.compile("/thumbnail$"))
    page = message.get_by_role("link", name="map.pdf").locator("img")
    is_loaded(page)
    page.evaluate("image => image.dispatchEvent(new Event('error'))")
    expect(page).to_be_hidden()

    tomas.page.get_by_role("button", name="Shared files").click()
    dialog = tomas.page.get_by_role("dialog", name="Shared files")
    dialog.get_by_role("button", name="Files").click()
    is_loaded(dialog.get_by_role("link", name="map.pdf").locator("img"))


def test_the_picture_of_a_sender_is_not_loaded_anew(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    attach(mira, ("boat.png", "image/png", picture()))
    send(mira)
    place = mira.log.get_by_role("button", name="Picture boat.png")
    expect(mira.log.get_by_role("progressbar")).to_have_count(0)

    expect(mira.log.locator("article[data-id]")).to_have_count(1)

    expect(place.locator("img")).to_have_attribute("src", re.compile("^blob:"))
    mira.page.reload()
    expect(place.locator("img")).to_have_attribute("src", re.compile("^/api/files/"))
    is_loaded(place.locator("img"))


def test_lists_and_quotes_say_what_a_message_without_words_has(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    attach(mira, ("boat.png", "image/png", picture()))
    send(mira)
    expect(mira.conversations.get_by_role("link", name="You: Photo")).to_be_visible()

    attach(mira, ("Plan *one*.txt", "text/plain", b"Words"))
    send(mira)

    row = mira.conversations.get_by_role("link", name="You: File: Plan *one*.txt")
    expect(row).to_be_visible()
    mira.log.get_by_role("article").first.hover()
    mira.log.get_by_role("article").first.get_by_role("button", name="Reply").click()
    expect(mira.page.locator("[data-replying]").get_by_text("Photo")).to_be_visible()
    mira.write("A boat")
    quote = mira.message("A boat").get_by_title("Show this message")
    expect(quote).to_contain_text(re.compile("Photo|Attachment"))


def test_a_file_is_downloaded_under_its_name(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    attach(mira, ("Plan.txt", "text/plain", b"Words of the plan"))
    send(mira)
    link = tomas.log.get_by_role("link", name="Plan.txt")

    with tomas.page.expect_download() as download:
        link.click()

    assert download.value.suggested_filename == "Plan.txt"
    assert download.value.path().read_bytes() == b"Words of the plan"
    # The live link is still there.
    mira.write("And a word")
    expect(tomas.message("And a word")).to_be_visible()


def test_dropped_and_pasted_files_are_attached(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.locator(".log").evaluate(DROP, ["one.txt", "two.txt"])
    expect(tray(mira).get_by_role("listitem")).to_have_count(2)

    mira.box.evaluate(PASTE, [*picture(20, 20)])

    expect(tray(mira).get_by_role("listitem")).to_have_count(3)
    send(mira, "All three")
    expect(mira.message("All three").get_by_role("link")).to_have_count(2)
    expect(
        mira.message("All three").get_by_role("button", name="Picture image.png")
    ).to_be_visible()


def test_files_are_ordered_by_keys_and_removed(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    attach(mira, *((f"{name}.txt", "text/plain", b"x") for name in "abc"))
    items = tray(mira).get_by_role("listitem")
    expect(items).to_contain_text(["a.txt", "b.txt", "c.txt"])

    tray(mira).get_by_role("button", name="Remove c.txt").press("ArrowLeft")
    mira.page.keyboard.press("ArrowLeft")

    expect(items).to_contain_text(["c.txt", "a.txt", "b.txt"])
    expect(tray(mira).get_by_role("button", name="Remove c.txt")).to_be_focused()
    tray(mira).get_by_role("button", name="Remove a.txt").press("Enter")
    expect(items).to_contain_text(["c.txt", "b.txt"])
    expect(tray(mira).get_by_role("button", name="Remove b.txt")).to_be_focused()
    send(mira)
    expect(mira.log.get_by_role("link")).to_contain_text(["c.txt", "b.txt"])


def test_what_cannot_be_sent_is_said_at_once(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    attach(mira, ("a.txt", "text/plain", b"x"))
    with mira.page.expect_file_chooser() as chooser:
        mira.page.get_by_role("button", name="Attach files").click()

    large = payload("film.bin", "", bytes(26 * MB))
    chooser.value.set_files([payload("none.txt", "", b""), large])

    alert = mira.page.get_by_role("alert").filter(has_text="cannot be sent")
    expect(alert).to_contain_text("“none.txt” is empty")
    expect(alert).to_contain_text("“film.bin” is too large: a file may have 25 MB")
    expect(tray(mira).get_by_role("listitem")).to_have_count(1)


@dataclass
class Hold:
    """A route of uploads: so many parts pass, and those after them wait for an answer.

    Once it `is_over`, all parts pass. (Without a route Chromium lets go on what is held.)
    """

    parts: int
    held: list[Route] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    is_over: bool = False

    def __call__(self, route: Route) -> None:
        """Let a request pass, or hold it."""
        if route.request.method == "PATCH":
            self.offsets.append(int(route.request.headers["upload-offset"]))
            if len(self.offsets) > self.parts and not self.is_over:
                self.held.append(route)
                return
        route.continue_()

    def end(self) -> None:
        """Let all that comes from now on pass."""
        self.is_over = True
        self.offsets.clear()


def hold_after(visitor: Visitor, parts: int) -> Hold:
    """Let so many parts of uploads pass, and no more."""
    hold = Hold(parts)
    visitor.page.route(UPLOAD, hold)
    return hold


def test_an_upload_shows_its_progress_and_is_cancelled(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    hold_after(mira, 1)
    attach(mira, ("film.bin", "", bytes(9 * MB)))
    send(mira, "The film")
    progress = mira.log.get_by_role("progressbar", name="Upload of film.bin")

    expect(progress).to_have_attribute("aria-valuenow", re.compile("^[4-9][0-9]$"))
    expect(progress).to_have_attribute("aria-valuetext", re.compile(r"^[4-9]\d %"))
    # Words do not wait for it.
    mira.write("And a word")
    expect(mira.message("And a word").locator("..").locator("[data-id]")).to_have_count(1)

    mira.log.get_by_role("button", name="Cancel").click()

    expect(progress).to_have_count(0)
    expect(mira.box).to_have_value("The film")
    reply = mira.http.get(f"/api/conversations/{conversation_id}/messages")
    assert [one["content"] for one in reply.json()["items"]] == ["And a word"]


def test_each_of_many_pictures_shows_its_progress_and_is_cancelled(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    hold = hold_after(mira, 0)
    attach(mira, *((f"{name}.png", "image/png", picture()) for name in "abcdef"))
    send(mira, "Our boats")
    progress = mira.log.get_by_role("progressbar")
    expect(progress).to_have_count(6)
    assert_usable(mira.page)

    for name, left in (("f", 5), ("e", 4)):
        mira.log.get_by_role("button", name=f"Cancel the upload of {name}.png").click()
        expect(progress).to_have_count(left)

    hold.end()
    mira.page.reload()
    expect(mira.log.locator("article[data-id] .picture")).to_have_count(4)
    expect(progress).to_have_count(0)
    for name in "abcd":
        expect(mira.log.get_by_role("button", name=f"Picture {name}.png")).to_be_visible()


def test_an_upload_goes_on_after_a_reload_where_it_was(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    hold = hold_after(mira, 1)
    attach(mira, ("film.bin", "", bytes(9 * MB)))
    send(mira, "The film")
    until(mira, lambda: bool(hold.held))

    hold.end()
    mira.page.reload()

    expect(mira.message("The film").get_by_role("link", name="film.bin")).to_be_visible()
    # At the part that was on its way, or behind it.
    assert hold.offsets[0] >= 4 * MB
    tomas.open_chat_with(mira)
    expect(tomas.message("The film").get_by_role("link", name="film.bin")).to_be_visible()


def test_files_attached_offline_are_sent_when_the_chat_is_back(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    attach(mira, ("boat.png", "image/png", picture()))
    mira.context.set_offline(True)
    send(mira, "From the boat")
    waiting = mira.message("From the boat")
    expect(waiting.get_by_role("img", name="Queued")).to_be_visible()
    is_loaded(waiting.locator(".picture img"))

    mira.context.set_offline(False)

    expect(tomas.message("From the boat").get_by_role("button", name="Picture")).to_be_visible()
    expect(waiting.get_by_role("img", name="Queued")).to_have_count(0)
    expect(mira.log.get_by_role("article")).to_have_count(1)


def test_the_dialog_of_pictures_is_used_by_keyboard(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    names = [f"{color}.png" for color in ("red", "green", "blue", "black", "white")]
    attach(mira, *((name, "image/png", picture(900, 600, name[:-4])) for name in names))
    send(mira)
    expect(mira.log.get_by_role("progressbar")).to_have_count(0)
    last = mira.log.get_by_role("button", name="Picture black.png, and 1 more")
    last.focus()
    mira.page.keyboard.press("Enter")
    dialog = mira.page.get_by_role("dialog", name="Picture")
    expect(dialog.get_by_role("img", name="black.png")).to_be_visible()
    expect(dialog.get_by_role("status")).to_have_text("4 of 5")

    mira.page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("img", name="white.png")).to_be_visible()
    expect(dialog.get_by_role("button", name="Next picture")).to_be_hidden()
    mira.page.keyboard.press("+")
    shown = dialog.get_by_role("img", name="white.png")
    expect(shown).to_have_css("transform", re.compile(r"^matrix\(1\.5, 0, 0, 1\.5,"))
    mira.page.keyboard.press("-")
    expect(shown).to_have_css("transform", re.compile(r"^(none|matrix\(1, 0, 0, 1,)"))
    expect(dialog.get_by_role("link", name="Download")).to_have_attribute("download", "white.png")
    mira.page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(last).to_be_focused()


def until(visitor: Visitor, condition: Callable[[], bool]) -> None:
    """Wait until a condition is met, while the browser goes on."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < end
        visitor.page.wait_for_timeout(50)


def test_shared_files_are_listed_by_kind_and_lead_to_their_messages(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    attach(
        mira,
        ("boat.png", "image/png", picture()),
        ("Plan.txt", "text/plain", b"Words"),
    )
    send(mira, "Both")
    expect(mira.message("Both").get_by_role("img", name="Sent")).to_be_visible()

    mira.page.get_by_role("button", name="Shared files").click()

    dialog = mira.page.get_by_role("dialog", name="Shared files")
    dialog.get_by_role("button", name="Picture boat.png").click()
    viewer = mira.page.get_by_role("dialog", name="Picture")
    expect(viewer.get_by_role("img", name="boat.png")).to_be_visible()
    mira.page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Videos").click()
    expect(dialog.get_by_role("status")).to_have_text("No videos were shared here yet.")
    dialog.get_by_role("button", name="Files").click()
    expect(dialog.get_by_role("link", name="Plan.txt")).to_be_visible()
    dialog.get_by_role("button", name="Show message").click()
    expect(dialog).to_have_count(0)
    expect(mira.message("Both")).to_be_focused()


def test_a_picture_that_is_looked_at_goes_with_its_message(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    attach(mira, ("boat.png", "image/png", picture()))
    send(mira)
    tomas.log.get_by_role("button", name="Picture boat.png").click()
    dialog = tomas.page.get_by_role("dialog", name="Picture")
    expect(dialog).to_be_visible()

    [message] = mira.http.get(f"/api/conversations/{conversation_id}/messages").json()["items"]
    mira.http.delete(f"/api/messages/{message['id']}").raise_for_status()

    expect(dialog).to_have_count(0)
    expect(tomas.message("Message deleted")).to_be_visible()
    expect(tomas.box).to_be_focused()


def test_the_words_beside_a_file_are_taken_back(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    attach(mira, ("boat.png", "image/png", picture()))
    send(mira, "Our boat")
    expect(tomas.message("Our boat")).to_be_visible()
    expect(mira.message("Our boat").get_by_role("img", name=SEEN)).to_be_visible()
    mira.box.press("ArrowUp")
    expect(mira.box).to_have_value("Our boat")

    mira.write("")

    expect(tomas.message("Our boat")).to_have_count(0)
    expect(tomas.log.get_by_role("button", name="Picture boat.png")).to_be_visible()
    expect(tomas.log.get_by_role("article")).to_contain_text("edited")
    expect(mira.page.locator("[data-editing]")).to_be_hidden()


def test_a_picture_of_one_line_is_seen_in_the_dialog(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    attach(mira, ("line.png", "image/png", picture(60_000, 1)))
    send(mira)
    expect(mira.log.get_by_role("progressbar")).to_have_count(0)

    mira.log.get_by_role("button", name="Picture line.png").click()

    image = mira.page.get_by_role("dialog", name="Picture").get_by_role("img", name="line.png")
    is_loaded(image)
    box = image.bounding_box()
    assert box is not None
    assert box["height"] >= 8
    # It is drawn in all of its place, and the place fits on the screen.
    expect(image).to_have_css("object-fit", "fill")
    assert box["width"] <= mira.page.evaluate("innerWidth")
