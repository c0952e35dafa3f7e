"""A user with more tabs than one may have: the last one says why it shows nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness.chats import Storage, launch_built
from tests.harness.pages import faults
from tests.harness.visitors import Visitor


@pytest.fixture(scope="module")
def address(front_end: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a chat whose users may have two tabs."""
    assert front_end.is_dir()
    storage = Storage("sqlite+memory", "", "", tmp_path_factory.mktemp("few"))
    chat = launch_built(storage, CHAT_LIMIT_TABS_PER_USER="2")
    try:
        chat.wait_until_ready()
        yield chat.url
    finally:
        chat.stop()


def test_a_tab_too_many_shows_the_reason_and_works_once_another_is_closed(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_home()
    second, third = mira.context.new_page(), mira.context.new_page()
    second.goto(mira.url)
    expect(second.get_by_text("No conversations yet.")).to_be_visible()

    third.goto(mira.url)

    notice = third.get_by_role("status").filter(has_text="Too many tabs are open. Close one")
    expect(notice).to_be_in_viewport(ratio=1)
    assert faults(third) == []
    notice.get_by_role("button", name="Try again").click()
    expect(notice).to_be_visible()
    second.close()
    tomas.post(mira, "Hello")
    # The server may not have noticed yet: then the notice goes for a moment, and comes back.
    hello = third.get_by_role("navigation", name="Conversations").get_by_text("Hello")
    again = notice.get_by_role("button", name="Try again")
    while not hello.is_visible():
        again.evaluate_all("(buttons) => buttons.forEach((button) => button.click())")
        expect(notice.or_(hello).first).to_be_visible()
    expect(mira.conversations).to_contain_text("Hello")
