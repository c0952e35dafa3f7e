"""Write a screenshot of every screen, with the people of the demo: `make screens`.

Each screen is shown on a phone and on a desktop, light and dark, for people to look at.
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from chat_app.core.database import Database
from chat_app.demo.fill import PASSWORD, fill
from chat_app.demo.people import FIRST, NEIGHBOURS
from chat_app.demo.story import STORY
from tests.harness.chats import FRONT_END_BUILD_S, Storage, launch_built
from tests.harness.chromium import start_chromium
from tests.harness.clients import page_client
from tests.harness.fonts import missing_fonts
from tests.harness.nodes import settings_of
from tests.harness.pages import PATIENCE_MS
from tests.harness.portraits import set_avatars
from tests.harness.visitors import PHONE

Scheme = Literal["light", "dark"]

NOTHING = "about:blank"
SIZES: dict[str, dict[str, Any]] = {
    "360x640": PHONE,
    "1280x800": {"viewport": {"width": 1280, "height": 800}},
}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
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

    def open(self, path: str) -> None:
        """Open an address of the chat."""
        self.page.goto(self.url + path)

    def open_chat(self, username: str) -> None:
        """Open the conversation with a person of the demo."""
        self.open(f"/chat/{_conversation(self.http, username)['id']}")
        log = self.page.get_by_role("log", name="Messages")
        expect(log.get_by_role("article").last).to_be_visible()


class Screen(NamedTuple):
    """A screen, and the function that brings a viewer to it; some need no signing in."""

    name: str
    show: Callable[[Viewer], None]
    is_public: bool = False


def main() -> None:
    """Write the screenshots into the folder that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.harness.screens FOLDER")
    for warning in missing_fonts(demo_text()):
        print(f"Warning: {warning}", file=sys.stderr)
    folder = Path(sys.argv[1])
    written = write_screens(folder)
    print(f"{len(written)} screenshots are in {folder.resolve()}")


def demo_text() -> str:
    """Return every text that the screens show of the demo's people."""
    people = (f"{one.display_name} {one.status_text} {one.bio}" for one in NEIGHBOURS)
    return " ".join([*people, *TEXTS, STORY.read_text(encoding="utf-8")])


def write_screens(folder: Path, sizes: Sequence[str] = tuple(SIZES)) -> list[Path]:
    """Write every screen into `folder`, in each size and scheme, and return the files."""
    written = []
    expect.set_options(timeout=PATIENCE_MS)
    with _demo_chat() as url, sync_playwright() as playwright, _signed_in(url, FIRST) as http:
        browser = start_chromium(playwright)
        viewers = [
            Viewer(f"{size}-{scheme}", url, _new_page(browser, scheme, SIZES[size]), http)
            for size in sizes
            for scheme in SCHEMES
        ]
        # Screen by screen: some change what later ones show.
        for number, screen in enumerate(SCREENS, 1):
            for viewer in viewers:
                if not screen.is_public:
                    _sign_in(viewer)
                screen.show(viewer)
                written.append(folder / viewer.name / f"{number:02}-{screen.name}.png")
                _write(viewer.page, written[-1])
        browser.close()
    return written


def _show_sign_in(viewer: Viewer) -> None:
    viewer.open("/login")
    expect(viewer.page.get_by_role("button", name="Sign in")).to_be_visible()


def _show_register(viewer: Viewer) -> None:
    viewer.open("/register")
    expect(viewer.page.get_by_role("button", name="Create account")).to_be_visible()


def _show_home(viewer: Viewer) -> None:
    viewer.open("/")
    conversations = viewer.page.get_by_role("navigation", name="Conversations")
    expect(conversations.get_by_role("link").first).to_be_visible()


def _show_search(viewer: Viewer) -> None:
    _show_home(viewer)
    viewer.page.get_by_role("searchbox", name="Search people").fill("li")
    found = viewer.page.get_by_role("list", name="People found")
    expect(found.get_by_role("listitem").first).to_be_visible()


def _show_people(viewer: Viewer) -> None:
    viewer.open("/people")
    friends = viewer.page.get_by_role("region", name="Friends")
    expect(friends.get_by_role("listitem").first).to_be_visible()


def _show_new_group(viewer: Viewer) -> None:
    _show_home(viewer)
    viewer.page.get_by_role("button", name="New group").click()
    dialog = viewer.page.get_by_role("dialog", name="New group")
    dialog.get_by_role("searchbox", name="Add people").fill("li")
    found = dialog.get_by_role("list", name="People to add")
    expect(found.get_by_role("listitem").first).to_be_visible()


def _show_group_details(viewer: Viewer) -> None:
    viewer.open(f"/chat/{_group(viewer.http)['id']}")
    viewer.page.get_by_role("button", name="Group details").click()
    members = viewer.page.get_by_role("region", name="Members")
    expect(members.get_by_role("listitem").first).to_be_visible()


def _show_channels(viewer: Viewer) -> None:
    _group(viewer.http)
    viewer.open("/channels")
    expect(viewer.page.get_by_role("list", name="Channels")).to_be_visible()


def _show_invitation(viewer: Viewer) -> None:
    path = f"/api/conversations/{_group(viewer.http)['id']}/invites"
    made = viewer.http.post(path, json={}).raise_for_status().json()
    viewer.open(f"/invite/{made['token']}")
    expect(viewer.page.get_by_role("link", name="Create an account")).to_be_visible()


def _show_dialog(viewer: Viewer) -> None:
    _show_people(viewer)
    friends = viewer.page.get_by_role("region", name="Friends")
    friends.get_by_role("button", name="More").first.click()
    expect(viewer.page.get_by_role("dialog")).to_be_visible()


def _show_page(path: str, words: str, viewer: Viewer) -> None:
    viewer.open(path)
    expect(viewer.page.get_by_text(words)).to_be_visible()


_show_settings = partial(_show_page, "/settings", "This device")


def _show_chat(viewer: Viewer) -> None:
    # Every viewer of the same person shall find them unread.
    unread = _conversation(viewer.http, UNREAD)
    path, first = f"/api/conversations/{unread['id']}/unread", unread["last_seq"] - UNREAD_COUNT + 1
    viewer.http.post(path, json={"seq": first}).raise_for_status()
    viewer.open_chat(UNREAD)


def _show_menu(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    messages = viewer.page.get_by_role("log", name="Messages").get_by_role("article")
    own = messages.filter(has=viewer.page.get_by_role("img", name="Read")).last
    own.get_by_role("button", name="More actions").press("Enter")
    expect(viewer.page.get_by_role("menu")).to_be_visible()


def _show_emoji(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("button", name="Emoji", exact=True).click()
    expect(viewer.page.get_by_role("menuitem", name="grinning face").first).to_be_visible()


def _show_reply(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name="Messages")
    log.get_by_role("article").last.get_by_role("button", name="Reply").press("Enter")
    expect(viewer.page.get_by_role("button", name="Cancel reply")).to_be_visible()


def _show_date(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("log", name="Messages").get_by_role("button", name="Today").click()
    expect(viewer.page.get_by_role("dialog", name="Go to a date")).to_be_visible()


def _show_drafts(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("textbox", name="Message").fill("I can bring two of them")
    conversation = _conversation(viewer.http, OTHER)
    version = (conversation["draft"] or {"version": 0})["version"]
    # What a viewer before this one has left would be no other draft.
    body = {"content": "I bring the bread, who brings cheese?" + " " * version, "base": version}
    path = f"/api/conversations/{conversation['id']}/draft"
    viewer.http.put(path, json=body).raise_for_status()
    expect(viewer.page.get_by_role("button", name="Use it")).to_be_visible()


def _show_reactions(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name="Messages")
    log.get_by_role("article").nth(-3).get_by_role("button", name="React").press("Enter")
    expect(viewer.page.get_by_role("group", name="React with")).to_be_visible()


def _show_lively_group(viewer: Viewer) -> None:
    groups = [one for one in _conversations(viewer.http) if one["title"].startswith("Street")]
    viewer.open(f"/chat/{groups[0]['id']}")
    log = viewer.page.get_by_role("log", name="Messages")
    expect(log.get_by_role("article").last).to_be_visible()


def _show_pinned(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("button", name="Pinned").click()
    pinned = viewer.page.get_by_role("region", name="Pinned")
    expect(pinned.get_by_role("listitem").first).to_be_visible()


def _show_saved(viewer: Viewer) -> None:
    there = _conversation(viewer.http, OTHER)["id"]
    page = viewer.http.get(f"/api/conversations/{there}/messages?limit=4").raise_for_status()
    for message in page.json()["items"]:
        viewer.http.put(f"/api/messages/{message['id']}/save").raise_for_status()
    viewer.open("/saved")
    saved = viewer.page.get_by_role("region", name="Saved")
    expect(saved.get_by_role("listitem").first).to_be_visible()


def _show_found_messages(viewer: Viewer) -> None:
    viewer.open("/search")
    viewer.page.get_by_role("searchbox", name="Search messages").fill("party")
    found = viewer.page.get_by_role("list", name="Messages found")
    expect(found.get_by_role("listitem").first).to_be_visible()


def _show_go_to(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.keyboard.press("Control+K")
    dialog = viewer.page.get_by_role("dialog", name="Go to")
    dialog.get_by_role("searchbox", name="Go to").fill("party")
    expect(dialog.get_by_role("listitem").filter(has_text="Messages")).to_be_visible()


def _show_shortcuts(viewer: Viewer) -> None:
    _show_settings(viewer)
    viewer.page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(viewer.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def _show_forward(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name="Messages")
    log.get_by_role("article").last.get_by_role("button", name="More actions").press("Enter")
    viewer.page.get_by_role("menuitem", name="Forward").press("Enter")
    dialog = viewer.page.get_by_role("dialog", name="Forward")
    expect(dialog.get_by_role("listitem").first).to_be_visible()


def _show_scheduled(viewer: Viewer) -> None:
    viewer.open("/scheduled")
    scheduled = viewer.page.get_by_role("region", name="Scheduled")
    expect(scheduled.get_by_role("listitem").last).to_be_visible()


def _show_send_later(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("textbox", name="Message").fill(TEXTS[1])
    viewer.page.get_by_role("button", name="Send later").click()
    dialog = viewer.page.get_by_role("dialog", name="Send later")
    dialog.get_by_label("Time", exact=True).fill("2020-01-01T09:00")
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_role("alert")).to_be_visible()


def _show_remind_me(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name="Messages")
    log.get_by_role("article").last.get_by_role("button", name="More actions").press("Enter")
    viewer.page.get_by_role("menuitem", name="Remind me").press("Enter")
    expect(viewer.page.get_by_role("menu", name="Remind me")).to_be_visible()


def _show_due(viewer: Viewer) -> None:
    there = _conversation(viewer.http, UNREAD)["id"]
    page = viewer.http.get(f"/api/conversations/{there}/messages?limit=2").raise_for_status()
    at = datetime.now(UTC) + timedelta(seconds=1)
    viewer.open_chat(OTHER)
    for message in page.json()["items"]:
        path = f"/api/messages/{message['id']}/reminder"
        viewer.http.put(path, json={"at": at.isoformat()}).raise_for_status()
    notices = viewer.page.get_by_role("region", name="Due reminders").get_by_role("alert")
    expect(notices).to_have_count(2)


def _show_offline(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.context.set_offline(True)
    expect(viewer.page.get_by_role("status").filter(has_text="Offline")).to_be_visible()


def _show_long_chat(viewer: Viewer) -> None:
    if not any(_is_with(one, WRITER) for one in _conversations(viewer.http)):
        _write_long_chat(viewer)
    viewer.open_chat(WRITER)
    viewer.page.get_by_role("log", name="Messages").hover()
    viewer.page.mouse.wheel(0, -1_500)
    expect(viewer.page.get_by_role("button", name="Newest")).to_be_visible()


SCREENS = (
    Screen("sign-in", _show_sign_in, is_public=True),
    Screen("register", _show_register, is_public=True),
    Screen("invitation", _show_invitation, is_public=True),
    Screen("home", _show_home),
    Screen("search", _show_search),
    Screen("people", _show_people),
    Screen("dialog", _show_dialog),
    Screen("new-group", _show_new_group),
    Screen("group-details", _show_group_details),
    Screen("channels", _show_channels),
    Screen("settings", _show_settings),
    Screen("admin", partial(_show_page, "/admin", "All is well")),
    Screen("not-found", partial(_show_page, "/nowhere", "There is no such page.")),
    Screen("chat", _show_chat),
    Screen("menu", _show_menu),
    Screen("emoji", _show_emoji),
    Screen("reactions", _show_reactions),
    Screen("lively-group", _show_lively_group),
    Screen("pinned", _show_pinned),
    Screen("saved", _show_saved),
    Screen("found-messages", _show_found_messages),
    Screen("go-to", _show_go_to),
    Screen("shortcuts", _show_shortcuts),
    Screen("forward", _show_forward),
    Screen("date", _show_date),
    Screen("scheduled", _show_scheduled),
    Screen("remind-me", _show_remind_me),
    Screen("offline", _show_offline),
    Screen("long-chat", _show_long_chat),
    # They leave drafts, and notices above every page.
    Screen("reply", _show_reply),
    Screen("drafts", _show_drafts),
    Screen("send-later", _show_send_later),
    Screen("due", _show_due),
)


@contextmanager
def _demo_chat() -> Iterator[str]:
    """Yield the address of a chat in production with the people of the demo."""
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage("sqlite+memory", "", "", Path(folder))
        asyncio.run(_fill(storage))
        chat = launch_built(storage, CHAT_LIMITS="off")
        try:
            url = chat.wait_until_ready(seconds=FRONT_END_BUILD_S).url
            set_avatars([one.username for one in NEIGHBOURS[::2]], partial(_signed_in, url))
            yield url
        finally:
            chat.stop()


async def _fill(storage: Storage) -> None:
    database = Database(settings_of(storage))
    try:
        await fill(database)
    finally:
        await database.close()


@contextmanager
def _signed_in(url: str, username: str) -> Iterator[httpx.Client]:
    """Yield a client with the session of a person of the demo."""
    with page_client(url) as http:
        http.post("/api/auth/login", json=_credentials(username)).raise_for_status()
        yield http


def _credentials(username: str) -> dict[str, object]:
    return {"username": username, "password": PASSWORD, "tokens": False}


def _new_page(browser: Browser, scheme: Scheme, size: dict[str, Any]) -> Page:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", **size)
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def _sign_in(viewer: Viewer) -> None:
    context = viewer.page.context
    if not context.cookies():
        login = f"{viewer.url}/api/auth/login"
        headers = {"Origin": viewer.url}
        reply = context.request.post(login, data=_credentials(FIRST), headers=headers)
        assert reply.ok, reply.text()


def _write(page: Page, file: Path) -> None:
    """Write what a page shows, and leave it: an open chat marks what arrives as read."""
    page.evaluate("document.fonts.ready.then(() => null)")
    page.screenshot(path=file, animations="disabled")
    page.context.set_offline(False)
    page.goto(NOTHING)


def _conversations(http: httpx.Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = http.get("/api/conversations").raise_for_status().json()["items"]
    return items


def _conversation(http: httpx.Client, username: str) -> dict[str, Any]:
    return next(one for one in _conversations(http) if _is_with(one, username))


def _group(http: httpx.Client) -> dict[str, Any]:
    """Return the group that the viewer has made; make it where there is none."""
    found = (one for one in _conversations(http) if one["title"] == GROUP)
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
    members = _conversation(http, username)["members"]
    return [member for member in members if member["username"] == username]


def _is_with(conversation: dict[str, Any], username: str) -> bool:
    names = {member["username"] for member in conversation["members"]}
    return conversation["kind"] == "direct" and username in names


def _write_long_chat(viewer: Viewer) -> None:
    with _signed_in(viewer.url, WRITER) as writer:
        reader = viewer.http
        ids = {one: one.get("/api/auth/me").json()["id"] for one in (writer, reader)}
        for number in range(LONG):
            sender, receiver = (writer, reader) if number % 2 else (reader, writer)
            body = {"receiver_id": ids[receiver], "content": TEXTS[number % len(TEXTS)]}
            sender.post("/api/messages", json=body).raise_for_status()


if __name__ == "__main__":
    main()
