"""Links in messages: addresses can be followed, everything else stays text."""

from playwright.sync_api import expect

from tests.harness.visitors import Visitor

TEXTS: tuple[tuple[str, list[str]], ...] = (
    ("See https://example.org/a?b=1&c=2.", ["https://example.org/a?b=1&c=2"]),
    (
        "(https://example.org/x_(y)) and http://localhost:3000/",
        ["https://example.org/x_(y)", "http://localhost:3000/"],
    ),
    ("https://例え.jp/道", ["https://例え.jp/道"]),
    (
        "看https://example.com/a。下一句（https://example.com/b），「https://example.com/c」！",  # noqa: RUF001  # the punctuation of Chinese
        ["https://example.com/a", "https://example.com/b", "https://example.com/c"],
    ),
    (
        "https://ja.wikipedia.org/wiki/佐々木、https://zh.example/你好",
        ["https://ja.wikipedia.org/wiki/佐々木", "https://zh.example/你好"],
    ),
    (
        "“https://example.org/q” و https://example.org/r؟",
        ["https://example.org/q", "https://example.org/r"],
    ),
    ("javascript:alert(1) https:// data:text/html,x ftp://example.org", []),
    ("<a href='https://example.org'>here</a>", ["https://example.org"]),
)


def test_addresses_are_links_and_the_rest_is_text(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    for text, links in TEXTS:
        mira.write(text)
        stored = mira.log.locator("article[data-seq]").last

        expect(stored).to_contain_text(text)
        found = stored.get_by_role("link")
        expect(found).to_have_text(links)
        for place in range(len(links)):
            expect(found.nth(place)).to_have_attribute("href", links[place])
            expect(found.nth(place)).to_have_attribute("target", "_blank")
            expect(found.nth(place)).to_have_attribute("rel", "noopener noreferrer nofollow")
