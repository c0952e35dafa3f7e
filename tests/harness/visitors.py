"""People at browsers of their own: page objects for what they see and do."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.harness.clients import PASSWORD, Socket
from tests.harness.pages import PATIENCE_MS

CHAT = re.compile(r"/chat/[0-9a-f-]{36}$")
BATCH_SIZE = 32
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}


@dataclass
class Visitor:
    """A person at a browser of their own. `http` does the same without the browser."""

    url: str
    username: str
    user_id: str
    page: Page
    http: httpx.Client

    @property
    def context(self) -> BrowserContext:
        """Return the browser profile."""
        return self.page.context

    @property
    def conversations(self) -> Locator:
        """Return the list of conversations."""
        return self.page.get_by_role("navigation", name="Conversations")

    @property
    def log(self) -> Locator:
        """Return the list of messages."""
        return self.page.get_by_role("log", name="Messages")

    @property
    def box(self) -> Locator:
        """Return the text box of the composer."""
        return self.page.get_by_role("textbox", name="Message")

    def message(self, text: str) -> Locator:
        """Return the messages whose words contain a text; the time beside them is not searched."""
        words = self.page.locator(".bubble", has_text=text)
        return self.log.get_by_role("article").filter(has=words)

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
        """Send a message over HTTP, without the browser."""
        body = {"receiver_id": other.user_id, "content": text}
        reply = self.http.post("/api/messages", json=body).raise_for_status()
        message: dict[str, Any] = reply.json()
        return message

    def until_draft(self, conversation_id: str, text: str) -> None:
        """Wait until the server has a draft with a text."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while True:
            reply = self.http.get(f"/api/conversations/{conversation_id}").raise_for_status()
            draft = reply.json()["draft"]
            if draft and draft["content"] == text:
                return
            assert time.monotonic() < end, f"the server has {draft}"
            self.page.wait_for_timeout(100)

    def post_all(self, other: "Visitor", texts: Sequence[str]) -> None:
        """Send many messages in their order over a socket, in a quarter of the time of requests."""
        # Playwright's event loop runs in this thread.
        with ThreadPoolExecutor(1) as beside_the_browser:
            beside_the_browser.submit(asyncio.run, self._send_all(other, texts)).result()

    async def _send_all(self, other: "Visitor", texts: Sequence[str]) -> None:
        [cookie] = self.http.cookies.jar
        async with Socket.open(
            self.url, cookie=f"{cookie.name}={cookie.value}", origin=self.url
        ) as socket:
            for start in range(0, len(texts), BATCH_SIZE):
                batch = texts[start : start + BATCH_SIZE]
                for text in batch:
                    frame = {"type": "message", "id": uuid4().hex, "content": text}
                    await socket.send({**frame, "receiver_id": other.user_id})
                for _ in batch:
                    await socket.expect("ack")


NewVisitor = Callable[..., Visitor]
OpenPage = Callable[..., Page]
NewDevice = Callable[..., Page]


def sign_up(page: Page, address: str, username: str) -> None:
    """Register through the form."""
    page.goto(f"{address}/register")
    page.get_by_role("textbox", name="Username").fill(username)
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()


def add_cookies(context: BrowserContext, http: httpx.Client) -> None:
    """Copy the cookies of a client into a browser profile."""
    address = str(http.base_url)
    context.add_cookies(
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
