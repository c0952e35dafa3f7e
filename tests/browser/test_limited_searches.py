"""A search that is refused: the page shows the reason, and a button that searches again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_finding_messages import a_word, field, found, until_indexed
from tests.harness.chats import Storage, launch_built
from tests.harness.pages import assert_usable
from tests.harness.visitors import Visitor


@pytest.fixture(scope="module")
def address(front_end: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a chat where one may search once in ten seconds."""
    assert front_end.is_dir()
    storage = Storage("sqlite+memory", "", "", tmp_path_factory.mktemp("few"))
    chat = launch_built(storage, CHAT_LIMIT_SEARCH_BURST="1", CHAT_LIMIT_SEARCHES_PER_SECOND="0.1")
    try:
        chat.wait_until_ready()
        yield chat.url
    finally:
        chat.stop()


def test_a_refused_search_shows_the_reason_and_is_tried_again(
    mira: Visitor, tomas: Visitor
) -> None:
    word = a_word()
    tomas.post(mira, word)
    until_indexed(tomas, word, 1)
    page = mira.page
    page.goto(f"{mira.url}/search")
    field(page).fill(word)
    expect(found(page)).to_have_count(1)

    field(page).fill("something else")
    problem = page.locator(".hits").get_by_role("alert")
    expect(problem).to_be_visible()
    expect(found(page)).to_have_count(0)
    assert_usable(page)
    page.wait_for_timeout(10_500)
    problem.get_by_role("button", name="Try again").click()

    expect(page.get_by_text("No message has these words.")).to_be_visible()
    expect(problem).to_be_hidden()
