"""Every screen of the chat, and how somebody gets there, in each language.

Pictures are made of them (`screens.py`), and each is tried for people who see little, hear the
page, or use a keyboard or a finger.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from playwright.sync_api import expect

from tests.harness.demo_chat import SHARER, register
from tests.harness.servers import ROOT
from tests.harness.viewers import (
    OTHER,
    TEXTS,
    UNREAD,
    UNREAD_COUNT,
    WRITER,
    Viewer,
    conversation_with,
    conversations,
    group_of,
    is_with,
    write_long_chat,
)


class Screen(NamedTuple):
    """A screen, and the function that brings a viewer to it; some need no signing in."""

    name: str
    show: Callable[[Viewer], None]
    is_public: bool = False


def _show_sign_in(viewer: Viewer) -> None:
    viewer.open("/login")
    expect(viewer.page.get_by_role("button", name=viewer.say("Sign in"))).to_be_visible()


def _show_register(viewer: Viewer) -> None:
    viewer.open("/register")
    expect(viewer.page.get_by_role("button", name=viewer.say("Create account"))).to_be_visible()


def _show_home(viewer: Viewer) -> None:
    viewer.open("/")
    conversations = viewer.page.get_by_role("navigation", name=viewer.say("Conversations"))
    expect(conversations.get_by_role("link").first).to_be_visible()


def _show_search(viewer: Viewer) -> None:
    _show_home(viewer)
    viewer.page.get_by_role("searchbox", name=viewer.say("Search people")).fill("li")
    found = viewer.page.get_by_role("list", name=viewer.say("People found"))
    expect(found.get_by_role("listitem").first).to_be_visible()


def _show_people(viewer: Viewer) -> None:
    viewer.open("/people")
    friends = viewer.page.get_by_role("region", name=viewer.say("Friends"))
    expect(friends.get_by_role("listitem").first).to_be_visible()


def _show_new_group(viewer: Viewer) -> None:
    _show_home(viewer)
    viewer.page.get_by_role("button", name=viewer.say("New group")).click()
    dialog = viewer.page.get_by_role("dialog", name=viewer.say("New group"))
    dialog.get_by_role("searchbox", name=viewer.say("Add people")).fill("li")
    found = dialog.get_by_role("list", name=viewer.say("People to add"))
    expect(found.get_by_role("listitem").first).to_be_visible()


def _show_group_details(viewer: Viewer) -> None:
    viewer.open(f"/chat/{group_of(viewer.http)['id']}")
    viewer.page.get_by_role("button", name=viewer.say("Group details")).click()
    members = viewer.page.get_by_role("region", name=viewer.say("Members"))
    expect(members.get_by_role("listitem").first).to_be_visible()


def _show_group_link(viewer: Viewer) -> None:
    _show_group_details(viewer)
    viewer.page.get_by_role("button", name=viewer.say("Invite link")).click()
    code = viewer.page.get_by_role("img", name=viewer.say("QR code of the invitation link"))
    expect(code).to_be_visible()


def _show_channels(viewer: Viewer) -> None:
    group_of(viewer.http)
    viewer.open("/channels")
    expect(viewer.page.get_by_role("list", name=viewer.say("Channels"))).to_be_visible()


def _show_invitation(viewer: Viewer) -> None:
    path = f"/api/conversations/{group_of(viewer.http)['id']}/invites"
    made = viewer.http.post(path, json={}).raise_for_status().json()
    viewer.open(f"/invite/{made['token']}")
    expect(viewer.page.get_by_role("link", name=viewer.say("Create an account"))).to_be_visible()


def _show_dialog(viewer: Viewer) -> None:
    _show_people(viewer)
    friends = viewer.page.get_by_role("region", name=viewer.say("Friends"))
    friends.get_by_role("button", name=viewer.say("More")).first.click()
    expect(viewer.page.get_by_role("dialog")).to_be_visible()


def _show_page(path: str, words: str, viewer: Viewer) -> None:
    viewer.open(path)
    expect(viewer.page.get_by_text(viewer.say(words))).to_be_visible()


_show_settings = partial(_show_page, "/settings", "This device")


def _show_chat(viewer: Viewer) -> None:
    # Every viewer of the same person shall find them unread.
    unread = conversation_with(viewer.http, UNREAD)
    path, first = f"/api/conversations/{unread['id']}/unread", unread["last_seq"] - UNREAD_COUNT + 1
    viewer.http.post(path, json={"seq": first}).raise_for_status()
    viewer.open_chat(UNREAD)


def _show_menu(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    messages = viewer.page.get_by_role("log", name=viewer.say("Messages")).get_by_role("article")
    own = messages.filter(
        has=viewer.page.get_by_role("img", name=viewer.say("Read#by the others"))
    ).last
    own.get_by_role("button", name=viewer.say("More actions")).press("Enter")
    expect(viewer.page.get_by_role("menu")).to_be_visible()


def _show_emoji(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("button", name=viewer.say("Emoji"), exact=True).click()
    first = json.loads((ROOT / f"assets/emoji/{viewer.name}.json").read_bytes())[0]["annotation"]
    expect(viewer.page.get_by_role("menuitem", name=first).first).to_be_visible()


def _show_reply(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    log.get_by_role("article").last.get_by_role("button", name=viewer.say("Reply")).press("Enter")
    expect(viewer.page.get_by_role("button", name=viewer.say("Cancel reply"))).to_be_visible()


def _show_date(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    # Soon after midnight nothing of the demo is of today.
    log.locator(".day").get_by_role("button").last.click()
    expect(viewer.page.get_by_role("dialog", name=viewer.say("Go to a date"))).to_be_visible()


def _show_drafts(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("textbox", name=viewer.say("Message")).fill("I can bring two of them")
    conversation = conversation_with(viewer.http, OTHER)
    version = (conversation["draft"] or {"version": 0})["version"]
    # The draft that a viewer before this one has left would be no other one.
    body = {"content": "I bring the bread, who brings cheese?" + " " * version, "base": version}
    path = f"/api/conversations/{conversation['id']}/draft"
    viewer.http.put(path, json=body).raise_for_status()
    expect(viewer.page.get_by_role("button", name=viewer.say("Use it"))).to_be_visible()


def _show_reactions(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    log.get_by_role("article").nth(-3).get_by_role("button", name=viewer.say("React")).press(
        "Enter"
    )
    expect(viewer.page.get_by_role("group", name=viewer.say("React with"))).to_be_visible()


def _show_lively_group(viewer: Viewer) -> None:
    groups = [one for one in conversations(viewer.http) if one["title"].startswith("Street")]
    viewer.open(f"/chat/{groups[0]['id']}")
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    expect(log.get_by_role("article").last).to_be_visible()


def _show_pinned(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("button", name=viewer.say("Pinned")).click()
    pinned = viewer.page.get_by_role("region", name=viewer.say("Pinned"))
    expect(pinned.get_by_role("listitem").first).to_be_visible()


def _show_saved(viewer: Viewer) -> None:
    there = conversation_with(viewer.http, OTHER)["id"]
    page = viewer.http.get(f"/api/conversations/{there}/messages?limit=4").raise_for_status()
    for message in page.json()["items"]:
        viewer.http.put(f"/api/messages/{message['id']}/save").raise_for_status()
    viewer.open("/saved")
    saved = viewer.page.get_by_role("region", name=viewer.say("Saved"))
    expect(saved.get_by_role("listitem").first).to_be_visible()


def _show_found_messages(viewer: Viewer) -> None:
    viewer.open("/search")
    viewer.page.get_by_role("searchbox", name=viewer.say("Search messages")).fill("party")
    found = viewer.page.get_by_role("list", name=viewer.say("Messages found"))
    expect(found.get_by_role("listitem").first).to_be_visible()


def _show_go_to(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.keyboard.press("Control+K")
    dialog = viewer.page.get_by_role("dialog", name=viewer.say("Go to"))
    dialog.get_by_role("searchbox", name=viewer.say("Go to")).fill("party")
    expect(dialog.get_by_role("listitem").filter(has_text=viewer.say("Messages"))).to_be_visible()


def _show_shortcuts(viewer: Viewer) -> None:
    _show_settings(viewer)
    viewer.page.get_by_role("button", name=viewer.say("Keyboard shortcuts")).click()
    expect(viewer.page.get_by_role("dialog", name=viewer.say("Keyboard shortcuts"))).to_be_visible()


def _show_forward(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    log.get_by_role("article").last.get_by_role("button", name=viewer.say("More actions")).press(
        "Enter"
    )
    viewer.page.get_by_role("menuitem", name=viewer.say("Forward")).press("Enter")
    dialog = viewer.page.get_by_role("dialog", name=viewer.say("Forward"))
    expect(dialog.get_by_role("listitem").first).to_be_visible()


def _show_scheduled(viewer: Viewer) -> None:
    viewer.open("/scheduled")
    scheduled = viewer.page.get_by_role("region", name=viewer.say("Scheduled"))
    expect(scheduled.get_by_role("listitem").last).to_be_visible()


def _show_send_later(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.get_by_role("textbox", name=viewer.say("Message")).fill(TEXTS[1])
    viewer.page.get_by_role("button", name=viewer.say("Send later")).click()
    dialog = viewer.page.get_by_role("dialog", name=viewer.say("Send later"))
    dialog.get_by_label(viewer.say("Time"), exact=True).fill("2020-01-01T09:00")
    dialog.get_by_role("button", name=viewer.say("Schedule")).click()
    expect(dialog.get_by_role("alert")).to_be_visible()


def _show_remind_me(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    log.get_by_role("article").last.get_by_role("button", name=viewer.say("More actions")).press(
        "Enter"
    )
    viewer.page.get_by_role("menuitem", name=viewer.say("Remind me")).press("Enter")
    expect(viewer.page.get_by_role("menu", name=viewer.say("Remind me"))).to_be_visible()


def _show_due(viewer: Viewer) -> None:
    there = conversation_with(viewer.http, UNREAD)["id"]
    page = viewer.http.get(f"/api/conversations/{there}/messages?limit=2").raise_for_status()
    viewer.open_chat(OTHER)
    at = datetime.now(UTC) + timedelta(seconds=2)
    for message in page.json()["items"]:
        path = f"/api/messages/{message['id']}/reminder"
        viewer.http.put(path, json={"at": at.isoformat()}).raise_for_status()
    notices = viewer.page.get_by_role("region", name=viewer.say("Due reminders")).get_by_role(
        "alert"
    )
    expect(notices).to_have_count(2)


def _show_offline(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    viewer.page.context.set_offline(True)
    expect(viewer.page.get_by_role("status").filter(has_text=viewer.say("Offline"))).to_be_visible()


def _show_long_chat(viewer: Viewer) -> None:
    if not any(is_with(one, WRITER) for one in conversations(viewer.http)):
        write_long_chat(viewer)
    viewer.open_chat(WRITER)
    viewer.page.get_by_role("log", name=viewer.say("Messages")).hover()
    viewer.page.mouse.wheel(0, -1_500)
    expect(viewer.page.get_by_role("button", name=viewer.say("Newest"))).to_be_visible()


def _show_refused_sign_in(viewer: Viewer) -> None:
    _show_sign_in(viewer)
    viewer.page.get_by_role("button", name=viewer.say("Sign in")).click()
    expect(viewer.page.get_by_role("alert").first).to_be_visible()


def _show_nothing_found(viewer: Viewer) -> None:
    _show_home(viewer)
    viewer.page.get_by_role("searchbox", name=viewer.say("Search people")).fill("nobody-has-this")
    expect(
        viewer.page.get_by_text(viewer.say("Nobody by that name. Try a part of it."))
    ).to_be_visible()


def _show_files(viewer: Viewer) -> None:
    viewer.open_chat(SHARER)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    expect(log.get_by_role("article").last).to_contain_text(".pdf")


def _show_picture(viewer: Viewer) -> None:
    _show_files(viewer)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    log.get_by_role("button").filter(has=viewer.page.locator("img")).first.press("Enter")
    expect(viewer.page.get_by_role("dialog", name=viewer.say("Picture"))).to_be_visible()


def _show_shared_files(viewer: Viewer) -> None:
    _show_files(viewer)
    pane = viewer.page.get_by_role("region", name=viewer.say("Conversation"))
    opener = viewer.page.get_by_role("button", name=viewer.say("Shared files"))
    # On a phone it is among what there is about the person.
    if not opener.is_visible():
        pane.get_by_role("button", name=viewer.say("More"), exact=True).click()
    opener.click()
    files = viewer.page.get_by_role("list", name=viewer.say("Shared files"))
    expect(files.get_by_role("listitem").first).to_be_visible()


def _show_report(viewer: Viewer) -> None:
    viewer.open_chat(OTHER)
    log = viewer.page.get_by_role("log", name=viewer.say("Messages"))
    others = log.get_by_role("article").and_(viewer.page.locator(":not(.mine)")).last
    others.get_by_role("button", name=viewer.say("More actions")).press("Enter")
    viewer.page.get_by_role("menuitem", name=viewer.say("Report")).press("Enter")
    dialog = viewer.page.get_by_role("dialog", name=viewer.say("Report"))
    expect(dialog.get_by_role("textbox")).to_be_visible()


def _show_admin(viewer: Viewer) -> None:
    viewer.open("/admin")
    expect(viewer.page.get_by_text(viewer.say("All is well"))).to_be_visible()
    people = viewer.page.get_by_role("region", name=viewer.say("People"))
    expect(people.get_by_role("listitem").nth(1)).to_be_visible()


def _show_admin_person(viewer: Viewer) -> None:
    _show_admin(viewer)
    people = viewer.page.get_by_role("region", name=viewer.say("People"))
    people.get_by_role("listitem").nth(1).get_by_role("button").last.press("Enter")
    expect(viewer.page.get_by_role("dialog")).to_be_visible()


def _show_admin_invitation(viewer: Viewer) -> None:
    _show_admin(viewer)
    viewer.page.get_by_role("button", name=viewer.say("Invite somebody")).press("Enter")
    dialog = viewer.page.get_by_role("dialog")
    dialog.get_by_role("button", name=viewer.say("Make link")).press("Enter")
    expect(dialog.get_by_role("textbox", name=viewer.say("Link"))).to_be_visible()


def _show_account_deletion(viewer: Viewer) -> None:
    _show_settings(viewer)
    viewer.page.get_by_text(viewer.say("Delete account")).click()
    button = viewer.page.get_by_role("button", name=viewer.say("Delete my account for ever"))
    expect(button).to_be_visible()


def _show_mention(viewer: Viewer) -> None:
    _show_lively_group(viewer)
    box = viewer.page.get_by_role("textbox", name=viewer.say("Message"))
    # Another viewer may have left a draft.
    box.fill("")
    box.press_sequentially("@")
    expect(viewer.page.get_by_role("option").first).to_be_visible()


def _show_first_steps(viewer: Viewer) -> None:
    register(viewer.url, viewer.page)
    viewer.open("/")
    steps = viewer.page.get_by_role("list", name=viewer.say("First steps"))
    expect(steps.get_by_role("listitem").first).to_be_visible()


SCREENS = (
    Screen("sign-in", _show_sign_in, is_public=True),
    Screen("refused-sign-in", _show_refused_sign_in, is_public=True),
    Screen("register", _show_register, is_public=True),
    Screen("reset", partial(_show_page, "/reset/none", "Set a new password"), is_public=True),
    Screen("invitation", _show_invitation, is_public=True),
    Screen("home", _show_home),
    Screen("search", _show_search),
    Screen("nothing-found", _show_nothing_found),
    Screen("people", _show_people),
    Screen("dialog", _show_dialog),
    Screen("new-group", _show_new_group),
    Screen("group-details", _show_group_details),
    Screen("group-link", _show_group_link),
    Screen("channels", _show_channels),
    Screen("settings", _show_settings),
    Screen(
        "share",
        partial(
            _show_page,
            "/share?text=Tuesday+at+seven",
            "Choose where to write this. Nothing is sent yet.",
        ),
    ),
    Screen("account-deletion", _show_account_deletion),
    Screen("admin", _show_admin),
    Screen("admin-person", _show_admin_person),
    Screen("admin-invitation", _show_admin_invitation),
    Screen("not-found", partial(_show_page, "/nowhere", "There is no such page.")),
    Screen("chat", _show_chat),
    Screen("menu", _show_menu),
    Screen("emoji", _show_emoji),
    Screen("reactions", _show_reactions),
    Screen("lively-group", _show_lively_group),
    Screen("files", _show_files),
    Screen("picture", _show_picture),
    Screen("shared-files", _show_shared_files),
    Screen("report", _show_report),
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
    Screen("mention", _show_mention),
    Screen("send-later", _show_send_later),
    Screen("due", _show_due),
    # The viewer is another account from here on.
    Screen("first-steps", _show_first_steps, is_public=True),
)
