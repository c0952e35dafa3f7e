"""The chat from its local network: at the machine's own address, over plain HTTP."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from chat_app.core.own_origins import linked_origin
from chat_app.core.qr_code import picture_address
from chat_app.core.settings import Settings
from tests.harness.chats import Storage, launch_built
from tests.harness.clients import OWNER, PASSWORD, new_username, page_client, register_owner
from tests.harness.servers import free_port
from tests.harness.visitors import CHAT, PHONE, NewDevice, NewVisitor, OpenPage, Visitor, sign_up

# A browser of another machine is in no chat of several processes here.
pytestmark = pytest.mark.one_process

EVERY_ADDRESS = ""
TAB = "/_event/?EIO=4&transport=websocket"
ABSENT = """() => [
  "isSecureContext" in window && !isSecureContext,
  !crypto.randomUUID, !crypto.subtle, !navigator.locks, !navigator.serviceWorker,
  !navigator.clipboard, !navigator.mediaDevices, !globalThis.caches,
]"""


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port of this module's chat."""
    return free_port()


@pytest.fixture(scope="module")
def home(port: int) -> str:
    """Return the address that the machine itself uses."""
    return f"http://localhost:{port}"


@pytest.fixture(scope="module")
def address(
    front_end: Path, tmp_path_factory: pytest.TempPathFactory, home: str, port: int
) -> Iterator[str]:
    """Serve the chat to the local network; yield its address there."""
    del front_end
    address = linked_origin(Settings(public_url=home, local_network="on"))
    assert address != home, "connect this machine to a network: it has no address but its own"
    folder = tmp_path_factory.mktemp("network")
    settings = {"CHAT_PUBLIC_URL": home, "CHAT_LOCAL_NETWORK": "on", "CHAT_LIMITS": "off"}
    chat = launch_built(
        Storage("sqlite+memory", "", "", folder), port=port, TEST_HOST=EVERY_ADDRESS, **settings
    )
    try:
        chat.wait_until_ready()
        register_owner(address)
        yield address
    finally:
        chat.stop()


@pytest.fixture
def mira(new_visitor: NewVisitor) -> Visitor:
    """Return a person at a phone in the local network."""
    return new_visitor("Mira Lind", **PHONE)


def write(page: Page, text: str) -> None:
    """Write a message in the open conversation."""
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("textbox", name="Message").press("Enter")


def expect_message(page: Page, text: str) -> None:
    """Wait until a message is in the open conversation, once."""
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_role("article").filter(has_text=text)).to_have_count(1)


def test_a_phone_and_the_machine_itself_write_to_one_another(
    address: str, home: str, new_profile: OpenPage
) -> None:
    phone, desk = new_profile(**PHONE), new_profile()
    sign_up(phone, address, new_username())
    name = new_username()
    sign_up(desk, home, name)
    assert all(phone.evaluate(ABSENT)), "this must be no secure context"
    assert desk.evaluate("isSecureContext")

    phone.get_by_role("searchbox", name="Search people").fill(name)
    found = phone.get_by_role("list", name="People found").get_by_role("listitem")
    found.get_by_role("button", name="Message").click()
    phone.wait_for_url(CHAT)
    write(phone, "From the phone")
    desk.get_by_role("navigation", name="Conversations").get_by_role("link").first.click()
    desk.wait_for_url(CHAT)
    expect_message(desk, "From the phone")
    write(desk, "From the desk")

    expect_message(phone, "From the desk")
    expect(phone.get_by_role("img", name="Read")).to_be_visible()
    expect(phone.get_by_text("This address does not work")).to_have_count(0)


def test_two_tabs_send_what_waits_once_and_in_order(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    other = mira.context.new_page()
    other.goto(mira.page.url)
    expect(other.get_by_role("textbox", name="Message")).to_be_visible()
    texts = [f"Waiting {number}" for number in range(6)]
    mira.context.set_offline(True)
    for text in texts[:3]:
        mira.write(text)
    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(3)
    for text in texts[3:]:
        write(other, text)
    expect(other.get_by_role("img", name="Queued")).to_have_count(6)

    mira.context.set_offline(False)

    for page in (mira.page, other):
        expect(page.get_by_role("img", name="Queued")).to_have_count(0)
        expect(page.get_by_role("article")).to_have_count(6)
    reply = tomas.http.get(f"/api/conversations/{conversation_id}/messages")
    stored = [message["content"] for message in reply.json()["items"]]
    assert sorted(stored) == texts
    for half in (texts[:3], texts[3:]):
        assert [text for text in stored if text in half] == half


def test_files_and_drafts_work(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    with mira.page.expect_file_chooser() as chooser:
        mira.page.get_by_role("button", name="Attach files").click()
    chooser.value.set_files({"name": "list.txt", "mimeType": "text/plain", "buffer": b"Bread"})
    mira.write("The list")
    tomas.page.goto(f"{tomas.url}/chat/{conversation_id}")
    link = tomas.log.get_by_role("link", name="list.txt")
    with tomas.page.expect_download() as download:
        link.click()
    assert download.value.path().read_bytes() == b"Bread"

    mira.box.fill("Begun")
    mira.until_draft(conversation_id, "Begun")
    mira.page.reload()

    expect(mira.box).to_have_value("Begun")
    expect(mira.page.get_by_role("button", name="Record a voice message")).to_have_count(0)


def test_an_invitation_names_the_address_that_a_phone_can_open(
    mira: Visitor, new_profile: OpenPage, address: str
) -> None:
    body = {"kind": "group", "title": "Garden", "member_ids": []}
    group = mira.http.post("/api/conversations", json=body).raise_for_status().json()
    mira.page.goto(f"{mira.url}/chat/{group['id']}")
    mira.page.get_by_role("button", name="Group details").click()
    mira.page.get_by_role("button", name="Invite link").click()
    link = mira.page.get_by_role("textbox", name="Link to this group")
    expect(link).to_have_value(re.compile(rf"^{re.escape(address)}/invite/"))
    mira.page.get_by_role("button", name="Copy").click()
    expect(mira.page.get_by_text("Copied.")).to_be_visible()
    url = link.input_value()
    mira.page.goto(f"{mira.url}/chat/{group['id']}")
    mira.box.press("Control+V")
    expect(mira.box).to_have_value(url)

    page = new_profile(**PHONE)
    page.goto(url)
    page.get_by_role("link", name="Create an account").click()
    page.get_by_role("textbox", name="Username").fill(new_username())
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()

    page.wait_for_url(CHAT)
    write(page, "I am in")
    members = mira.http.get(f"/api/conversations/{group['id']}").json()["members_count"]
    assert members == 2


def test_links_made_at_the_machine_itself_name_its_address(
    mira: Visitor, address: str, home: str
) -> None:
    with page_client(home) as owner:
        body = {"username": OWNER, "password": PASSWORD}
        owner.post("/api/auth/login", json=body).raise_for_status()
        made = owner.post("/api/admin/invites", json={}).raise_for_status().json()
        reset = owner.post(f"/api/admin/users/{mira.user_id}/reset").raise_for_status().json()

    assert made["url"] == f"{address}/invite/{made['token']}"
    assert made["qr"] == picture_address(made["url"])
    assert reset["url"].startswith(f"{address}/reset/")


def test_the_settings_say_what_needs_https(mira: Visitor, new_device: NewDevice, home: str) -> None:
    words = "Browsers show notifications only where the address of the chat begins with https."
    mira.page.goto(f"{mira.url}/settings")
    expect(mira.page.get_by_role("switch", name="Push notifications")).to_be_disabled()
    expect(mira.page.get_by_text(words)).to_have_count(2)
    expect(mira.page.get_by_role("region", name="App")).to_have_count(0)

    at_home = new_device(replace(mira, url=home))
    at_home.goto(f"{home}/settings")

    expect(at_home.get_by_role("switch", name="Push notifications")).to_be_enabled()
    expect(at_home.get_by_text(words)).to_have_count(0)
    expect(at_home.get_by_role("region", name="App")).to_be_visible()


def foreign_origins(address: str, port: int) -> list[str]:
    """Return origins of pages that are not ours, some of which look like it."""
    host = address.partition("//")[2].removesuffix(f":{port}")
    return [
        f"http://evil.example:{port}",
        f"http://laptop.local:{port}",
        f"http://{host}.nip.io:{port}",
        f"http://{host}:{port + 1}",
        f"https://{host}:{port}",
        "http://10.99.99.99",
        "null",
    ]


def registration(url: str, origin: str, **headers: str) -> int:
    """Return the status of a registration that names an origin."""
    with page_client(url, Origin=origin, **headers) as page:
        body = {"username": new_username(), "password": PASSWORD}
        return page.post("/api/auth/register", json=body).status_code


def upgrade(url: str, path: str, origin: str, cookie: str = "") -> int:
    """Return the status of an upgrade to a WebSocket that names an origin."""
    headers = {"Cookie": cookie} if cookie else {}
    try:
        address = url.replace("http", "ws", 1) + path
        with connect(address, origin=Origin(origin), additional_headers=headers):
            return httpx.codes.SWITCHING_PROTOCOLS
    except InvalidStatus as refusal:
        return refusal.response.status_code


@pytest.mark.parametrize("path", ["/ws", TAB])
def test_only_the_own_address_opens_sockets(
    mira: Visitor, address: str, home: str, port: int, path: str
) -> None:
    [cookie] = mira.http.cookies.jar
    signed_in = f"{cookie.name}={cookie.value}"

    assert upgrade(address, path, address, signed_in) == httpx.codes.SWITCHING_PROTOCOLS
    assert upgrade(home, path, home, signed_in) == httpx.codes.SWITCHING_PROTOCOLS
    for origin in foreign_origins(address, port):
        assert upgrade(address, path, origin, signed_in) == httpx.codes.FORBIDDEN, origin
    # An address counts only where the request came in by it.
    assert upgrade(home, path, address, signed_in) == httpx.codes.FORBIDDEN


def test_only_the_own_address_changes_things(
    mira: Visitor, address: str, home: str, port: int
) -> None:
    assert registration(address, address) == httpx.codes.CREATED
    assert registration(home, home) == httpx.codes.CREATED
    assert registration(home, address) == httpx.codes.FORBIDDEN
    for origin in foreign_origins(address, port):
        assert registration(address, origin) == httpx.codes.FORBIDDEN, origin
        host = origin.partition("//")[2]
        if host:
            # As after DNS rebinding, where the browser takes the chat for that site.
            assert registration(address, origin, Host=host) == httpx.codes.FORBIDDEN, origin
        reply = mira.http.post("/api/auth/logout", headers={"Origin": origin})
        assert reply.status_code == httpx.codes.FORBIDDEN, origin
    assert mira.http.get("/api/auth/me").status_code == httpx.codes.OK


def test_a_page_is_told_the_address_that_its_device_can_open(
    address: str, home: str, port: int
) -> None:
    named = {
        (address, ""): address,
        (home, ""): home,
        (address, f"laptop.local:{port}"): address,
    }
    for (url, host), right in named.items():
        headers = {"Host": host} if host else {}
        assert f'chatHome = "{right}"' in httpx.get(f"{url}/home.js", headers=headers).text

    policy = httpx.get(f"{address}/login").headers["content-security-policy"]
    assert address.replace("http", "ws", 1) in policy.split("connect-src")[1].split(";")[0]
