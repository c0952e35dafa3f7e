"""Signing up, in and out: errors in the forms, redirects, and pages that need a session."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from playwright.sync_api import Page, Route, expect

from tests.harness.clients import PASSWORD
from tests.harness.visitors import OpenPage, Visitor


def fill(page: Page, **fields: str) -> None:
    """Write into the fields of a form by their labels."""
    for name, text in fields.items():
        label = {"username": "Username", "display_name": "Display name", "password": "Password"}
        page.get_by_label(label[name]).fill(text)


def field_errors(page: Page) -> dict[str, str]:
    """Return the message under each field."""
    shown = page.locator(".field:has([aria-invalid]) ")
    expect(shown.first).to_be_visible()
    return {
        field.get_by_role("textbox").or_(field.locator("input")).first.get_attribute("name")
        or "": field.get_by_role("alert").inner_text()
        for field in shown.all()
    }


def test_errors_of_a_registration_show_under_their_fields(
    built_server: str, new_profile: OpenPage
) -> None:
    page = new_profile()
    page.goto(f"{built_server}/register")
    fill(page, username="a!", display_name="Mira", password="short")

    page.get_by_role("button", name="Create account").click()

    assert set(field_errors(page)) == {"username", "password"}
    expect(page.get_by_label("Username")).to_be_focused()
    expect(page.get_by_label("Username")).to_have_value("a!")
    expect(page.get_by_label("Display name")).to_have_value("Mira")
    expect(page.get_by_label("Password")).to_have_value("short")


def test_a_taken_username_shows_its_error_under_the_field(
    built_server: str, new_profile: OpenPage, mira: Visitor
) -> None:
    page = new_profile()
    page.goto(f"{built_server}/register")
    fill(page, username=mira.username.upper(), password=PASSWORD)

    page.get_by_role("button", name="Create account").click()

    assert set(field_errors(page)) == {"username"}
    expect(page.get_by_label("Password")).to_have_value(PASSWORD)


def test_a_wrong_password_shows_an_error_in_the_form(
    built_server: str, new_profile: OpenPage, mira: Visitor
) -> None:
    page = new_profile()
    page.goto(f"{built_server}/login")
    fill(page, username=mira.username, password="not the password")

    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("alert").filter(has_text=re.compile("."))).to_have_count(1)
    expect(page.get_by_label("Username")).to_have_value(mira.username)
    expect(page.get_by_label("Password")).to_have_value("not the password")
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()


ANSWERS: dict[str, Callable[[Route], Any]] = {
    "no network": lambda route: route.abort(),
    "too often": lambda route: route.fulfill(
        status=429,
        content_type="application/problem+json",
        body='{"code": "rate_limited", "detail": "Too many attempts. Wait a moment."}',
    ),
    "broken server": lambda route: route.fulfill(status=500, body="oops"),
}


def test_a_failed_sign_in_shows_an_error_and_keeps_what_was_typed(
    built_server: str, new_profile: OpenPage
) -> None:
    page = new_profile()
    alert = page.get_by_role("alert").filter(has_text=re.compile("."))
    for answer in ANSWERS.values():
        page.goto(f"{built_server}/login")
        page.route("**/api/auth/login", answer)
        fill(page, username="mira", password=PASSWORD)
        expect(alert).to_have_count(0)

        page.get_by_role("button", name="Sign in").click()

        expect(alert).to_have_count(1)
        expect(page.get_by_text("oops")).to_have_count(0)
        expect(page.get_by_label("Password")).to_have_value(PASSWORD)
        expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
        page.unroute("**/api/auth/login")


def test_the_password_can_be_shown(built_server: str, new_profile: OpenPage) -> None:
    page = new_profile()
    page.goto(f"{built_server}/login")
    password = page.get_by_label("Password")
    expect(password).to_have_attribute("type", "password")

    page.get_by_role("button", name="Show what is typed").click()
    expect(password).to_have_attribute("type", "text")
    page.get_by_role("button", name="Show what is typed").click()
    expect(password).to_have_attribute("type", "password")


def test_a_signed_out_visitor_is_led_to_sign_in_and_back(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    mira.context.clear_cookies()
    page = mira.page
    page.goto(f"{mira.url}/chat/{conversation_id}")
    page.wait_for_url(re.compile(r"/login\?next="))
    # The redirect target survives switching to the other form and back.
    page.get_by_role("link", name="Create an account").click()
    page.wait_for_url(re.compile(r"/register\?next="))
    page.get_by_role("link", name="Sign in").click()
    page.wait_for_url(re.compile(r"/login\?next="))
    fill(page, username=mira.username, password=PASSWORD)

    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url(f"{mira.url}/chat/{conversation_id}")
    expect(mira.box).to_be_visible()


def test_a_signed_out_browser_is_led_to_the_sign_in_page(
    built_server: str, new_profile: OpenPage
) -> None:
    page = new_profile()
    for path in ("/", "/chat/00000000-0000-0000-0000-000000000000"):
        page.goto(built_server + path)

        page.wait_for_url(re.compile("/login"))
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_signing_in_never_leads_to_another_site(mira: Visitor, new_profile: OpenPage) -> None:
    page = new_profile()
    for wanted in (
        "//evil.example",
        "https://evil.example/x",
        "/\\evil.example",
        "javascript:alert(1)",
        "/login",
    ):
        page.context.clear_cookies()
        page.goto(f"{mira.url}/login")
        page.evaluate("wanted => history.replaceState(null, '', '?next=' + wanted)", wanted)
        fill(page, username=mira.username, password=PASSWORD)

        page.get_by_role("button", name="Sign in").click()

        page.wait_for_url(f"{mira.url}/")
        expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()


def test_signing_out_closes_every_tab_of_the_session(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write("Before I go")
    expect(mira.message("Before I go").get_by_role("img", name="Sent")).to_be_visible()
    other_tab = mira.context.new_page()
    other_tab.goto(mira.url)
    expect(other_tab.get_by_role("button", name="Sign out")).to_be_visible()

    mira.page.get_by_role("button", name="Sign out").click()

    mira.page.wait_for_url(f"{mira.url}/login")
    other_tab.wait_for_url(re.compile("/login"))
    mira.page.go_back()
    mira.page.wait_for_url(re.compile("/login"))
    expect(mira.page.get_by_text("Before I go")).to_have_count(0)


def test_a_signed_in_visitor_is_led_from_sign_in_to_the_chat(mira: Visitor) -> None:
    for door in ("login", "register"):
        mira.page.goto(f"{mira.url}/{door}")

        mira.page.wait_for_url(f"{mira.url}/")


def test_two_people_can_use_one_tab_after_each_other(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write(f"Private {uuid4().hex}")
    expect(mira.log.get_by_role("img", name="Sent")).to_be_visible()
    page = mira.page
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{mira.url}/login")
    stranger = f"kenji{uuid4().hex[:8]}"
    page.get_by_role("link", name="Create an account").click()
    fill(page, username=stranger, password=PASSWORD)

    page.get_by_role("button", name="Create account").click()

    expect(page.get_by_text(f"@{stranger}")).to_be_visible()
    expect(page.get_by_text("No conversations yet.")).to_be_visible()
    expect(page.get_by_text("Private")).to_have_count(0)


def test_a_form_submitted_before_its_script_is_loaded_is_sent(
    built_server: str, new_profile: OpenPage
) -> None:
    page = new_profile()
    page.route("**/assets/*.js", lambda _route: None)
    page.goto(f"{built_server}/register", wait_until="commit")
    fill(page, username=f"early-{uuid4().hex[:10]}", password=PASSWORD)
    page.get_by_role("button", name="Create account").click()
    assert page.url.endswith("/register")

    # The held request continues, and so does everything else.
    page.unroute("**/assets/*.js")

    expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()


def test_cookies_of_other_programs_on_the_host_do_not_matter(
    built_server: str, new_profile: OpenPage, mira: Visitor
) -> None:
    page = new_profile()
    others = {"prefs": '{"a":1}', "quote": 'a"b', "session": "of-another-program"}
    page.context.add_cookies(
        [{"name": name, "value": value, "url": built_server} for name, value in others.items()]
    )
    page.goto(f"{built_server}/login")
    page.evaluate("document.cookie = 'flag'")

    fill(page, username=mira.username, password=PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()
    page.reload()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_visible()
    kept = {one["name"]: one["value"] for one in page.context.cookies()}
    assert others.items() <= kept.items()
