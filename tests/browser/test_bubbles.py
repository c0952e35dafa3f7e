"""The bubbles of messages: their width on a phone, and writing that reaches out of its line."""

from playwright.sync_api import Locator, expect

from tests.harness.pages import fits
from tests.harness.visitors import PHONE, NewVisitor, Visitor

MARKS = "a" + "\u0301" * 400
LONG = "A sentence that is long enough to need several lines on every phone there is. " * 2


def share(bubble: Locator) -> float:
    """Return how much of its column a bubble takes."""
    width = "element => element.getBoundingClientRect().width"
    column = bubble.page.locator(".column").evaluate(
        "element => element.clientWidth - parseFloat(getComputedStyle(element).paddingInline) * 2"
    )
    return float(bubble.evaluate(width)) / float(column)


def test_a_long_message_uses_most_of_a_phone(new_visitor: NewVisitor, tomas: Visitor) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    tomas.post(mira, "Theirs: " + LONG)
    mira.open_chat_with(tomas)
    mira.write("Mine: " + LONG)

    for words in ("Theirs", "Mine"):
        bubble = mira.message(words).locator(".bubble")
        expect(bubble).to_be_visible()
        assert 0.8 <= share(bubble) <= 0.87, words
    assert fits(mira.page)
    mira.message("Theirs").tap()
    expect(mira.message("Theirs").get_by_role("button", name="More actions")).to_be_in_viewport(
        ratio=1
    )
    assert fits(mira.page)


def test_marks_on_a_letter_stay_within_their_message(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Above")
    tomas.post(mira, MARKS)
    tomas.post(mira, "Below")
    mira.open_chat_with(tomas)
    marked = mira.message(MARKS).locator(".bubble")
    expect(marked).to_be_visible()
    others = [mira.message(words).locator(".bubble") for words in ("Above", "Below")]
    mira.page.mouse.move(0, 0)
    shown = [bubble.screenshot(animations="disabled") for bubble in others]

    marked.evaluate("bubble => bubble.style.visibility = 'hidden'")

    assert [bubble.screenshot(animations="disabled") for bubble in others] == shown


def test_writing_with_deep_and_high_marks_is_whole(mira: Visitor, tomas: Visitor) -> None:
    """Clipping a bubble cuts nothing of ordinary words: the ink is the same without clipping."""
    mira.open_chat_with(tomas)
    for words in ("Ầ Ẫ Ỗ Ệ gjpqy", "ที่นี่ ปี่ กุ้ง ญู", "لِلّٰهِ ٱلْحَمْدُ ۝ يٍ", "हिन्दी र्त्स्न्य"):
        mira.write(words)
        bubble = mira.log.locator("article[data-seq]").last.locator(".bubble")
        expect(bubble).to_have_text(words)
        clipped = bubble.screenshot(animations="disabled")
        bubble.evaluate("bubble => bubble.style.overflow = 'visible'")
        assert bubble.screenshot(animations="disabled") == clipped, words
