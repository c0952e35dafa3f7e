"""Avatars in the browser: chosen, shown to others at once, removed, and replaced by initials."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.test_files import payload, picture
from tests.browser.test_groups import make_group, open_details
from tests.browser.test_people import befriend
from tests.browser.test_settings import open_settings
from tests.harness.pages import assert_usable
from tests.harness.visitors import PHONE, NewVisitor, Visitor

PICTURES = "**/api/avatars/*"
OWN = "**/api/users/me/avatar"
ADDRESS = re.compile("/api/avatars/[0-9a-f]{64}$")
SIZE = "element => [element.offsetWidth, element.offsetHeight]"


def choose(page: Page, data: bytes, name: str = "face.png", kind: str = "image/png") -> None:
    """Choose a picture by the button, and wait until it can be used."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("^(Choose a|Change) picture$")).click()
    chooser.value.set_files([payload(name, kind, data)])
    expect(page.get_by_role("button", name="Use this picture")).to_be_focused()


def use(page: Page, color: str = "#2f6f9f") -> None:
    """Choose a picture and make it the avatar."""
    choose(page, picture(color=color))
    page.get_by_role("button", name="Use this picture").click()
    expect(page.get_by_role("status").filter(has_text="The picture is set.")).to_be_visible()


def set_avatar(visitor: Visitor, color: str = "#2f6f9f") -> None:
    """Make a picture the avatar of somebody in their settings."""
    use(open_settings(visitor), color)


def shows_picture(face: Locator) -> None:
    """Wait until an avatar shows its picture."""
    image = face.locator("img")
    expect(image).to_have_css("opacity", "1")
    expect(image).to_have_attribute("src", ADDRESS)


def shows_initials(face: Locator, letters: str) -> None:
    """Wait until an avatar shows nothing but its initials."""
    expect(face).to_have_text(letters)
    expect(face.locator("img[data-loaded]")).to_have_count(0)
    for image in face.locator("img").all():
        expect(image).to_have_css("opacity", "0")


def test_an_avatar_is_seen_by_others_at_once_until_it_is_removed(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.post(tomas, "Hello")
    tomas.open_chat_with(mira)
    row = tomas.conversations.get_by_role("link").filter(has_text="Mira Lind")
    faces = (row.locator(".avatar"), tomas.page.locator(".chat-head .avatar"))
    for face in faces:
        shows_initials(face, "ML")
    expect(row).not_to_contain_text("unread")
    name = row.evaluate("element => element.innerText")
    sizes = [face.evaluate(SIZE) for face in faces]

    set_avatar(mira)

    own = mira.page.get_by_role("region", name="Profile").locator(".avatar")
    shows_picture(own)
    for face in faces:
        shows_picture(face)
    # It covers the initials, nothing moves, and a screen reader hears what it heard.
    assert [face.locator("img").evaluate(SIZE) for face in faces] == sizes
    assert [face.evaluate(SIZE) for face in faces] == sizes
    assert row.evaluate("element => element.innerText") == name
    shows_picture(tomas.log.get_by_role("article").first.locator(".avatar"))
    before = faces[0].locator("img").get_attribute("src")
    use(mira.page, "#9f2f2f")
    expect(faces[0].locator("img")).not_to_have_attribute("src", str(before))
    shows_picture(faces[0])

    mira.page.get_by_role("button", name="Remove picture").click()

    expect(mira.page.get_by_role("button", name="Choose a picture")).to_be_focused()
    for face in (own, *faces):
        expect(face.locator("img")).to_have_count(0)
        shows_initials(face, "ML")
    mira.page.reload()
    shows_initials(own, "ML")


def test_an_avatar_is_seen_at_once_among_friends_and_people_found(
    mira: Visitor, tomas: Visitor
) -> None:
    befriend(mira, tomas)
    mira.post(tomas, "Hello")
    finder = tomas.context.new_page()
    finder.goto(tomas.url)
    finder.get_by_role("searchbox", name="Search people").fill(mira.username)
    found = finder.get_by_role("list", name="People found").locator(".avatar")
    tomas.page.goto(f"{tomas.url}/people")
    friend = tomas.page.get_by_role("region", name="Friends").locator(".avatar")
    shows_initials(found, "ML")
    shows_initials(friend, "ML")

    set_avatar(mira)

    shows_picture(found)
    shows_picture(friend)


def test_a_picture_that_cannot_be_loaded_leaves_the_initials(mira: Visitor, tomas: Visitor) -> None:
    set_avatar(mira)
    mira.post(tomas, "Hello")
    tomas.page.route(PICTURES, lambda route: route.abort())

    tomas.open_chat_with(mira)

    head = tomas.page.locator(".chat-head .avatar")
    expect(head.locator("img")).to_have_attribute("src", ADDRESS)
    shows_initials(head, "ML")
    tomas.page.unroute(PICTURES)
    tomas.page.reload()
    shows_picture(head)


def test_the_avatar_of_a_group_is_changed_by_its_admins(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    group_id = make_group(mira, tomas, sofia)
    open_details(tomas, group_id)
    details = tomas.page.get_by_role("complementary", name="Group details")
    expect(details.get_by_role("button", name="Choose a picture")).to_have_count(0)
    open_details(mira, group_id)

    use(mira.page)

    row = tomas.conversations.get_by_role("link").filter(has_text="Choir")
    about = details.locator(".details-about .avatar")
    seen = (row.locator(".avatar"), tomas.page.locator(".chat-head .avatar"), about)
    for face in seen:
        shows_picture(face)
    shows_picture(mira.page.locator(".details-about .avatar"))
    mira.page.get_by_role("button", name="Remove picture").click()
    for face in seen:
        shows_initials(face, "C")


def test_members_and_writers_of_a_group_are_shown_by_their_pictures(
    mira: Visitor, tomas: Visitor
) -> None:
    group_id = make_group(mira, tomas)
    set_avatar(tomas)
    members = open_details(mira, group_id)

    body = {"conversation_id": group_id, "content": "Here I am"}
    tomas.http.post("/api/messages", json=body).raise_for_status()

    shows_picture(members.get_by_role("listitem").filter(has_text="Tomas").locator(".avatar"))
    shows_picture(mira.message("Here I am").locator(".avatar"))


def test_people_who_are_found_are_shown_by_their_pictures(mira: Visitor, tomas: Visitor) -> None:
    set_avatar(tomas)
    mira.post(tomas, "Hello")
    mira.open_home()
    page = mira.page
    page.get_by_role("searchbox", name="Search people").fill(tomas.username)
    found = page.get_by_role("list", name="People found")
    shows_picture(found.locator(".avatar"))

    page.get_by_role("searchbox", name="Search people").fill("")
    page.keyboard.press("Control+K")
    dialog = page.get_by_role("dialog", name="Go to")
    dialog.get_by_role("searchbox", name="Go to").fill("Tomas")
    shows_picture(dialog.get_by_role("listitem").filter(has_text="Tomas").first.locator(".avatar"))
    page.keyboard.press("Escape")
    page.goto(f"{mira.url}/people")
    suggested = page.get_by_role("region", name="Suggestions").get_by_role("listitem")
    shows_picture(suggested.filter(has_text="Tomas").locator(".avatar"))


def test_a_failure_is_said_and_can_be_tried_again(mira: Visitor) -> None:
    page = open_settings(mira)
    alert = page.get_by_role("region", name="Profile").get_by_role("alert")
    used = page.get_by_role("button", name="Use this picture")
    choose(page, b"Words", "words.png")
    expect(alert.filter(has_text="This browser cannot show this picture.")).to_be_visible()
    expect(page.locator("[data-avatar-preview]")).to_be_hidden()
    used.click()
    expect(alert.filter(has_text="This is no picture that the chat can read.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Choose a picture")).to_be_focused()
    expect(alert.filter(has_text="picture")).to_have_count(0)

    for way in ("**/api/uploads*", OWN):
        page.route(way, lambda route: route.abort())
        choose(page, picture())
        used.click()
        expect(alert.filter(has_text="The chat cannot be reached")).to_be_visible()
        page.unroute(way)
        used.click()
        expect(page.get_by_role("status").filter(has_text="The picture is set.")).to_be_visible()
        expect(alert.filter(has_text="cannot be reached")).to_have_count(0)


def test_a_file_that_is_no_picture_is_refused_at_once(mira: Visitor) -> None:
    page = open_settings(mira)
    alert = page.get_by_role("region", name="Profile").get_by_role("alert")
    files = (
        (payload("none.png", "image/png", b""), "This file is empty."),
        (payload("words.txt", "text/plain", b"Words"), "This is no picture"),
    )
    for file, problem in files:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a picture").click()
        chooser.value.set_files([file])

        expect(alert.filter(has_text=problem)).to_be_visible()
        expect(page.get_by_role("button", name="Use this picture")).to_be_hidden()
    use(page)
    shows_picture(page.get_by_role("region", name="Profile").locator(".avatar"))


def test_an_upload_that_hangs_is_cancelled_for_another_one(mira: Visitor) -> None:
    page = open_settings(mira)
    page.route("**/api/uploads*", lambda _: None)
    choose(page, picture())
    page.get_by_role("button", name="Use this picture").click()
    expect(page.get_by_role("status").filter(has_text="Uploading")).to_be_visible()

    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("button", name="Choose a picture")).to_be_focused()
    page.unroute("**/api/uploads*")
    use(page)
    shows_picture(page.get_by_role("region", name="Profile").locator(".avatar"))


def test_an_answer_that_was_lost_does_no_harm(mira: Visitor) -> None:
    page = open_settings(mira)
    page.route(OWN, lambda route: (route.fetch(), route.abort()))
    choose(page, picture())
    page.get_by_role("button", name="Use this picture").click()
    alert = page.get_by_role("region", name="Profile").get_by_role("alert")
    expect(alert.filter(has_text="The chat cannot be reached")).to_be_visible()
    page.unroute(OWN)

    page.get_by_role("button", name="Use this picture").click()
    expect(alert.filter(has_text="The upload has expired")).to_be_visible()
    page.get_by_role("button", name="Use this picture").click()

    expect(page.get_by_role("status").filter(has_text="The picture is set.")).to_be_visible()
    shows_picture(page.get_by_role("region", name="Profile").locator(".avatar"))


def test_a_picture_is_chosen_on_a_phone(new_visitor: NewVisitor) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    page = open_settings(mira)
    choose(page, picture(300, 900))

    preview = page.locator("[data-avatar-preview]")
    expect(preview).to_be_visible()
    # As the avatar will be: round, of the middle.
    assert preview.evaluate(SIZE) == page.locator(".avatar-place .avatar").evaluate(SIZE)
    assert_usable(page)
    # The browser of a phone offers the camera beside the pictures.
    expect(page.locator(".avatar-choice input")).to_have_attribute("accept", "image/*")
    page.get_by_role("button", name="Use this picture").click()
    shows_picture(page.locator(".avatar-place .avatar"))
    assert_usable(page)
