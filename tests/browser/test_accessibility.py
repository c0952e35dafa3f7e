"""Accessibility: keyboard, screen reader, small screens, and light and dark colours."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.harness.pages import assert_usable, faults, wait_until
from tests.harness.visitors import CHAT, PHONE, NewVisitor, OpenPage, Visitor


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_every_page_is_usable_by_ear_and_eye_in_both_colours(
    new_visitor: NewVisitor, new_profile: OpenPage, device: dict[str, object]
) -> None:
    mira = new_visitor("Mira Lind", **device)
    tomas = new_visitor("Wolfeschlegelsteinhausenbergerdorff " + "x" * 60)
    tomas.post(mira, "Hello " + "word" * 60)
    page = mira.page

    page.goto(f"{mira.url}/settings")
    page.get_by_text("Delete account").click()
    expect(page.get_by_role("button", name="Delete my account for ever")).to_be_visible()
    assert_usable(page)
    mira.open_home()
    expect(mira.conversations.get_by_role("link")).to_have_count(1)
    assert_usable(page)
    page.get_by_role("searchbox", name="Search people").fill(tomas.username)
    expect(page.get_by_role("list", name="People found").get_by_role("listitem")).to_have_count(1)
    assert_usable(page)
    page.get_by_role("searchbox", name="Search people").fill("nobody-has-this-name")
    expect(page.get_by_text("Nobody by that name.")).to_be_visible()
    assert_usable(page)
    mira.open_chat_with(tomas)
    mira.write("And back")
    expect(mira.message("And back").get_by_role("img", name="Sent")).to_be_visible()
    assert_usable(page)
    mira.message("And back").get_by_role("button", name="More actions").press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    assert_usable(page)
    page.get_by_role("menuitem", name="Edit").press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    assert_usable(page)
    for path, words in (
        (f"/chat/{uuid4()}", "There is no such conversation"),
        ("/nowhere", "There is no such page."),
    ):
        page.goto(mira.url + path)
        expect(page.get_by_text(words)).to_be_visible()
        assert_usable(page)

    stranger = new_profile(**device)
    for door, button in (("login", "Sign in"), ("register", "Create account")):
        stranger.goto(f"{mira.url}/{door}")
        stranger.get_by_role("button", name=button).click()
        expect(stranger.get_by_role("alert").first).to_be_visible()
        assert_usable(stranger)


def test_faults_are_found(mira: Visitor) -> None:
    mira.open_home()
    assert faults(mira.page) == []
    link = mira.page.get_by_role("link", name="Settings", exact=True)
    link.evaluate("link => { link.removeAttribute('aria-label'); link.removeAttribute('title') }")
    mira.page.get_by_text("No conversations yet.").evaluate("words => words.style.color = '#aaa'")

    found = faults(mira.page)

    assert {one.partition(" ")[0] for one in found} == {"link-name", "color-contrast"}


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_first_paint_has_the_right_colours(
    built_server: str, new_profile: OpenPage, system: str
) -> None:
    page = new_profile(color_scheme=system)
    page.add_init_script(
        """
        window.grounds = [];
        const note = () => {
          if (document.body)
            window.grounds.push(getComputedStyle(document.documentElement).backgroundColor);
          if (window.grounds.length < 30) requestAnimationFrame(note);
        };
        requestAnimationFrame(note);
        """
    )

    for saved in (None, "light", "dark"):
        if saved:
            page.evaluate("saved => localStorage.setItem('theme', saved)", saved)
        page.goto(f"{built_server}/login")
        wait_until(page, "() => window.grounds.length === 30")

        dark = (saved or system) == "dark"
        grounds = set(page.evaluate("window.grounds"))
        assert grounds == {"rgb(21, 22, 26)" if dark else "rgb(255, 255, 255)"}, saved


def test_the_colours_can_be_chosen(mira: Visitor) -> None:
    mira.open_home()

    def ground() -> str:
        return str(mira.page.evaluate("getComputedStyle(document.body.parentElement).color"))

    light = ground()
    mira.page.get_by_role("button", name="Colours: like the system").click()
    mira.page.get_by_role("button", name="Colours: light").click()
    expect(mira.page.get_by_role("button", name="Colours: dark")).to_be_visible()
    assert ground() != light

    mira.page.reload()

    expect(mira.page.get_by_role("button", name="Colours: dark")).to_be_visible()
    assert ground() != light


def test_the_chat_works_by_keyboard_alone(mira: Visitor, tomas: Visitor, sofia: Visitor) -> None:
    sofia.post(mira, "Hello from Sofia")
    tomas.post(mira, "Hello from Tomas")
    mira.open_home()
    page, keys = mira.page, mira.page.keyboard
    search = page.get_by_role("searchbox", name="Search people")

    search.focus()
    keys.type(sofia.username)
    expect(page.get_by_role("list", name="People found").get_by_role("listitem")).to_have_count(1)
    keys.press("Escape")
    expect(search).to_have_value("")
    expect(mira.conversations.get_by_role("link")).to_have_count(2)
    keys.press("ArrowDown")
    expect(mira.conversations.get_by_role("link", name="Tomas")).to_be_focused()
    keys.press("ArrowDown")
    expect(mira.conversations.get_by_role("link", name="Sofia")).to_be_focused()
    keys.press("ArrowUp")
    keys.press("ArrowUp")
    expect(search).to_be_focused()
    keys.type(sofia.username)
    expect(page.get_by_role("list", name="People found").get_by_role("listitem")).to_have_count(1)
    keys.press("Enter")
    page.wait_for_url(CHAT)

    expect(mira.box).to_be_focused()
    keys.type("One")
    keys.press("Shift+Enter")
    keys.type("two")
    expect(mira.box).to_have_value("One\ntwo")
    keys.press("Enter")
    expect(mira.box).to_have_value("")
    expect(mira.box).to_be_focused()
    expect(mira.message("One\ntwo").get_by_role("img", name="Sent")).to_be_visible()
    expect(search).to_have_value("")


def test_an_input_methods_enter_sends_nothing(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.box.fill("にほん")

    mira.box.evaluate(
        """box => box.dispatchEvent(
             new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true }))"""
    )

    expect(mira.box).to_have_value("にほん")
    expect(mira.log.get_by_role("article")).to_have_count(0)


def test_a_link_leads_past_the_side_pane(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.get_by_role("link", name="Skip to the messages").focus()

    mira.page.keyboard.press("Enter")

    expect(mira.page.get_by_role("region", name="Conversation")).to_be_focused()


def test_a_phone_shows_one_pane_and_the_address_decides_which(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    tomas.post(mira, "Hello")
    mira.open_home()
    expect(mira.page.get_by_role("region", name="Conversation")).to_be_hidden()

    mira.conversations.get_by_role("link").click()

    expect(mira.box).to_be_visible()
    expect(mira.box).not_to_be_focused()
    expect(mira.conversations).to_be_hidden()
    bottom = mira.box.bounding_box()
    assert bottom is not None
    assert bottom["y"] + bottom["height"] <= 640
    mira.page.get_by_role("link", name="Back to the conversations").click()
    expect(mira.conversations).to_be_visible()
    expect(mira.box).to_be_hidden()
    mira.page.go_back()
    expect(mira.box).to_be_visible()
    for target in mira.page.get_by_role("button").or_(mira.page.get_by_role("link")).all():
        box = target.bounding_box()
        if box is not None and target.is_visible() and box["width"] > 1:
            assert min(box["width"], box["height"]) >= 40, target.inner_text()


def test_status_words_match_the_contract(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.route("**/api/messages", lambda route: route.abort())
    mira.write("One")
    mira.write("Two")
    # The page shows a message once the browser has stored it.
    expect(mira.message("Two")).to_be_visible()

    words = mira.log.get_by_role("img").evaluate_all("all => all.map((e) => e.ariaLabel)")

    assert words == ["Queued", "Queued"]
    expect(mira.page).to_have_title(re.compile("Chat"))


def test_an_address_without_a_page_says_so(mira: Visitor) -> None:
    mira.page.goto(f"{mira.url}/no/such/page")

    expect(mira.page.get_by_role("heading", name="Not found")).to_be_visible()
    mira.page.get_by_role("link", name="To the conversations").click()
    expect(mira.page.get_by_role("searchbox", name="Search people")).to_be_visible()
