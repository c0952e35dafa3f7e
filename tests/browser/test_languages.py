"""The chat in German and Arabic: the pages before any script runs, and a walk through them."""

import re
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.harness.clients import PASSWORD, page_client
from tests.harness.texts import sayer
from tests.harness.visitors import CHAT, NewVisitor, OpenPage, Visitor

DIRECTIONS = {"de": "ltr", "ar": "rtl"}
BROWSERS = {"de": "de-AT", "ar": "ar"}


def language_of(page: str) -> str:
    """Return the language and direction that a page names."""
    found = re.search(r'<html lang="(\w+)"(?: dir="(\w+)")?', page)
    assert found, page[:200]
    return found[1] if found[2] is None else f"{found[1]} {found[2]}"


@pytest.mark.parametrize("language", DIRECTIONS)
def test_a_page_is_in_its_language_before_any_script_runs(address: str, language: str) -> None:
    say = sayer(language)
    headers = {"Accept-Language": f"{BROWSERS[language]}, en;q=0.5"}

    page = httpx.get(f"{address}/login", headers=headers)

    assert page.status_code == httpx.codes.OK
    assert language_of(page.text) == f"{language} {DIRECTIONS[language]}"
    assert f"<title>{say('Sign in')} · Chat</title>" in page.text
    assert say("Your conversations, live on every screen.") in page.text
    assert f'aria-label="{say("Show what is typed")}"' in page.text
    assert "\ue000" not in page.text
    assert {"cookie", "accept-language"} <= set(page.headers["vary"].lower().split(", "))
    script = re.search(r'<script src="(/assets/language-[^"]+)"></script>', page.text)
    assert script
    assert "globalThis.chatTexts=" in httpx.get(address + script[1]).text


def test_every_page_has_each_language_compressed_or_not(address: str) -> None:
    for path, status in (("/", 200), ("/chat/0", 200), ("/settings/", 200), ("/nowhere", 404)):
        for encoding in ("gzip", "identity"):
            for language, shown in (("ar", "ar rtl"), ("de", "de ltr"), ("en", "en"), ("fr", "en")):
                headers = {"Accept-Language": language, "Accept-Encoding": encoding}
                page = httpx.get(address + path, headers=headers)
                assert (page.status_code, language_of(page.text)) == (status, shown), path
                tag = {**headers, "If-None-Match": page.headers["etag"]}
                assert httpx.get(address + path, headers=tag).status_code in {304, 404}


def test_the_cookie_comes_before_the_account_and_the_account_before_the_browser(
    address: str,
) -> None:
    body = {"username": f"ina-{uuid4().hex[:10]}", "password": PASSWORD, "tokens": False}
    with page_client(address) as http:
        http.headers["Accept-Language"] = "de"
        http.post("/api/auth/register", json=body).raise_for_status()
        assert language_of(http.get("/settings").text) == "de ltr"
        http.patch("/api/users/me", json={"locale": "ar"}).raise_for_status()
        assert language_of(http.get("/settings").text) == "ar rtl"
        assert language_of(http.get("/chat/0").text) == "ar rtl"
        http.cookies.set("locale", "en")
        assert language_of(http.get("/settings").text) == "en"


def test_the_service_worker_speaks_the_language(address: str) -> None:
    german = httpx.get(f"{address}/sw.js", headers={"Accept-Language": "de"})

    assert sayer("de")("New message") in german.text
    assert german.headers["content-type"].startswith("text/javascript")
    assert "chatWords = " not in httpx.get(f"{address}/sw.js").text


@pytest.mark.parametrize("language", DIRECTIONS)
def test_a_newcomer_signs_in_writes_and_sees_an_answer(
    new_visitor: NewVisitor, new_profile: OpenPage, language: str
) -> None:
    say = sayer(language)
    eve = new_visitor("Eve Ortiz")
    page = new_profile(locale=BROWSERS[language])
    name = f"ada-{uuid4().hex[:10]}"
    page.goto(f"{eve.url}/login")
    page.get_by_role("textbox", name=say("Username")).fill(name)
    page.get_by_role("textbox", name=say("Password")).fill(PASSWORD)
    page.get_by_role("button", name=say("Sign in")).click()
    wrong = page.get_by_role("alert").filter(has_text=say("The username or the password is wrong."))
    expect(wrong).to_be_visible()

    page.get_by_role("link", name=say("Create an account")).click()
    page.get_by_role("textbox", name=say("Username")).fill(name)
    page.get_by_role("textbox", name=say("Password")).fill(PASSWORD)
    page.get_by_role("button", name=say("Create account")).click()
    search = page.get_by_role("searchbox", name=say("Search people"))
    expect(search).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).direction") == DIRECTIONS[language]
    side = page.get_by_role("navigation", name=say("Conversations")).bounding_box()
    assert side
    assert (side["x"] > 640) == (language == "ar"), "the side pane is on the side of the reading"

    search.fill(eve.username)
    found = page.get_by_role("list", name=say("People found")).get_by_role("listitem")
    found.get_by_role("button", name=say("Message#to somebody")).click()
    page.wait_for_url(CHAT)
    box = page.get_by_role("textbox", name=say("Message"))
    box.fill("Servus")
    page.keyboard.press("Enter")
    log = page.get_by_role("log", name=say("Messages"))
    expect(log.get_by_role("img", name=say("Sent"))).to_be_visible()
    eve.page.goto(f"{eve.url}/chat/{page.url.rpartition('/')[2]}")
    eve.write("Hello there")
    expect(log.get_by_role("article").filter(has_text="Hello there")).to_be_visible()
    expect(log.get_by_role("img", name=say("Read#by the others"))).to_be_visible()
    row = page.get_by_role("navigation", name=say("Conversations")).get_by_role("link").first
    expect(row).to_contain_text("Hello there")
    box.fill("Pfiat di")
    page.keyboard.press("Enter")
    expect(row).to_contain_text(say("You: {text}").replace("{text}", ""))


def open_settings(person: Visitor) -> Page:
    person.page.goto(f"{person.url}/settings")
    expect(person.page.get_by_role("combobox", name="Language")).to_be_visible()
    return person.page


def test_a_language_is_chosen_for_the_account_and_this_browser(mira: Visitor) -> None:
    page = open_settings(mira)
    page.get_by_role("textbox", name="Status").fill("At the sea")
    choice = page.get_by_role("combobox", name="Language")
    expect(choice.get_by_role("option")).to_have_text(
        ["That of the browser", "English", "Deutsch", "العربية"]
    )

    choice.select_option("Deutsch")

    german = sayer("de")
    choice = page.get_by_role("combobox", name=german("Language"))
    expect(choice).to_have_value("de")
    expect(page.get_by_role("heading", level=1)).to_have_text(german("Settings"))
    assert mira.http.get("/api/auth/me").json()["locale"] == "de"
    # A text that was written, and not saved, is still there.
    expect(page.get_by_role("textbox", name=german("Status#line of a profile"))).to_have_value(
        "At the sea"
    )

    choice.select_option("العربية")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    choice = page.get_by_role("combobox", name=sayer("ar")("Language"))
    expect(choice).to_have_value("ar")
    choice.select_option("")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("combobox", name="Language")).to_have_value("")
    assert mira.http.get("/api/auth/me").json()["locale"] is None
    assert page.evaluate("document.cookie").count("locale=") == 0


def test_a_language_that_cannot_be_stored_is_not_chosen(mira: Visitor) -> None:
    page = open_settings(mira)
    page.route("**/api/users/me", lambda route: route.abort())

    page.get_by_role("combobox", name="Language").select_option("Deutsch")

    region = page.get_by_role("region", name="Language")
    expect(region.get_by_role("alert")).to_contain_text("The chat cannot be reached")
    expect(page.get_by_role("combobox", name="Language")).to_have_value("")


def test_a_cookie_of_no_language_chooses_none(mira: Visitor) -> None:
    mira.context.add_cookies([{"name": "locale", "value": "de2", "url": mira.url}])

    page = open_settings(mira)

    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("combobox", name="Language")).to_have_value("")
