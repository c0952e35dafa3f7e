"""Every screen, in every language: for those who see little, hear the page, or use a finger."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Error, Page, expect

from chat_app.demo.people import FIRST
from tests.harness.demo_chat import demo_chat, sign_in, signed_in
from tests.harness.pages import cut_words, fits, small_targets, unusable
from tests.harness.screen_list import SCREENS, Screen
from tests.harness.texts import sayer
from tests.harness.viewers import Viewer
from tests.harness.visitors import DESKTOP, PHONE, OpenPage

NOTHING = "about:blank"
# WCAG 2.2, 2.5.5.
FINGER = 44
# A window of 1280 by 1024 at 400 % (WCAG 2.2, 1.4.10), and at 200 %.
ZOOMED = ({"width": 320, "height": 256}, {"width": 640, "height": 512})


@pytest.fixture(scope="module")
def people(front_end: object) -> Iterator[httpx.Client]:
    """Yield the first person of a chat with the people of the demo."""
    assert front_end
    with demo_chat() as url, signed_in(url, FIRST) as http:
        yield http


@pytest.mark.parametrize(
    ("language", "device"),
    [("en", {"viewport": DESKTOP}), ("de", PHONE), ("ar", PHONE)],
    ids=["en", "de", "ar"],
)
def test_every_screen_is_usable(
    people: httpx.Client, new_profile: OpenPage, language: str, device: dict[str, Any]
) -> None:
    url = str(people.base_url).rstrip("/")
    page = new_profile(locale=language, **device)
    viewer = Viewer(language, url, page, people, sayer(language))

    found = [f"{screen.name}: {fault}" for screen in SCREENS for fault in _faults(screen, viewer)]

    assert not found, "\n".join(found)


def _faults(screen: Screen, viewer: Viewer) -> Iterator[str]:
    page = viewer.page
    if not screen.is_public:
        sign_in(viewer.url, page)
    try:
        screen.show(viewer)
    except (AssertionError, Error, httpx.HTTPError) as error:
        yield str(error)
    yield from unusable(page)
    yield from cut_words(page)
    if page.evaluate("matchMedia('(pointer: coarse)').matches"):
        yield from small_targets(page, FINGER)
    else:
        yield from _zoomed(page)
    page.context.set_offline(False)
    page.goto(NOTHING)


def _zoomed(page: Page) -> Iterator[str]:
    for size in ZOOMED:
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a dict of these two
        if not fits(page):
            yield f"scrolls sideways at {size}"
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]  # the same
    expect(page.locator("main")).to_be_visible()
