"""People search in the browser: finding people, the keyboard, and live rows."""

import re
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from tests.harness.visitors import CHAT, NewVisitor, Visitor


def field(page: Page) -> Locator:
    """Return the search field."""
    return page.get_by_role("searchbox", name="Search people")


def rows(page: Page) -> Locator:
    """Return the search results."""
    return page.get_by_role("list", name="People found").get_by_role("listitem")


def three_of_a_name(new_visitor: NewVisitor) -> tuple[str, list[Visitor]]:
    """Register three people who share a unique name."""
    tag = f"Q{uuid4().hex[:8]}"
    return tag, [new_visitor(f"{name} {tag}") for name in ("Anna", "Bela", "Cyra")]


def test_two_people_become_friends_from_the_search(mira: Visitor, tomas: Visitor) -> None:
    mira.open_home()
    tomas.open_home()
    field(mira.page).fill(tomas.username)
    field(tomas.page).fill(mira.username)
    his, hers = rows(mira.page), rows(tomas.page)
    expect(his).to_have_count(1)
    expect(hers).to_have_count(1)
    expect(mira.page.get_by_role("status").filter(has_text="1 person found")).to_be_attached()

    his.get_by_role("button", name="Add friend").click()
    expect(his).to_contain_text("Request sent")
    expect(his.get_by_role("button", name="Cancel")).to_be_focused()
    expect(hers).to_contain_text("Wants to be friends")
    his.get_by_role("button", name="Cancel").press("Enter")
    expect(hers.get_by_role("button", name="Add friend")).to_be_visible()
    expect(hers).not_to_contain_text("Wants to be friends")
    his.get_by_role("button", name="Add friend").press("Enter")
    hers.get_by_role("button", name="Accept").click()

    for row in (his, hers):
        expect(row).to_contain_text("Friends")
        expect(row.get_by_role("button")).to_have_count(1)
    # Her button is gone; the focus is on what is left of the row.
    expect(hers.get_by_role("button", name="Message")).to_be_focused()


def test_a_refusal_is_shown_in_its_row(mira: Visitor, tomas: Visitor) -> None:
    mira.open_home()
    field(mira.page).fill(tomas.username)
    expect(rows(mira.page)).to_have_count(1)

    tomas.http.put(f"/api/blocks/{mira.user_id}").raise_for_status()
    rows(mira.page).get_by_role("button", name="Add friend").click()

    refusal = rows(mira.page).get_by_role("alert")
    expect(refusal).to_have_text("There is no such person.")
    field(mira.page).fill("nobody-has-this-name")
    expect(mira.page.get_by_text("Nobody by that name. Try a part of it.")).to_be_visible()
    expect(mira.page.get_by_role("alert")).to_have_count(0)


def test_the_keys_walk_the_rows_and_their_buttons(mira: Visitor, new_visitor: NewVisitor) -> None:
    tag, _ = three_of_a_name(new_visitor)
    mira.open_home()
    page, keys = mira.page, mira.page.keyboard
    field(page).focus()
    keys.type(tag.lower())
    found = rows(page)
    expect(found).to_have_count(3)

    keys.press("ArrowDown")
    expect(found.nth(0).get_by_role("button", name="Message")).to_be_focused()
    keys.press("ArrowRight")
    expect(found.nth(0).get_by_role("button", name="Add friend")).to_be_focused()
    keys.press("ArrowDown")
    expect(found.nth(1).get_by_role("button", name="Add friend")).to_be_focused()
    keys.press("End")
    expect(found.nth(2).get_by_role("button", name="Add friend")).to_be_focused()
    keys.press("ArrowLeft")
    expect(found.nth(2).get_by_role("button", name="Message")).to_be_focused()
    keys.press("ArrowDown")
    expect(found.nth(2).get_by_role("button", name="Message")).to_be_focused()
    keys.press("Home")
    keys.press("ArrowUp")
    expect(field(page)).to_be_focused()
    keys.press("Escape")
    expect(field(page)).to_have_value("")
    expect(mira.conversations).to_be_visible()


def test_enter_takes_the_first_hit_of_what_was_typed_and_no_other(
    mira: Visitor, new_visitor: NewVisitor
) -> None:
    tag, people = three_of_a_name(new_visitor)
    mira.open_home()
    field(mira.page).focus()
    mira.page.keyboard.type(tag)
    expect(rows(mira.page)).to_have_count(3)

    # At once, so that the people shown are still those of the shorter text.
    field(mira.page).fill(people[2].username)
    mira.page.keyboard.press("Enter")
    mira.page.wait_for_url(CHAT)

    heading = mira.page.get_by_role("heading", name=re.compile(f"Cyra {tag}"))
    expect(heading).to_be_visible()
    expect(field(mira.page)).to_have_value("")


def test_the_focus_stays_when_a_row_goes(mira: Visitor, new_visitor: NewVisitor) -> None:
    tag, people = three_of_a_name(new_visitor)
    mira.open_home()
    field(mira.page).fill(tag)
    expect(rows(mira.page)).to_have_count(3)
    mira.http.post("/api/friends/request", json={"user_id": people[0].user_id}).raise_for_status()
    first = rows(mira.page).first
    expect(first).to_contain_text("Request sent")
    first.get_by_role("button", name="Cancel").focus()

    people[0].http.put(f"/api/blocks/{mira.user_id}").raise_for_status()

    expect(rows(mira.page)).to_have_count(2)
    expect(rows(mira.page).first.get_by_role("button", name="Message")).to_be_focused()


def test_names_of_any_length_and_direction_stay_in_their_rows(
    mira: Visitor, new_visitor: NewVisitor
) -> None:
    tag = f"Q{uuid4().hex[:8]}"
    for name in (f"Wolf{'x' * 80} {tag}", f"Omar محمد الأحمد {tag}", f"Bold <b>{tag}</b>"):
        new_visitor(name)
    mira.page.set_viewport_size({"width": 360, "height": 640})
    mira.open_home()
    field(mira.page).fill(tag)
    expect(rows(mira.page)).to_have_count(3)

    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert mira.page.evaluate(fits)
    expect(rows(mira.page).filter(has_text=f"<b>{tag}</b>")).to_have_count(1)
