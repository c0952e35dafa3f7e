"""The people screen in two browsers: requests, answers, unfriending, blocks."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.pages import assert_usable
from tests.harness.processor import Stopwatch
from tests.harness.visitors import CHAT, PHONE, NewVisitor, Visitor

LIVE_S = 1
SAMPLES = 5
LONG = "Wolfeschlegelsteinhausenbergerdorff " + "x" * 60


def region(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def row(page: Page, where: str, name: str) -> Locator:
    return region(page, where).get_by_role("listitem").filter(has_text=name)


def press(page: Page, where: str, name: str, label: str) -> None:
    row(page, where, name).get_by_role("button", name=label).click()


def choose(page: Page, label: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=label).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def ask(one: Visitor, other: Visitor) -> None:
    body = {"user_id": other.user_id}
    one.http.post("/api/friends/request", json=body).raise_for_status()


def befriend(one: Visitor, other: Visitor) -> None:
    ask(one, other)
    ask(other, one)


def open_people(*visitors: Visitor) -> None:
    for visitor in visitors:
        visitor.page.goto(f"{visitor.url}/people")
        expect(region(visitor.page, "Friends")).to_be_visible()


def friendship(one: Visitor, other: Visitor) -> str:
    return str(one.http.get(f"/api/users/{other.user_id}").json()["friendship"])


def test_a_request_is_seen_at_once_accepted_and_leads_to_a_chat(
    mira: Visitor, tomas: Visitor
) -> None:
    open_people(mira, tomas)
    ask(mira, tomas)

    expect(row(tomas.page, "Requests", "Mira Lind")).to_be_visible()
    expect(row(mira.page, "Requests", "Tomas Okafor")).to_be_visible()
    press(tomas.page, "Requests", "Mira Lind", "Accept")

    for one, name in ((tomas, "Mira Lind"), (mira, "Tomas Okafor")):
        expect(row(one.page, "Friends", name)).to_be_visible()
        expect(region(one.page, "Requests").get_by_role("listitem")).to_have_count(0)
    press(mira.page, "Friends", "Tomas Okafor", "Message")
    mira.page.wait_for_url(CHAT)
    mira.write("At last")
    expect(mira.message("At last").get_by_role("img", name="Sent")).to_be_visible()
    expect(tomas.conversations.get_by_role("link")).to_have_accessible_name(
        re.compile("Mira Lind.*At last")
    )


def test_the_link_to_people_counts_requests_on_every_screen(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    mira.open_home()
    link = mira.page.get_by_role("link", name="People", exact=True)
    expect(link).to_be_visible()

    ask(tomas, mira)
    expect(mira.page.get_by_role("link", name="People, 1 request", exact=True)).to_be_visible()
    ask(sofia, mira)
    two = mira.page.get_by_role("link", name="People, 2 requests", exact=True)
    expect(two).to_be_visible()
    mira.page.reload()
    two.click()
    expect(mira.page.get_by_role("heading", level=1, name="People")).to_be_visible()
    expect(mira.page).to_have_title(re.compile("^People"))
    for name in ("Tomas Okafor", "Sofia Brandt"):
        press(mira.page, "Requests", name, "Decline")
        expect(row(mira.page, "Requests", name)).to_have_count(0)
    expect(link).to_be_visible()


def test_a_declined_or_cancelled_request_leaves_both_screens(mira: Visitor, tomas: Visitor) -> None:
    open_people(mira, tomas)
    for presser, name, label in ((tomas, "Mira Lind", "Decline"), (mira, "Tomas Okafor", "Cancel")):
        ask(mira, tomas)
        press(presser.page, "Requests", name, label)

        for visitor in (mira, tomas):
            nobody = visitor.page.get_by_text("No requests wait for an answer.")
            expect(nobody).to_be_visible()
        assert friendship(mira, tomas) == "none", label


def test_a_request_is_on_the_screen_within_a_second(mira: Visitor, tomas: Visitor) -> None:
    open_people(tomas)
    took = []
    for _ in range(SAMPLES):
        ask(mira, tomas)
        stopwatch = Stopwatch()
        expect(row(tomas.page, "Requests", "Mira Lind")).to_be_visible()
        took.append(stopwatch.seconds())
        mira.http.delete(f"/api/friends/requests/{tomas.user_id}").raise_for_status()
        expect(row(tomas.page, "Requests", "Mira Lind")).to_have_count(0)

    assert max(took) <= LIVE_S, took


def test_unfriending_asks_first_and_is_seen_by_both(mira: Visitor, tomas: Visitor) -> None:
    befriend(mira, tomas)
    open_people(mira, tomas)

    press(mira.page, "Friends", "Tomas Okafor", "More")
    dialog = mira.page.get_by_role("dialog", name="Tomas Okafor")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    choose(mira.page, "Cancel")
    assert friendship(mira, tomas) == "friends"
    press(mira.page, "Friends", "Tomas Okafor", "More")
    choose(mira.page, "Unfriend")

    for page in (mira.page, tomas.page):
        expect(page.get_by_text("No friends yet.")).to_be_visible()
    assert friendship(mira, tomas) == "none"


def test_blocking_and_unblocking(mira: Visitor, tomas: Visitor) -> None:
    befriend(mira, tomas)
    open_people(mira, tomas)

    press(mira.page, "Friends", "Tomas Okafor", "More")
    choose(mira.page, "Block")

    expect(row(mira.page, "Blocked", "Tomas Okafor")).to_be_visible()
    expect(row(mira.page, "Friends", "Tomas Okafor")).to_have_count(0)
    expect(row(tomas.page, "Friends", "Mira Lind")).to_have_count(0)
    expect(tomas.page.get_by_text("Mira Lind")).to_have_count(0)
    press(mira.page, "Blocked", "Tomas Okafor", "Unblock")
    expect(mira.page.get_by_text("You have blocked nobody.")).to_be_visible()
    assert friendship(mira, tomas) == "none"


def test_a_block_in_a_chat_removes_the_composer_and_refuses_messages(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.post(tomas, "Before")
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)

    mira.page.get_by_role("button", name="More", exact=True).click()
    choose(mira.page, "Block")

    expect(mira.page.get_by_text("You blocked this person.")).to_be_visible()
    expect(mira.box).to_have_count(0)
    expect(mira.message("Before")).to_have_count(1)
    expect(tomas.box).to_be_visible()
    tomas.write("Are you there?")
    expect(tomas.message("Are you there?").get_by_role("img", name="Failed")).to_be_visible()
    expect(tomas.message("Are you there?")).to_contain_text("You cannot write to this person.")
    mira.page.get_by_role("button", name="Unblock").click()
    expect(mira.box).to_be_visible()
    tomas.message("Are you there?").get_by_role("button", name="Retry").click()
    expect(mira.message("Are you there?")).to_have_count(1)


def test_a_friend_request_is_sent_from_the_chat(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    mira.page.get_by_role("button", name="More", exact=True).click()
    choose(mira.page, "Add friend")

    expect(tomas.page.get_by_role("link", name="People, 1 request")).to_be_visible()
    tomas.page.get_by_role("button", name="More", exact=True).click()
    choose(tomas.page, "Accept")

    assert friendship(mira, tomas) == "friends"


def test_suggestions_show_their_reason_and_send_requests(
    mira: Visitor, tomas: Visitor, sofia: Visitor, new_visitor: NewVisitor
) -> None:
    kenji = new_visitor("Kenji Mori")
    befriend(mira, tomas)
    befriend(tomas, sofia)
    kenji.post(mira, "Hello")
    open_people(mira)

    expect(row(mira.page, "Suggestions", "Sofia Brandt")).to_contain_text("1 mutual friend")
    expect(row(mira.page, "Suggestions", "Kenji Mori")).to_contain_text(
        "You have written to each other"
    )
    press(mira.page, "Suggestions", "Sofia Brandt", "Add friend")

    expect(row(mira.page, "Requests", "Sofia Brandt")).to_be_visible()
    expect(row(mira.page, "Suggestions", "Sofia Brandt")).to_have_count(0)


def test_a_failed_action_shows_its_error_in_the_dialog(mira: Visitor, tomas: Visitor) -> None:
    mira.post(tomas, "Before")
    tomas.http.put(f"/api/blocks/{mira.user_id}").raise_for_status()
    mira.open_chat_with(tomas)

    mira.page.get_by_role("button", name="More", exact=True).click()
    dialog = mira.page.get_by_role("dialog", name="Tomas Okafor")
    dialog.get_by_role("button", name="Add friend").click()

    # Neither a block nor its end sends an event: the blocker looks offline.
    expect(dialog.get_by_role("alert")).to_have_text("There is no such person.")


def test_the_people_screen_works_by_keyboard(mira: Visitor, tomas: Visitor) -> None:
    ask(tomas, mira)
    mira.open_home()
    link = mira.page.get_by_role("link", name="People, 1 request")
    link.focus()
    mira.page.keyboard.press("Enter")
    accept = row(mira.page, "Requests", "Tomas Okafor").get_by_role("button", name="Accept")
    accept.focus()
    mira.page.keyboard.press("Enter")
    more = row(mira.page, "Friends", "Tomas Okafor").get_by_role("button", name="More")
    more.focus()
    mira.page.keyboard.press("Enter")
    expect(mira.page.get_by_role("dialog")).to_be_visible()
    mira.page.keyboard.press("Escape")
    expect(mira.page.get_by_role("dialog")).to_have_count(0)
    expect(more).to_be_focused()
    assert friendship(mira, tomas) == "friends"

    mira.page.keyboard.press("Enter")
    expect(mira.page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    mira.page.keyboard.press("Shift+Tab")
    expect(mira.page.get_by_role("dialog").get_by_role("button", name="Report")).to_be_focused()
    mira.page.keyboard.press("Shift+Tab")
    expect(mira.page.get_by_role("dialog").get_by_role("button", name="Block")).to_be_focused()
    mira.page.keyboard.press("Enter")

    expect(row(mira.page, "Blocked", "Tomas Okafor")).to_be_visible()
    assert friendship(mira, tomas) == "blocked"


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_screen_is_usable_by_ear_and_eye_in_both_colours(
    new_visitor: NewVisitor, device: dict[str, object]
) -> None:
    mira = new_visitor("Mira Lind", **device)
    page = mira.page
    open_people(mira)
    assert_usable(page)

    friend, asking, asked, blocked = [
        new_visitor(name) for name in (LONG, "Maha مها الأحمد", f"B {LONG}", "Kenji Mori")
    ]
    befriend(mira, friend)
    ask(asking, mira)
    ask(mira, asked)
    mira.http.put(f"/api/blocks/{blocked.user_id}").raise_for_status()
    mira.post(new_visitor("Nadia Petrova"), "Hello")
    mira.page.reload()
    for where in ("Friends", "Requests", "Suggestions", "Blocked"):
        expect(region(page, where).get_by_role("listitem").first).to_be_visible()
    assert_usable(page)
    press(page, "Friends", "Wolfe", "More")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_usable(page)


def test_the_arrow_on_a_phone_leads_back(
    new_visitor: NewVisitor,
) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    mira.open_home()
    mira.page.get_by_role("link", name="People", exact=True).click()
    expect(mira.page.get_by_role("heading", name="People")).to_be_visible()
    expect(mira.page.get_by_role("searchbox")).to_have_count(0)

    mira.page.get_by_role("link", name="Back to the conversations").click()

    expect(mira.page.get_by_role("searchbox")).to_be_visible()
