"""Groups in several browsers: made by keyboard, joined by a link, left by removal."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.clients import PASSWORD
from tests.harness.pages import assert_usable
from tests.harness.visitors import CHAT, PHONE, NewVisitor, OpenPage, Visitor


def make_group(owner: Visitor, *others: Visitor, **fields: Any) -> str:  # noqa: ANN401  # any JSON
    body = {"kind": "group", "title": "Choir", "member_ids": [one.user_id for one in others]}
    reply = owner.http.post("/api/conversations", json={**body, **fields}).raise_for_status()
    return str(reply.json()["id"])


def invite(owner: Visitor, group_id: str) -> str:
    """Return the address of an invitation."""
    reply = owner.http.post(f"/api/conversations/{group_id}/invites", json={}).raise_for_status()
    return f"{owner.url}/invite/{reply.json()['token']}"


def open_details(visitor: Visitor, group_id: str) -> Locator:
    visitor.page.goto(f"{visitor.url}/chat/{group_id}")
    visitor.page.get_by_role("button", name="Group details").click()
    members = visitor.page.get_by_role("region", name="Members")
    expect(members.get_by_role("listitem").first).to_be_visible()
    return members


def press_tab_to(page: Page, target: Locator) -> None:
    for _ in range(40):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail("the Tab key does not lead there")


def test_a_group_is_made_by_keyboard_alone(mira: Visitor, tomas: Visitor, sofia: Visitor) -> None:
    for visitor in (mira, tomas):
        visitor.open_home()
    page, keyboard = mira.page, mira.page.keyboard
    press_tab_to(page, page.get_by_role("button", name="New group"))
    keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="New group")
    expect(dialog.get_by_role("textbox", name="Group name")).to_be_focused()
    keyboard.type("Night walkers")
    search = dialog.get_by_role("searchbox", name="Add people")
    press_tab_to(page, search)
    for person in (tomas, sofia):
        keyboard.type(person.username)
        hits = dialog.get_by_role("list", name="People to add")
        expect(hits.get_by_role("listitem")).to_have_count(1)
        keyboard.press("ArrowDown")
        expect(hits.get_by_role("button")).to_be_focused()
        keyboard.press("Enter")
        expect(search).to_be_focused()
        expect(search).to_have_value("")
    chosen = dialog.get_by_role("list", name="People chosen").get_by_role("listitem")
    expect(chosen).to_have_text(["Tomas Okafor", "Sofia Brandt"])
    press_tab_to(page, dialog.get_by_role("button", name="Create"))
    keyboard.press("Enter")

    page.wait_for_url(CHAT)
    expect(page.get_by_role("heading", level=1, name="Night walkers")).to_be_visible()
    expect(mira.box).to_be_focused()
    keyboard.type("Who is awake?")
    keyboard.press("Enter")
    row = tomas.conversations.get_by_role("link").filter(has_text="Night walkers")
    expect(row).to_have_accessible_name(re.compile("Mira Lind: Who is awake.*1 unread"))


def test_a_member_joins_by_link_and_is_removed_while_writing(mira: Visitor, tomas: Visitor) -> None:
    group_id = make_group(mira)
    members = open_details(mira, group_id)
    tomas.page.goto(invite(mira, group_id))
    expect(tomas.page.get_by_role("heading", level=1, name="Choir")).to_be_visible()
    expect(tomas.page.get_by_text("Mira Lind invites you.")).to_be_visible()
    tomas.page.get_by_role("button", name="Join").click()

    tomas.page.wait_for_url(f"**/chat/{group_id}")
    row = members.get_by_role("listitem").filter(has_text="Tomas Okafor")
    expect(row).to_be_visible()
    tomas.write("Here I am")
    expect(mira.message("Here I am")).to_be_visible()
    tomas.box.fill("And now I would like to say")
    row.get_by_role("button", name="Remove").click()

    expect(row).to_have_count(0)
    expect(tomas.box).to_have_count(0)
    expect(tomas.log).to_have_count(0)
    expect(tomas.conversations.get_by_role("link").filter(has_text="Choir")).to_have_count(0)
    expect(tomas.page.get_by_text("You are no longer in this group")).to_be_visible()
    path = f"/api/conversations/{group_id}/members"
    mira.http.post(path, json={"user_ids": [tomas.user_id]}).raise_for_status()
    expect(tomas.box).to_be_visible()
    mira.http.delete(f"{path}/{tomas.user_id}").raise_for_status()
    expect(tomas.box).to_have_count(0)
    tomas.page.goto(invite(mira, group_id))
    tomas.page.get_by_role("button", name="Join").click()
    expect(tomas.page.get_by_role("alert")).to_have_text("You cannot join this group.")


def test_somebody_without_an_account_registers_with_the_link(
    mira: Visitor, new_profile: OpenPage
) -> None:
    group_id = make_group(mira)
    page = new_profile()
    page.goto(invite(mira, group_id))
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page.get_by_role("button", name="Join")).to_have_count(0)
    page.get_by_role("link", name="Create an account").click()
    page.get_by_role("textbox", name="Username").fill(f"new-{mira.username[-10:]}")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()

    page.wait_for_url(f"**/chat/{group_id}")
    expect(page.get_by_role("heading", level=1, name="Choir")).to_be_visible()


def test_a_member_opens_the_group_of_an_invitation(mira: Visitor) -> None:
    group_id = make_group(mira)
    mira.page.goto(invite(mira, group_id))
    expect(mira.page.get_by_text("You are in this group.")).to_be_visible()
    expect(mira.page.get_by_role("button", name="Join")).to_have_count(0)
    mira.page.get_by_role("link", name="Open").click()

    mira.page.wait_for_url(f"**/chat/{group_id}")
    expect(mira.page.get_by_role("heading", level=1, name="Choir")).to_be_visible()


def test_open_groups_are_left_joined_and_deleted_where_they_are_listed(
    mira: Visitor, tomas: Visitor
) -> None:
    title = f"Walkers {mira.username}"
    group_id = make_group(mira, tomas, title=title, visibility="open")
    tomas.page.goto(f"{tomas.url}/channels")
    row = tomas.page.get_by_role("list", name="Channels").get_by_role("listitem")
    row = row.filter(has_text=title)
    expect(row.get_by_role("link", name="Open")).to_be_visible()
    path = f"/api/conversations/{group_id}"
    tomas.http.delete(f"{path}/members/{tomas.user_id}").raise_for_status()
    expect(row.get_by_role("button", name="Join")).to_be_visible()
    tomas.http.post(f"{path}/join").raise_for_status()
    expect(row.get_by_role("link", name="Open")).to_be_visible()
    mira.http.delete(path).raise_for_status()
    expect(row).to_have_count(0)


def test_escape_closes_the_details_wherever_the_focus_is(mira: Visitor, tomas: Visitor) -> None:
    group_id = make_group(mira, tomas)
    page, keyboard = mira.page, mira.page.keyboard
    details = page.get_by_role("complementary", name="Group details")
    for where in (mira.box, page.get_by_role("searchbox", name="Search people"), mira.log):
        open_details(mira, group_id)
        where.click()
        keyboard.press("Escape")
        expect(details).to_have_count(0)
    open_details(mira, group_id)
    mira.write("Good morning")
    expect(mira.message("Good morning").get_by_role("img", name="Sent")).to_be_visible()
    mira.box.press("ArrowUp")
    expect(mira.box).to_have_value("Good morning")
    keyboard.press("Escape")
    expect(mira.box).to_have_value("")
    mira.message("Good morning").get_by_role("button", name="More actions").click()
    menu = page.get_by_role("menu", name="More actions")
    expect(menu).to_be_visible()
    keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(details).to_be_visible()
    keyboard.press("Escape")
    expect(details).to_have_count(0)


def test_an_invitation_that_is_over_says_so(mira: Visitor) -> None:
    mira.page.goto(f"{mira.url}/invite/{'x' * 43}")

    expect(mira.page.get_by_text("does not exist, or is over")).to_be_visible()


def test_rights_change_where_they_are_shown(mira: Visitor, tomas: Visitor) -> None:
    group_id = make_group(mira, tomas)
    members = open_details(mira, group_id)
    seen = open_details(tomas, group_id)
    expect(seen.get_by_role("button")).to_have_count(0)
    row = members.get_by_role("listitem").filter(has_text="Tomas Okafor")
    row.get_by_role("button", name="Make admin").click()

    expect(row.get_by_text("Admin", exact=True)).to_be_visible()
    expect(seen.get_by_role("button", name="Add people")).to_be_visible()
    mira.page.get_by_role("button", name="Leave group").click()
    dialog = mira.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Leave", exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_text("Make somebody else an owner first.")
    mira.page.keyboard.press("Escape")
    row.get_by_role("button", name="Make owner").click()
    expect(row.get_by_text("Owner", exact=True)).to_be_visible()
    mira.page.get_by_role("button", name="Leave group").click()
    dialog.get_by_role("button", name="Leave", exact=True).click()
    mira.page.wait_for_url(f"{mira.url}/")
    expect(mira.conversations.get_by_role("link")).to_have_count(0)


def test_the_details_outlive_a_broken_link(mira: Visitor, tomas: Visitor) -> None:
    group_id = make_group(mira, tomas)
    members = open_details(mira, group_id)
    row = members.get_by_role("listitem").filter(has_text="Tomas Okafor")
    mira.page.evaluate("window.chatLink.io.engine.close()")
    path = f"/api/conversations/{group_id}/members/{tomas.user_id}"
    mira.http.patch(path, json={"role": "admin"}).raise_for_status()
    expect(row.get_by_text("Admin", exact=True)).to_be_visible()

    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)


def test_the_list_is_filtered_without_the_server(mira: Visitor, tomas: Visitor) -> None:
    make_group(mira, tomas)
    tomas.post(mira, "Unread")
    mira.open_home()
    links = mira.conversations.get_by_role("link")
    expect(links).to_have_count(2)
    mira.context.set_offline(True)
    for name, shown in (("Unread", "Tomas Okafor"), ("Groups", "Choir")):
        button = mira.page.get_by_role("button", name=name, exact=True)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(links).to_have_count(1)
        expect(links).to_contain_text(shown)
    mira.context.set_offline(False)
    mira.page.get_by_role("button", name="All", exact=True).click()
    expect(links).to_have_count(2)


def test_a_group_is_favoured_muted_and_archived(mira: Visitor, tomas: Visitor) -> None:
    group_id = make_group(mira)
    mira.post(tomas, "Newer than the group")
    open_details(mira, group_id)
    page, links = mira.page, mira.conversations.get_by_role("link")
    expect(links.first).to_contain_text("Tomas Okafor")
    for name in ("Mute", "Favourite"):
        page.get_by_role("switch", name=name).click()
        expect(page.get_by_role("switch", name=name)).to_be_checked()
    expect(links.first).to_have_accessible_name(re.compile("Choir Favourite Muted"))
    page.get_by_role("button", name="Archive", exact=True).click()

    expect(links).to_have_count(1)
    page.get_by_role("button", name="Archived (1)").click()
    expect(links).to_have_count(2)
    page.get_by_role("button", name="Unarchive").click()
    expect(page.get_by_role("button", name="Archived (1)")).to_have_count(0)
    expect(links).to_have_count(2)


def test_names_are_completed_by_keyboard(mira: Visitor, tomas: Visitor, sofia: Visitor) -> None:
    group_id = make_group(mira, tomas, sofia)
    page, keyboard = mira.page, mira.page.keyboard
    page.goto(f"{mira.url}/chat/{group_id}")
    expect(mira.box).to_be_focused()
    people = page.get_by_role("listbox", name="People to mention")
    keyboard.type("Dear @")
    expect(people.get_by_role("option")).to_have_count(3)
    expect(people.get_by_role("option").last).to_contain_text("Everybody")
    keyboard.press("ArrowDown")
    expect(people.get_by_role("option", selected=True)).to_contain_text("Tomas Okafor")
    keyboard.press("Enter")
    expect(mira.box).to_have_value(f"Dear @{tomas.username} ")
    expect(people).to_have_count(0)
    keyboard.type("and @sof")
    expect(people.get_by_role("option")).to_have_count(1)
    keyboard.press("Escape")
    expect(people).to_have_count(0)
    keyboard.type("i")
    expect(people).to_have_count(0)
    for _ in "@sofi":
        keyboard.press("Backspace")
    keyboard.type("@sof")
    expect(people.get_by_role("option")).to_have_count(1)
    keyboard.press("Tab")
    expect(mira.box).to_be_focused()
    keyboard.press("Enter")

    text = f"Dear @{tomas.username} and @{sofia.username}"
    expect(mira.message(text)).to_be_visible()
    tomas.open_home()
    row = tomas.conversations.get_by_role("link")
    expect(row).to_have_accessible_name(re.compile("mentions you 1 unread"))


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_screens_of_groups_are_usable_by_ear_and_eye(
    new_visitor: NewVisitor, device: dict[str, object]
) -> None:
    mira = new_visitor("Mira Lind", **device)
    other = new_visitor("Wolfeschlegelsteinhausenbergerdorff " + "x" * 60)
    title = "A group with a name that is rather long, as they often are"
    group_id = make_group(
        mira,
        other,
        title=title,
        description="What it is about.\n\nIn two parts.",
        visibility="open",
    )
    open_details(mira, group_id)
    page = mira.page
    assert_usable(page)
    page.get_by_role("button", name="Invite link").click()
    expect(page.get_by_role("textbox", name="Link to this group")).to_be_visible()
    expect(page.get_by_role("img", name="QR code of the invitation link")).to_be_visible()
    expect(page.get_by_role("list", name="Valid links")).to_contain_text("Used 0 times")
    assert_usable(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Edit group").click()
    expect(page.get_by_role("textbox", name="Group name")).to_have_value(title)
    assert_usable(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    expect(page.get_by_role("button", name="Group details")).to_be_focused()
    page.goto(f"{mira.url}/channels")
    expect(page.get_by_role("list", name="Channels").get_by_text(title).first).to_be_visible()
    assert_usable(page)
    mira.open_home()
    page.get_by_role("button", name="New group").click()
    page.get_by_role("searchbox", name="Add people").fill(other.username)
    expect(page.get_by_role("list", name="People to add")).to_be_visible()
    assert_usable(page)
    page.goto(invite(mira, group_id))
    expect(page.get_by_role("link", name="Open")).to_be_visible()
    assert_usable(page)


def test_a_long_dialog_is_read_from_its_beginning(new_visitor: NewVisitor) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    group_id = make_group(mira)
    for _ in range(4):
        invite(mira, group_id)
    open_details(mira, group_id)

    mira.page.get_by_role("button", name="Invite link").click()

    dialog = mira.page.get_by_role("dialog", name="Invite link")
    links = dialog.get_by_role("list", name="Valid links").get_by_role("listitem")
    expect(links).to_have_count(5)
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    expect(dialog.get_by_role("textbox", name="Link to this group")).to_be_in_viewport()
    expect(dialog.get_by_role("img", name="QR code of the invitation link")).to_be_in_viewport(
        ratio=1
    )


def test_the_sender_sees_who_has_read_a_message(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    group_id = make_group(mira, tomas, sofia)
    mira.page.goto(f"{mira.url}/chat/{group_id}")
    mira.write("Eight o'clock")
    tomas.page.goto(f"{tomas.url}/chat/{group_id}")
    expect(tomas.message("Eight o'clock")).to_be_visible()
    tomas.message("Eight o'clock").hover()
    tomas.message("Eight o'clock").get_by_role("button", name="More actions").click()
    theirs = tomas.page.get_by_role("menu", name="More actions").get_by_role("menuitem")
    offered = ["Forward", "Save", "Remind me", "Mark as unread", "Copy link", "Report"]
    expect(theirs).to_have_text(offered)
    row = tomas.conversations.get_by_role("link").filter(has_text="Choir")
    expect(row).not_to_have_accessible_name(re.compile("unread"))

    mira.message("Eight o'clock").hover()
    mira.message("Eight o'clock").get_by_role("button", name="More actions").click()
    mira.page.get_by_role("menuitem", name="Read by").click()
    dialog = mira.page.get_by_role("dialog", name="Read by")
    expect(dialog.get_by_role("listitem")).to_have_text(["Tomas Okafor"])
    expect(dialog.get_by_role("status")).to_have_text(re.compile("^1 of the others has read it"))
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_direct_conversation_is_archived_and_comes_back(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    tomas.write("First")
    expect(mira.message("First")).to_be_visible()
    link = mira.conversations.get_by_role("link").filter(has_text="Tomas")

    def press(label: str) -> None:
        mira.page.get_by_role("region", name="Conversation").get_by_role(
            "button", name="More", exact=True
        ).click()
        dialog = mira.page.get_by_role("dialog", name="Tomas Okafor")
        dialog.get_by_role("button", name=label, exact=True).click()
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()

    press("Archive")
    expect(link).to_have_count(0)
    tomas.write("Second")
    expect(link).to_have_count(1)
    press("Mute")
    press("Archive")
    expect(link).to_have_count(0)
