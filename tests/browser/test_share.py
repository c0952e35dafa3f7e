"""Texts that other apps share: they get into a draft, and nowhere else."""

import json
import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_offline import KEPT_LISTS
from tests.harness.clients import PASSWORD
from tests.harness.pages import assert_usable, wait_until
from tests.harness.servers import ROOT
from tests.harness.visitors import PHONE, NewVisitor, OpenPage, Visitor, add_cookies

TEXT = "Look **here** <b>&amp;</b> \u202eand there"
LINK = "https://example.org/a?b=1&c=2"


def share(page: Page, address: str, /, **parts: str) -> None:
    """Open the chat as the system does when another app shares something to it."""
    manifest = json.loads((ROOT / "assets" / "manifest.webmanifest").read_text())
    target = manifest["share_target"]
    assert target["method"] == "GET"
    named = {target["params"][name]: value for name, value in parts.items()}
    page.goto(f"{address}{target['action']}?{urlencode(named)}")


def test_a_shared_text_follows_what_was_begun_and_is_not_sent(
    mira: Visitor, tomas: Visitor
) -> None:
    tomas.post(mira, "Hello")
    conversation_id = mira.open_chat_with(tomas)
    box = mira.page.get_by_role("textbox", name="Message")
    box.fill("I have begun")
    mira.until_draft(conversation_id, "I have begun")
    conversation = mira.page.url

    share(mira.page, mira.url, title="A page", text=TEXT, url=LINK)

    expect(mira.page.get_by_role("group", name="The shared text")).to_have_text(
        f"A page\n{TEXT}\n{LINK}"
    )
    assert mira.page.url == f"{mira.url}/share"
    assert mira.page.evaluate("document.querySelector('chat-share b')") is None
    mira.page.get_by_role("searchbox", name="Share with").press_sequentially("tomas")
    mira.page.keyboard.press("Enter")
    expect(box).to_have_value(f"I have begun\nA page\n{TEXT}\n{LINK}")
    assert mira.page.url == conversation
    assert mira.page.evaluate("sessionStorage.getItem('chat.shared')") is None
    expect(mira.page.get_by_role("log").get_by_role("article")).to_have_count(1)

    mira.page.go_back()
    expect(mira.page.get_by_text("Nothing was shared.")).to_be_visible()


def test_somebody_signed_out_signs_in_and_goes_on(
    address: str, new_profile: OpenPage, mira: Visitor, tomas: Visitor
) -> None:
    page = new_profile(**PHONE)
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    share(page, address, text="for later", url=LINK)

    page.get_by_role("textbox", name="Username").fill(mira.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    assert page.url == f"{address}/login?next=/share"
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("group", name="The shared text")).to_have_text(f"for later\n{LINK}")
    assert_usable(page)
    # A person without a conversation.
    page.get_by_role("searchbox", name="Share with").fill(tomas.username)
    page.get_by_role("button", name=re.compile("Tomas Okafor")).click()
    expect(page.get_by_role("textbox", name="Message")).to_have_value(f"for later\n{LINK}")
    with_text = [one for one in addresses if "later" in one]
    # The address that the system has opened; an installed app's service worker does not send it.
    assert len(with_text) == 1


def test_a_shared_text_can_be_given_up(mira: Visitor) -> None:
    share(mira.page, mira.url, text="never mind")
    mira.page.get_by_role("button", name="Cancel").click()
    expect(mira.page).to_have_url(f"{mira.url}/")
    assert mira.page.evaluate("sessionStorage.getItem('chat.shared')") is None


def test_a_shared_text_is_not_shown_to_the_next_account(mira: Visitor, tomas: Visitor) -> None:
    page = mira.page
    share(page, mira.url, text="of Mira alone")
    expect(page.get_by_role("group", name="The shared text")).to_be_visible()

    add_cookies(mira.context, tomas.http)
    page.goto(mira.url)
    expect(page.get_by_text(f"@{tomas.username}")).to_be_visible()
    page.goto(f"{mira.url}/share")

    expect(page.get_by_text("Nothing was shared.")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('chat.shared')") is None


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ({"title": "Page", "text": f"Page {LINK}", "url": LINK}, f"Page {LINK}"),
        ({"text": "\x00a\x07\r\nb\u0085c"}, "a\nb\nc"),
        ({"title": "A long read", "text": f"A long  read {LINK}"}, f"A long  read {LINK}"),
        ({"url": LINK}, LINK),
        (
            {"title": "Go", "text": "Good news", "url": "https://a.example/a"},
            "Go\nGood news\nhttps://a.example/a",
        ),
        (
            {"text": "see https://a.example/ab", "url": "https://a.example/a"},
            "see https://a.example/ab\nhttps://a.example/a",
        ),
        ({"text": "x" * 5000}, "x" * 5000),
    ],
)
def test_a_shared_text_is_made_clean(mira: Visitor, parts: dict[str, str], shown: str) -> None:
    share(mira.page, mira.url, **parts)
    expect(mira.page.get_by_role("group", name="The shared text")).to_have_text(shown)


def test_a_text_is_shared_without_a_connection_and_stays_on_the_device(
    new_visitor: NewVisitor, tomas: Visitor
) -> None:
    mira = new_visitor("Mira Lind", service_workers="allow")
    tomas.post(mira, "Hello")
    conversation_id = mira.open_chat_with(tomas)
    # Only conversations that were shown are kept for the time without a connection.
    lists = ["conversations", "chats", f"messages:{conversation_id}"]
    wait_until(mira.page, KEPT_LISTS, [mira.user_id, lists])
    mira.page.goto(f"{mira.url}/")
    until_kept(mira.page)
    sent: list[str] = []
    mira.page.context.on("request", lambda request: sent.append(request.url))
    share(mira.page, mira.url, text="with a worker")
    expect(mira.page.get_by_role("group", name="The shared text")).to_be_visible()
    expect(mira.page.get_by_role("button", name=re.compile("Tomas Okafor"))).to_be_visible()
    by_worker = [one for one in sent if one.endswith("/share")]
    assert by_worker

    mira.page.context.set_offline(True)
    share(mira.page, mira.url, text="in a tunnel")
    mira.page.get_by_role("button", name=re.compile("Tomas Okafor")).click()
    expect(mira.page.get_by_role("textbox", name="Message")).to_have_value("in a tunnel")


def until_kept(page: Page) -> None:
    """Wait until the service worker keeps the page for shared texts."""
    is_kept = "async () => Boolean(await (await caches.open('chat-pages')).match('/share'))"
    wait_until(page, is_kept)
