"""Who may register: the page to sign up, by the server's rule in `/home.js`."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.harness.visitors import OpenPage

RULES = {
    "closed": "No new accounts can be made here.",
    "invited": "New accounts are by invitation here",
}


def open_with(new_profile: OpenPage, address: str, rule: str) -> Page:
    """Return a page of a server with this rule, on the page to sign up."""
    page = new_profile()
    script = f'globalThis.chatHome = "{address}"; globalThis.chatRegistration = "{rule}";'
    page.route(
        "**/home.js", lambda route: route.fulfill(body=script, content_type="text/javascript")
    )
    page.goto(f"{address}/register")
    return page


def test_the_server_names_its_rule(address: str) -> None:
    assert 'globalThis.chatRegistration = "open";' in httpx.get(f"{address}/home.js").text


@pytest.mark.parametrize("rule", RULES)
def test_a_refusal_takes_the_place_of_the_form(
    address: str, new_profile: OpenPage, rule: str
) -> None:
    page = open_with(new_profile, address, rule)

    expect(page.get_by_text(RULES[rule])).to_be_visible()
    expect(page.get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_an_invitation_shows_the_form(address: str, new_profile: OpenPage) -> None:
    page = open_with(new_profile, address, "invited")
    page.goto(f"{address}/register?next=%2Finvite%2F{'x' * 43}")
    expect(page.get_by_role("textbox", name="Username")).to_be_visible()

    page.goto(f"{address}/register?next=%2Fpeople")
    expect(page.get_by_role("textbox")).to_have_count(0)


def test_an_open_chat_shows_the_form(address: str, new_profile: OpenPage) -> None:
    page = open_with(new_profile, address, "open")

    expect(page.get_by_role("button", name="Create account")).to_be_visible()
    for words in RULES.values():
        expect(page.get_by_text(words)).to_be_hidden()
