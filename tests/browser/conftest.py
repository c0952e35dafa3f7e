"""Fixtures of browser tests: Chromium, and people who are signed in at profiles of their own."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.harness.chromium import start_chromium
from tests.harness.clients import PASSWORD, page_client
from tests.harness.pages import PATIENCE_MS
from tests.harness.profiles import Profiles
from tests.harness.visitors import DESKTOP, NewDevice, NewVisitor, OpenPage, Visitor, add_cookies

# Each process costs half a second.
SHARED_PROCESS = "--process-per-site"


# Playwright's event loop runs in this thread, where no async test could run beside it: each module
# starts a browser of its own, and xdist keeps a module together.
@pytest.fixture(scope="module")
def tabs_share_a_process() -> bool:
    """Return whether the tabs of a profile share a process; not where a test kills one of them."""
    return True


@pytest.fixture(scope="module")
def browser(*, tabs_share_a_process: bool) -> Iterator[Browser]:
    """Yield Chromium."""
    with sync_playwright() as playwright:
        chromium = start_chromium(playwright, *([SHARED_PROCESS] if tabs_share_a_process else []))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def profiles(browser: Browser) -> Profiles:
    """Return the profiles that tests of this module use one after the other."""
    return Profiles(browser)


@pytest.fixture
def profiles_are_kept() -> bool:
    """Return whether other tests may use a profile; not where a test changes all its tabs."""
    return True


@pytest.fixture
def new_profile(profiles: Profiles, *, profiles_are_kept: bool) -> Iterator[OpenPage]:
    """Yield a function that opens a page in an empty profile.

    A page that reports an error of its own, or does what its policy forbids, fails the test.
    """
    pages: list[Page] = []
    errors: list[str] = []

    def note_violation(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            errors.append(message.text)

    def open_page(**options: Any) -> Page:  # noqa: ANN401  # what Playwright takes
        # A service worker answers before the routes of a test.
        plain = {"viewport": DESKTOP, "service_workers": "block"}
        context = profiles.take(**{**plain, **options})
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", note_violation)
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield open_page
    for page in pages:
        profiles.give_back(page, kept=profiles_are_kept)
    assert errors == []


@pytest.fixture
def address(built_server: str) -> str:
    """Return the URL that browsers use; a module may override it with its own chat."""
    return built_server


@pytest.fixture
def new_visitor(address: str, new_profile: OpenPage) -> Iterator[NewVisitor]:
    """Yield a function that registers somebody and signs in their browser."""
    clients: list[httpx.Client] = []

    def visit(display_name: str, **options: Any) -> Visitor:  # noqa: ANN401  # what Playwright takes
        username = f"{display_name.split(maxsplit=1)[0].lower()[:12]}-{uuid4().hex[:10]}"
        http = page_client(address)
        clients.append(http)
        body = {"username": username, "password": PASSWORD, "display_name": display_name}
        reply = http.post("/api/auth/register", json={**body, "tokens": False})
        assert reply.status_code == 201, reply.text
        user = reply.json()["user"]
        # Over TLS the certificate is made for the test; only httpx is configured to trust it.
        page = new_profile(ignore_https_errors=True, **options)
        add_cookies(page.context, http)
        return Visitor(address, username, user["id"], page, http)

    yield visit
    for http in clients:
        http.close()


@pytest.fixture
def new_device(new_profile: OpenPage) -> NewDevice:
    """Return a function that signs somebody in at another browser, where it opens the chat."""

    def sign_in(person: Visitor, **options: Any) -> Page:  # noqa: ANN401  # what Playwright takes
        page = new_profile(**options)
        headers = {}
        if user_agent := options.get("user_agent"):
            headers["User-Agent"] = user_agent
        body = {"username": person.username, "password": PASSWORD, "tokens": False}
        with page_client(person.url, **headers) as http:
            http.post("/api/auth/login", json=body).raise_for_status()
            add_cookies(page.context, http)
        page.goto(person.url)
        expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()
        return page

    return sign_in


@pytest.fixture
def mira(new_visitor: NewVisitor) -> Visitor:
    """Return a person at a desktop browser."""
    return new_visitor("Mira Lind")


@pytest.fixture
def tomas(new_visitor: NewVisitor) -> Visitor:
    """Return a second person at another desktop browser."""
    return new_visitor("Tomas Okafor")


@pytest.fixture
def sofia(new_visitor: NewVisitor) -> Visitor:
    """Return a third person at a desktop browser."""
    return new_visitor("Sofia Brandt")
