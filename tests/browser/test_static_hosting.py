"""The front end on a static host, with the chat at another origin of the same site."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.harness import nginx
from tests.harness.chats import Storage, launch_built
from tests.harness.servers import LOOPBACK, ROOT, free_port
from tests.harness.visitors import CHAT, OpenPage, sign_up

SITE = ROOT / "deploy" / "static.conf"


def moved(site: str, *, pages: int, chat: int, folder: Path) -> str:
    """Fill in the placeholders that the file names, and serve without TLS."""
    site = re.sub(r"listen \[::\].*\n|ssl_.*\n", "", site)
    site = site.replace("listen 443 ssl http2", f"listen {LOOPBACK}:{pages}")
    site = site.replace("app.example.org", "localhost").replace("/var/www/chat", str(folder))
    return re.sub(r"(http|ws)s://api\.example\.org", rf"\1://localhost:{chat}", site)


@pytest.fixture(scope="module")
def address(front_end: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the exported pages with nginx, the chat on another port; yield the pages' address."""
    folder = tmp_path_factory.mktemp("static")
    pages, chat = free_port(), free_port()
    address, server = f"http://localhost:{pages}", f"http://localhost:{chat}"
    shutil.copytree(front_end, folder / "pages")
    (folder / "pages" / "server.js").write_text(f'globalThis.chatServer = "{server}";\n')
    settings = {"CHAT_PUBLIC_URL": address, "CHAT_API_URL": server, "CHAT_LIMITS": "off"}
    node = launch_built(Storage("sqlite+memory", "", "", folder), port=chat, **settings)
    site = moved(SITE.read_text(), pages=pages, chat=chat, folder=folder / "pages")
    host = nginx.serve(site, folder / "nginx")
    try:
        node.wait_until_ready()
        host.wait_until(lambda: httpx.get(f"{address}/login").status_code == httpx.codes.OK)
        yield address
    finally:
        host.stop()
        node.stop()


def test_two_people_sign_up_find_each_other_and_write(address: str, new_profile: OpenPage) -> None:
    ada, eve = new_profile(), new_profile()
    sign_up(ada, address, "ada-static")
    sign_up(eve, address, "eve-static")

    ada.get_by_role("searchbox", name="Search people").fill("eve-static")
    found = ada.get_by_role("list", name="People found").get_by_role("listitem")
    found.get_by_role("button", name="Message").click()
    ada.wait_for_url(CHAT)
    ada.get_by_role("textbox", name="Message").fill("Over two origins")
    ada.keyboard.press("Enter")

    eve.get_by_role("navigation", name="Conversations").get_by_role("link").first.click()
    eve.wait_for_url(CHAT)
    for page in (ada, eve):
        log = page.get_by_role("log", name="Messages")
        expect(log.get_by_role("article").filter(has_text="Over two origins")).to_have_count(1)
    expect(ada.get_by_role("img", name="Read")).to_be_visible()

    eve.reload()
    expect(eve.get_by_role("textbox", name="Message")).to_be_visible()
    [cookie] = eve.context.cookies()
    assert cookie["httpOnly"]
    assert "session" not in eve.evaluate("document.cookie")
    eve.goto(f"{address}/settings")
    eve.get_by_role("button", name="Sign out", exact=True).click()
    expect(eve.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_page_is_in_the_language_of_the_browser_or_of_the_cookie(address: str) -> None:
    for path in ("/login", "/chat/0", "/", "/sw.js"):
        for cookie, accepted, language in (
            ("", "de-AT,en;q=0.5", "de"),
            ("locale=ar", "de", "ar"),
            ("locale=en", "de", "en"),
            ("", "den", "en"),
            ("", "fr", "en"),
        ):
            headers = {"Cookie": cookie, "Accept-Language": accepted}
            page = httpx.get(address + path, headers=headers)
            assert page.status_code == httpx.codes.OK
            assert "Accept-Language, Cookie" in page.headers.get_list("vary")
            marks = re.findall(r'<html lang="(\w+)"|"language":"(\w+)"', page.text)
            assert (*marks, ("en", ""))[0] in {(language, ""), ("", language)}, (path, cookie)
