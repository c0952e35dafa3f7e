"""Two people in two browser profiles, at the chat as it is in production."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.harness import programs
from tests.harness.clients import PASSWORD

PATIENCE_MS = 20_000
CHAT = re.compile(r"/chat/[0-9a-f-]{36}$")
DESKTOP = {"width": 1280, "height": 800}


@dataclass
class Visitor:
    """A person at a browser of their own. `http` does the same through the program's door."""

    url: str
    username: str
    user_id: str
    page: Page
    http: httpx.Client

    @property
    def context(self) -> BrowserContext:
        """The browser profile."""
        return self.page.context

    @property
    def conversations(self) -> Locator:
        """The list of conversations."""
        return self.page.get_by_role("navigation", name="Conversations")

    @property
    def log(self) -> Locator:
        """The messages."""
        return self.page.get_by_role("log", name="Messages")

    @property
    def box(self) -> Locator:
        """Where to write."""
        return self.page.get_by_role("textbox", name="Message")

    def said(self, text: str) -> Locator:
        """Return the messages that contain a text."""
        return self.log.get_by_role("article").filter(has_text=text)

    def open_home(self) -> None:
        """Go to the list of conversations and wait for it."""
        self.page.goto(self.url)
        expect(self.page.get_by_role("searchbox", name="Search people")).to_be_visible()
        expect(self.page.get_by_text("Loading conversations…")).to_have_count(0)

    def open_chat_with(self, other: "Visitor") -> str:
        """Open the conversation with somebody by its address and return its id."""
        reply = self.http.post("/api/conversations", json={"user_id": other.user_id})
        conversation_id = str(reply.raise_for_status().json()["id"])
        self.page.goto(f"{self.url}/chat/{conversation_id}")
        expect(self.box).to_be_visible()
        return conversation_id

    def write(self, text: str) -> None:
        """Write a message and send it with the Enter key."""
        self.box.fill(text)
        self.box.press("Enter")

    def post(self, other: "Visitor", text: str) -> dict[str, Any]:
        """Send a message without the browser."""
        body = {"receiver_id": other.user_id, "content": text}
        reply = self.http.post("/api/messages", json=body).raise_for_status()
        message: dict[str, Any] = reply.json()
        return message


NewVisitor = Callable[..., Visitor]


def top_of(element: Locator) -> float:
    """Return how far below the window's edge an element begins."""
    return float(element.evaluate("element => element.getBoundingClientRect().top"))


# For one module at a time: its event loop runs in this thread, and no other could beside it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=programs.chromium(), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def new_profile(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Give a function that opens a page in a fresh profile.

    A page that reports an error of its own fails the test.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_page(**options: Any) -> Page:  # noqa: ANN401  # what Playwright takes
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def address(built_server: str) -> str:
    """Give the address that browsers use; a module may have a chat of its own."""
    return built_server


@pytest.fixture
def new_visitor(address: str, new_profile: Callable[..., Page]) -> Iterator[NewVisitor]:
    """Give a function that registers somebody and signs in their browser."""
    clients: list[httpx.Client] = []

    def visit(display_name: str, **options: Any) -> Visitor:  # noqa: ANN401  # what Playwright takes
        username = f"{display_name.split(maxsplit=1)[0].lower()[:12]}-{uuid4().hex[:10]}"
        http = httpx.Client(base_url=address, headers={"Origin": address})
        clients.append(http)
        body = {"username": username, "password": PASSWORD, "display_name": display_name}
        reply = http.post("/api/auth/register", json={**body, "tokens": False})
        assert reply.status_code == 201, reply.text
        user = reply.json()["user"]
        # Over TLS the certificate is made for the test; nobody but httpx was told to trust it.
        page = new_profile(ignore_https_errors=True, **options)
        page.context.add_cookies(
            [
                {
                    "name": cookie.name,
                    "value": cookie.value or "",
                    "url": address,
                    "httpOnly": True,
                    "secure": cookie.secure,
                    "sameSite": "Lax",
                }
                for cookie in http.cookies.jar
            ]
        )
        return Visitor(address, username, user["id"], page, http)

    yield visit
    for http in clients:
        http.close()


@pytest.fixture
def mira(new_visitor: NewVisitor) -> Visitor:
    """Give somebody at a desktop."""
    return new_visitor("Mira Lind")


@pytest.fixture
def tomas(new_visitor: NewVisitor) -> Visitor:
    """Give somebody else at another desktop."""
    return new_visitor("Tomas Okafor")


@pytest.fixture
def sofia(new_visitor: NewVisitor) -> Visitor:
    """Give a third person."""
    return new_visitor("Sofia Brandt")
