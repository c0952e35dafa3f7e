"""Windows of other browser engines at a chat, and people outside them, for tests/engines."""

import json
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from tests.harness.clients import PASSWORD
from tests.harness.engines import Engine

PATIENCE_S = 120
# Conditions are looked at so often: the drivers of these engines have no way to wait for one.
CHECK_S = 0.05
# Keys as WebDriver names them.
ENTER, SHIFT, CONTROL, ESCAPE = "\ue007", "\ue008", "\ue009", "\ue00c"
END, UP, RIGHT, DOWN = "\ue010", "\ue013", "\ue014", "\ue015"
# Returns the visible elements of a selector whose label or text contains a name.
NAMED = """(selector, name) => [...document.querySelectorAll(selector)].filter((element) => {
  const label = element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent;
  return element.checkVisibility() && label.includes(name);
})"""
# Returns where an element is, once it stays there.
PLACE_OF = f"""async (...wanted) => {{
  const [element] = ({NAMED})(...wanted);
  element.scrollIntoView({{ block: "nearest" }});
  let place;
  for (let before = ""; `${{place}}` !== before; await new Promise(requestAnimationFrame)) {{
    before = `${{place}}`;
    const box = element.getBoundingClientRect();
    place = [box.x + box.width / 2, box.y + box.height / 2];
  }}
  return place;
}}"""


@dataclass
class Person:
    """Somebody with a session of their own outside the browser."""

    http: httpx.Client
    user: dict[str, Any]

    def post(self, other: "Person", text: str) -> str:
        """Send a message, and return its conversation's id."""
        body = {"receiver_id": other.user["id"], "content": text}
        reply = self.http.post("/api/messages", json=body).raise_for_status()
        return str(reply.json()["conversation_id"])

    def items(self, path: str) -> list[dict[str, Any]]:
        """Return the items of a list of the API."""
        items: list[dict[str, Any]] = self.http.get(path).raise_for_status().json()["items"]
        return items

    def texts(self, conversation_id: str) -> list[str]:
        """Return the newest messages of a conversation, as they are stored."""
        path = f"/api/conversations/{conversation_id}/messages"
        return [one["content"] for one in self.items(path)]

    def until_found(self, word: str) -> None:
        """Wait until the search finds a word."""
        end = time.monotonic() + PATIENCE_S
        while not self.items(f"/api/search?q={word}"):
            assert time.monotonic() < end, word
            time.sleep(CHECK_S)


@dataclass
class Window:
    """The window of an engine at a chat."""

    engine: Engine
    url: str

    def open(self, path: str) -> None:
        """Open a page of the chat."""
        self.engine.open(self.url + path)

    def shows(self, selector: str, name: str = "") -> bool:
        """Return whether a visible element has a name or a text."""
        return bool(self.engine.call(f"(...wanted) => ({NAMED})(...wanted).length", selector, name))

    def until(self, selector: str, name: str = "", *, is_gone: bool = False) -> None:
        """Wait until an element is shown, or is shown no more."""
        end = time.monotonic() + PATIENCE_S
        while self.shows(selector, name) == is_gone:
            assert time.monotonic() < end, (selector, name, self._text())
            time.sleep(CHECK_S)

    def until_true(self, function: str) -> None:
        """Wait until a function returns something in the page."""
        end = time.monotonic() + PATIENCE_S
        while not self.engine.call(f"() => Boolean(({function})())"):
            assert time.monotonic() < end, (function, self._text())
            time.sleep(CHECK_S)

    def click(self, selector: str, name: str = "") -> None:
        """Click an element once it is shown."""
        self.until(selector, name)
        self.engine.click(*self.engine.call(PLACE_OF, selector, name))

    def until_focused(self, selector: str) -> None:
        """Wait until an element has the focus."""
        self.until_true(f"() => document.activeElement.matches({json.dumps(selector)})")

    def until_holds(self, selector: str, value: str) -> None:
        """Wait until a field holds a text."""
        wanted = f"({json.dumps(selector)})?.value === {json.dumps(value)}"
        self.until_true(f"() => document.querySelector{wanted}")

    def press_tool(self, seq: int, name: str) -> None:
        """Press a button of a message, which is shown while the mouse is over it."""
        message = f"article[data-seq='{seq}']"
        self.until(f"{message} .bubble")
        self.engine.move(*self.engine.call(PLACE_OF, f"{message} .bubble", ""))
        bar = f'document.querySelector("{message} .tools-bar")'
        self.until_true(f"() => getComputedStyle({bar}).opacity === '1'")
        self.click(f"{message} .tools-bar button", name)

    def choose(self, seq: int, action: str) -> None:
        """Choose an action in the menu of a message."""
        self.press_tool(seq, "More actions")
        # It is placed by a script that is loaded with the first one.
        self.until_true("() => document.querySelector('[data-actions-menu]').style.left")
        self.click("[data-actions-menu] [role=menuitem]", action)
        self.until("[data-actions-menu]", is_gone=True)

    def fill(self, selector: str, name: str, text: str) -> None:
        """Type a text in the place of what a field holds."""
        self.click(selector, name)
        self.engine.call("() => document.activeElement.select()")
        self.engine.press(text)

    def sign_in(self, username: str) -> None:
        """Sign in by the form, and wait for the conversations."""
        self.open("/login")
        self.fill("input", "Username", username)
        self.fill("input", "Password", PASSWORD)
        self.click("button", "Sign in")
        self.until("input", "Search people")

    def _text(self) -> str:
        return str(self.engine.call("() => document.body.innerText"))


def new_username() -> str:
    return f"u-{uuid4().hex[:12]}"
