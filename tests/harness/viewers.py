"""Viewers: pages in profiles of their own, and what the first person of the demo has there."""

from typing import Any, NamedTuple

import httpx
from playwright.sync_api import Page, expect

from tests.harness.demo_chat import signed_in
from tests.harness.texts import Say

# Of the demo: two who have talked with the first person; the first of them has unread messages.
UNREAD, OTHER, UNREAD_COUNT = "elif", "tomas", 3
# A person of the demo without a conversation, who gets a long one.
WRITER, LONG = "ben", 120
# An open group that the first person makes.
GROUP = "Staircase B"
TEXTS = (
    "The choir meets on Tuesdays. 🎶",
    "Which room is it? Last time I stood at a locked door, and the caretaker had gone home.",
    "The large one. Bring a chair: there are seven for twelve people.",
    "**In this order** ([notes](https://example.org/notes)):\n\n1. Warm up\n2. The *new* song",
    '> Which key?\n\n```py\nkeys = {"song": "D minor"}\nprint(keys["song"])\n```',
)


class Viewer(NamedTuple):
    """A page in a browser profile of its own; `http` is the first person of the demo."""

    name: str
    url: str
    page: Page
    http: httpx.Client
    say: Say

    def open(self, path: str) -> None:
        """Open an address of the chat."""
        self.page.goto(self.url + path)

    def open_chat(self, username: str) -> None:
        """Open the conversation with a person of the demo."""
        self.open(f"/chat/{conversation_with(self.http, username)['id']}")
        log = self.page.get_by_role("log", name=self.say("Messages"))
        expect(log.get_by_role("article").last).to_be_visible()


def conversations(http: httpx.Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = http.get("/api/conversations").raise_for_status().json()["items"]
    return items


def conversation_with(http: httpx.Client, username: str) -> dict[str, Any]:
    return next(one for one in conversations(http) if is_with(one, username))


def group_of(http: httpx.Client) -> dict[str, Any]:
    """Return the group that the viewer has made; make it where there is none."""
    found = (one for one in conversations(http) if one["title"] == GROUP)
    if group := next(found, None):
        return group
    others = [member["id"] for name in (OTHER, UNREAD) for member in _members_with(http, name)]
    body = {
        "kind": "group",
        "title": GROUP,
        "description": "Keys, parcels, and who waters which plant.",
        "visibility": "open",
        "member_ids": others,
    }
    made: dict[str, Any] = http.post("/api/conversations", json=body).raise_for_status().json()
    return made


def _members_with(http: httpx.Client, username: str) -> list[dict[str, Any]]:
    members = conversation_with(http, username)["members"]
    return [member for member in members if member["username"] == username]


def is_with(conversation: dict[str, Any], username: str) -> bool:
    names = {member["username"] for member in conversation["members"]}
    return conversation["kind"] == "direct" and username in names


def write_long_chat(viewer: Viewer) -> None:
    with signed_in(viewer.url, WRITER) as writer:
        reader = viewer.http
        ids = {one: one.get("/api/auth/me").json()["id"] for one in (writer, reader)}
        for number in range(LONG):
            sender, receiver = (writer, reader) if number % 2 else (reader, writer)
            body = {"receiver_id": ids[receiver], "content": TEXTS[number % len(TEXTS)]}
            sender.post("/api/messages", json=body).raise_for_status()
