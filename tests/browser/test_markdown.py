"""Markdown in messages: shown as elements and never as HTML, in lists without its marks."""

import pytest
from playwright.sync_api import Request, expect

from tests.harness.pages import assert_usable
from tests.harness.visitors import Visitor

REL = 'target="_blank" rel="noopener noreferrer nofollow"'
TEXTS: tuple[tuple[str, str], ...] = (
    (
        "**a** *b* ~~c~~ `d` 2*3*4 \\*e\\*",
        "<strong>a</strong> <em>b</em> <del>c</del> <code>d</code> 2*3*4 *e*",
    ),
    (
        "[words](https://example.org/a) (https://example.org/b)",
        (
            f'<a href="https://example.org/a" title="https://example.org/a" {REL}>words</a> '
            f'(<a href="https://example.org/b" {REL}>https://example.org/b</a>)'
        ),
    ),
    (
        "Buy:\n- milk\n- *bread*\n\n> q\n\n7. x",
        (
            "<p>Buy:</p><ul><li>milk</li><li><em>bread</em></li></ul><blockquote>q</blockquote>"
            '<ol style="--digits: 1;"><li value="7">x</li></ol>'
        ),
    ),
    ("# a\n| b |\n__c__ 1) d", "# a\n| b |\n__c__ 1) d"),
    ("a <b>b</b> &amp; \\<i>", "a &lt;b&gt;b&lt;/b&gt; &amp;amp; &lt;i&gt;"),
)
INJECTIONS = (
    "<script>globalThis.owned = 1</script>",
    "**<img src=x onerror=globalThis.owned=1>**",
    "[a](javascript:globalThis.owned=1)",
    "[a](JaVaScRiPt:globalThis.owned=1) [b](data:text/html,<script>) [c](//example.org)",
    '[a](https://example.org/"onmouseover="globalThis.owned=1)',
    "> <svg/onload=globalThis.owned=1>\n- <iframe srcdoc=x>",
    "```<img src=x>\n<img src=x onerror=globalThis.owned=1>\n```",
    "`<img src=x onerror=globalThis.owned=1>`",
)
ELEMENTS = "elements => elements.map(one => one.localName)"
SHOWN = {
    *("p", "ul", "ol", "li", "blockquote", "strong", "em", "del", "code", "a"),
    *("div", "span", "button", "pre"),
}


def test_markdown_is_shown_as_elements(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    for count, (text, html) in enumerate(TEXTS, start=1):
        mira.write(text)
        for visitor in (mira, tomas):
            bubbles = visitor.log.locator("article[data-seq] .bubble")
            expect(bubbles).to_have_count(count)
            assert bubbles.last.inner_html() == html
    assert_usable(mira.page)

    # Edited as it was written.
    mira.box.press("ArrowUp")
    expect(mira.box).to_have_value(TEXTS[-1][0])


def test_an_injection_stays_text(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    for count, text in enumerate(INJECTIONS, start=1):
        mira.write(text)
        bubbles = mira.log.locator("article[data-seq] .bubble")
        expect(bubbles).to_have_count(count)
        names: list[str] = bubbles.last.locator("*").evaluate_all(ELEMENTS)

        assert set(names) <= SHOWN, text
        for link in bubbles.last.get_by_role("link").all():
            assert (link.get_attribute("href") or "").startswith("https://example.org/"), text
    assert mira.page.evaluate("globalThis.owned") is None


def test_a_list_shows_a_message_without_its_marks(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_home()
    mira.post(tomas, "**Hello** [there](https://example.org), `code`\n- one\n- two")
    row = tomas.conversations.get_by_role("link")
    expect(row).to_contain_text("Hello there, code • one • two")

    mira.post(tomas, "**" + "long " * 60 + "**")
    expect(row).to_contain_text("long long long")
    expect(row).not_to_contain_text("*")


def test_code_is_coloured_once_it_is_needed_and_can_be_copied(
    mira: Visitor, tomas: Visitor
) -> None:
    page = mira.page
    scripts: list[str] = []

    def note(request: Request) -> None:
        scripts.append(request.url)

    page.on("request", note)
    mira.open_chat_with(tomas)
    mira.write("`plain`")
    expect(mira.message("plain").get_by_role("img", name="Sent")).to_be_visible()
    assert not [url for url in scripts if "highlight" in url]

    code = "def greet(name):\n    return f'Hi {name}'  # " + "long" * 50
    mira.write(f"```py\n{code}\n```")
    block = mira.message("greet").locator(".code-block")
    expect(block.locator(".code-keyword").first).to_have_text("def")
    assert [url for url in scripts if "highlight" in url]
    assert block.locator("pre").evaluate("pre => pre.textContent") == code
    assert_usable(page)

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block.get_by_role("button", name="Copy").click()
    expect(block.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == code


@pytest.mark.parametrize("language", ["", "klingon"])
def test_code_of_no_known_language_is_plain(mira: Visitor, tomas: Visitor, language: str) -> None:
    mira.open_chat_with(tomas)
    mira.write(f"```{language}\nif (a < b) <b>\n```")

    block = mira.message("if").locator("code")
    expect(block).to_have_text("if (a < b) <b>")
    expect(block.locator("*")).to_have_count(0)
