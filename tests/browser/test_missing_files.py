"""Pages whose scripts or styles are missing: in an upgrade, or in a tab that is weeks old."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.harness.pages import faults
from tests.harness.visitors import OpenPage, Visitor

FILES = {
    "a script": "**/assets/entry.client-*.js",
    "a script of the page": "**/assets/_login_*.js",
    "the style": "**/assets/*.css",
    "the server's address": "**/server.js",
}


def missing(page: Page, pattern: str, times: int | None = None) -> None:
    """Answer requests for some files with 404, for the first `times` or for ever."""
    page.route(pattern, lambda route: route.fulfill(status=404), times=times)


def notice_on(page: Page) -> Locator:
    """Return the notice that a part of a page is missing."""
    return page.get_by_role("alert").filter(has_text="A part of this page could not be loaded.")


def count_loads(page: Page) -> Callable[[], int]:
    """Count from now on how often a page is loaded."""
    loads: list[str] = []

    def note(route: Route) -> None:
        if route.request.is_navigation_request():
            loads.append(route.request.url)
        route.fallback()

    page.route("**/*", note)
    return lambda: len(loads)


@pytest.mark.parametrize("pattern", FILES.values(), ids=FILES)
def test_a_page_without_one_of_its_files_is_loaded_again(
    address: str, new_profile: OpenPage, pattern: str
) -> None:
    page = new_profile()
    loads = count_loads(page)
    missing(page, pattern, times=1)

    page.goto(f"{address}/login")

    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="character")).to_be_visible()
    expect(notice_on(page)).to_have_count(0)
    assert loads() == 2


@pytest.mark.parametrize("pattern", FILES.values(), ids=FILES)
def test_a_page_that_lacks_a_file_for_long_shows_it_and_does_not_loop(
    address: str, new_profile: OpenPage, pattern: str
) -> None:
    page = new_profile()
    loads = count_loads(page)
    missing(page, pattern)

    page.goto(f"{address}/login")

    expect(notice_on(page)).to_be_in_viewport()
    assert faults(page) == []
    assert loads() == 2
    page.unroute(pattern)
    page.get_by_role("button", name="Load again").click()
    expect(notice_on(page)).to_have_count(0)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="character")).to_be_visible()


def test_an_old_tab_whose_next_page_is_gone_loads_the_new_build(mira: Visitor) -> None:
    mira.open_home()
    loads = count_loads(mira.page)
    missing(mira.page, "**/assets/_people_*.js", times=1)

    with mira.page.expect_navigation(url=mira.page.url):
        mira.page.get_by_role("link", name="People", exact=True).click()

    mira.page.get_by_role("link", name="People", exact=True).click()
    expect(mira.page.get_by_role("region", name="Friends")).to_be_visible()
    assert loads() == 1


def test_a_page_that_stays_gone_is_no_dead_link(mira: Visitor) -> None:
    mira.open_home()
    loads = count_loads(mira.page)
    missing(mira.page, "**/assets/_people_*.js")
    with mira.page.expect_navigation(url=mira.page.url):
        mira.page.get_by_role("link", name="People", exact=True).click()

    mira.page.get_by_role("link", name="People", exact=True).click()

    expect(notice_on(mira.page)).to_be_in_viewport()
    expect(mira.conversations).to_be_visible()
    assert loads() == 1


def test_an_offline_tab_keeps_its_page(mira: Visitor) -> None:
    mira.open_home()
    # Not even the browser's cache has the file.
    mira.page.route("**/assets/_people_*.js", lambda route: route.abort())
    mira.context.set_offline(True)

    mira.page.get_by_role("link", name="People", exact=True).click()

    expect(notice_on(mira.page)).to_be_in_viewport()
    expect(mira.conversations).to_be_visible()
    mira.context.set_offline(False)
    mira.page.get_by_role("button", name="Load again").click()
    expect(notice_on(mira.page)).to_have_count(0)
    expect(mira.conversations).to_be_visible()


def test_a_server_that_is_away_while_parts_are_loaded_ahead_disturbs_nobody(
    mira: Visitor, tomas: Visitor
) -> None:
    conversation_id = mira.open_chat_with(tomas)
    loads = count_loads(mira.page)
    for pattern in ("**/go_to*.js", "**/shortcut_list*.js"):
        mira.page.route(pattern, lambda route: route.abort())

    def refuse_fetch(route: Route) -> None:
        if route.request.resource_type == "fetch":
            route.abort()
        else:
            route.fallback()

    # The page itself is sent no more, once it is there.
    mira.page.route(f"**/chat/{conversation_id}", refuse_fetch)
    with mira.page.expect_event("requestfailed", lambda request: "shortcut_list" in request.url):
        mira.page.reload()

    mira.write("Still here")
    expect(mira.message("Still here").get_by_role("img", name="Sent")).to_be_visible()
    expect(notice_on(mira.page)).to_have_count(0)
    assert loads() == 1
