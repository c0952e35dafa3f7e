"""Push in a browser: the switches, what the service worker shows, and the installed app."""

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.harness import programs
from tests.harness.chats import Storage, launch_built
from tests.harness.clients import PASSWORD
from tests.harness.pages import wait_until
from tests.harness.push import PushServer, trust_push_server
from tests.harness.visitors import NewVisitor, Visitor

# The browsers of the tests have no push service: this one is made of the keys of a test.
SUBSCRIBE = """(subscription) => {
  // A headless browser says "denied" whatever was granted to it.
  Object.defineProperty(Notification, "permission", { get: () => "granted" });
  // It outlives the page, as a real one does.
  const made = (key) => ({
    options: { applicationServerKey: Uint8Array.from(key).buffer },
    toJSON: () => subscription,
    unsubscribe: async () => {
      localStorage.removeItem("subscribed");
      localStorage.setItem("unsubscribed", "yes");
    },
  });
  PushManager.prototype.getSubscription = async () => {
    const key = localStorage.getItem("subscribed");
    return key ? made(JSON.parse(key)) : null;
  };
  PushManager.prototype.subscribe = async ({ applicationServerKey, userVisibleOnly }) => {
    if (!userVisibleOnly) throw new Error("Chromium demands it");
    localStorage.setItem("subscribed", JSON.stringify([...applicationServerKey]));
    return made(applicationServerKey);
  };
}"""
NOTES = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({ title, body, tag }) => ({ title, body, tag }))"""
OFFER = """() => {
  const offer = new Event("beforeinstallprompt", { cancelable: true });
  offer.prompt = async () => { window.isAsked = true; return { outcome: "accepted" }; };
  window.dispatchEvent(offer);
  return offer.defaultPrevented;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield Chromium as people use it: its headless shell has no notifications."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=programs.chromium(), args=[*programs.CHROMIUM_SWITCHES]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def profiles_are_kept() -> bool:
    """Return that no other test may use the profiles: they have a service worker."""
    return False


class Service:
    """A push service that runs in a thread of its own."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._ended: asyncio.Event
        self.server: PushServer
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        self._started.wait()

    async def _run(self) -> None:
        self._ended = asyncio.Event()
        async with PushServer.running() as self.server:
            self._started.set()
            await self._ended.wait()

    def stop(self) -> None:
        """Stop it."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def next_for(self, name: str, count: int) -> list[dict[str, Any]]:
        """Wait until so many pushes have come for a browser; return all of them."""
        waiting = self.server.next_for(name, count)
        return asyncio.run_coroutine_threadsafe(waiting, self._loop).result()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Yield a push service that chats trust."""
    running = Service()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def storage_of_chat(tmp_path_factory: pytest.TempPathFactory) -> Storage:
    """Return the storage of the chat of these tests."""
    return Storage("sqlite+memory", "", "", tmp_path_factory.mktemp("push"))


@pytest.fixture(scope="module")
def address(front_end: Path, service: Service, storage_of_chat: Storage) -> Iterator[str]:
    """Yield the address of a chat that pushes to this service."""
    assert front_end.is_dir()
    assert service.server.port
    with pytest.MonkeyPatch.context() as patch:
        trust_push_server(patch)
        chat = launch_built(storage_of_chat, CHAT_LIMITS="off", CHAT_PUSH_HOSTS="127.0.0.1")
    try:
        chat.wait_until_ready()
        yield chat.url
    finally:
        chat.stop()


Subscribe = Callable[[str], Visitor]


@pytest.fixture
def subscriber(new_visitor: NewVisitor, service: Service) -> Subscribe:
    """Return a function that registers somebody and switches push on in their browser."""

    def subscribe(name: str) -> Visitor:
        mira = new_visitor("Mira Lind", service_workers="allow", permissions=["notifications"])
        subscription = service.server.browser(name).subscription
        mira.page.add_init_script(f"({SUBSCRIBE})({json.dumps(subscription)})")
        mira.page.goto(f"{mira.url}/settings")
        switch = mira.page.get_by_role("switch", name="Push notifications")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        return mira

    return subscribe


def until_visible(storage: Storage, page: Page, name: str, *, visible: bool) -> None:
    """Wait until the chat has noted whether a tab of a subscribed browser is visible."""
    asked = "SELECT visible_until FROM push_subscription WHERE endpoint LIKE ?"
    while True:
        with closing(sqlite3.connect(storage.folder / "chat.db")) as database:
            [until] = database.execute(asked, [f"%/{name}"]).fetchone()
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        if (until is not None and until > now) == visible:
            return
        page.wait_for_timeout(50)


def leave(storage: Storage, page: Page, name: str) -> None:
    """Leave the page of a subscribed browser; wait until the chat knows that nobody sees it.

    A page that is left before the chat has noted it would be noted once it has gone.
    """
    until_visible(storage, page, name, visible=True)
    page.goto("about:blank")
    until_visible(storage, page, name, visible=False)


def deliver(page: Page, url: str, content: dict[str, Any]) -> None:
    """Let the browser's push service hand a push to the service worker, while no tab is open."""
    page.goto("about:blank")
    found: list[dict[str, Any]] = []
    cdp = page.context.new_cdp_session(page)
    event = "ServiceWorker.workerRegistrationUpdated"
    cdp.on(event, lambda updated: found.extend(updated["registrations"]))
    cdp.send("ServiceWorker.enable")
    while not found:
        page.wait_for_timeout(20)
    push = {
        "origin": url,
        "registrationId": found[-1]["registrationId"],
        "data": json.dumps(content),
    }
    cdp.send("ServiceWorker.deliverPushMessage", push)
    cdp.detach()
    page.goto(f"{url}/settings")


def test_a_closed_chat_shows_a_push_and_withdraws_it(
    subscriber: Subscribe, tomas: Visitor, service: Service, storage_of_chat: Storage
) -> None:
    mira = subscriber("phone")
    page = mira.page
    laptop = service.server.browser("laptop").subscription
    with httpx.Client(base_url=mira.url, headers={"Origin": mira.url}) as elsewhere:
        account = {"username": mira.username, "password": PASSWORD}
        elsewhere.post("/api/auth/login", json=account).raise_for_status()
        elsewhere.put("/api/push/subscriptions", json=laptop).raise_for_status()
    show_text = page.get_by_role("switch", name="Show message text")
    show_text.click()
    expect(show_text).to_have_attribute("aria-checked", "true")

    until_visible(storage_of_chat, page, "phone", visible=True)
    tomas.post(mira, "Seen in the tab")
    # Then the chat has decided for all devices.
    service.next_for("laptop", 1)
    leave(storage_of_chat, page, "phone")
    sent = tomas.post(mira, "Are you there?")

    [content] = service.next_for("phone", 1)
    assert content["message_id"] == sent["id"]
    deliver(page, mira.url, content)
    wait_until(page, f"async () => (await ({NOTES})()).length === 1")
    [note] = page.evaluate(NOTES)
    assert note == {
        "title": "Tomas Okafor",
        "body": "Are you there?",
        "tag": sent["conversation_id"],
    }

    path = f"/api/conversations/{sent['conversation_id']}/read"
    leave(storage_of_chat, page, "phone")
    mira.http.post(path, json={"seq": sent["seq"]}).raise_for_status()
    withdrawn = service.next_for("phone", 2)[-1]
    assert (withdrawn["type"], withdrawn["unread"]) == ("read", 0)
    deliver(page, mira.url, withdrawn)
    wait_until(page, f"async () => (await ({NOTES})()).length === 0")


def show_note(page: Page, conversation_id: str) -> None:
    """Show a notification as the service worker does."""
    page.evaluate(
        """async (id) => (await navigator.serviceWorker.ready)
          .showNotification("Tomas", { tag: id, data: { conversation_id: id, unread: 1 } })""",
        conversation_id,
    )
    wait_until(page, f"async () => (await ({NOTES})()).length === 1")


def test_a_notification_goes_when_its_conversation_is_read_in_the_page(
    subscriber: Subscribe, tomas: Visitor
) -> None:
    mira = subscriber("read-here")
    page = mira.page
    sent = tomas.post(mira, "Are you there?")
    page.goto(mira.url)
    unread = mira.conversations.get_by_role("link").filter(has_text="Are you there?")
    expect(unread).to_have_accessible_name(re.compile("1 unread"))
    show_note(page, sent["conversation_id"])

    unread.click()

    wait_until(page, f"async () => (await ({NOTES})()).length === 0")


def test_nothing_of_an_account_is_shown_to_the_next_one(
    subscriber: Subscribe, tomas: Visitor
) -> None:
    mira = subscriber("shared")
    page = mira.page
    key = f"chat.push.{mira.user_id}"
    assert page.evaluate("key => localStorage.getItem(key)", key)
    sent = tomas.post(mira, "For Mira")
    show_note(page, sent["conversation_id"])

    # Another tab of the browser signs somebody else in.
    account = {"username": tomas.username, "password": PASSWORD}
    reply = page.evaluate(
        """async (account) => {
          const headers = { "Content-Type": "application/json" };
          const body = JSON.stringify(account);
          return (await fetch("/api/auth/login", { method: "POST", headers, body })).status;
        }""",
        account,
    )
    assert reply == 200
    page.goto(f"{mira.url}/settings")

    expect(page.get_by_text(f"@{tomas.username}").first).to_be_visible()
    wait_until(page, "() => localStorage.getItem('unsubscribed') === 'yes'")
    wait_until(page, f"async () => (await ({NOTES})()).length === 0")
    wait_until(page, "key => localStorage.getItem(key) === null", key)


def test_a_browser_whose_session_has_ended_shows_nothing_until_the_next_sign_in(
    subscriber: Subscribe, tomas: Visitor
) -> None:
    mira = subscriber("ended")
    page = mira.page
    sent = tomas.post(mira, "Not for a finder")
    show_note(page, sent["conversation_id"])
    with httpx.Client(base_url=mira.url, headers={"Origin": mira.url}) as elsewhere:
        account = {"username": mira.username, "password": PASSWORD}
        elsewhere.post("/api/auth/login", json=account).raise_for_status()
        [other] = [
            one["id"]
            for one in elsewhere.get("/api/auth/sessions").json()["items"]
            if not one["current"]
        ]
        elsewhere.delete(f"/api/auth/sessions/{other}").raise_for_status()

    page.wait_for_url("**/login**")

    wait_until(page, "() => localStorage.getItem('unsubscribed') === 'yes'")
    wait_until(page, f"async () => (await ({NOTES})()).length === 0")
    page.get_by_label("Username").fill(mira.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    with page.expect_response("**/api/push/subscriptions") as subscribed:
        page.get_by_role("button", name="Sign in").click()
    assert subscribed.value.status in (200, 201)


def test_a_refused_subscription_says_why(subscriber: Subscribe) -> None:
    mira = subscriber("refused")
    switch = mira.page.get_by_role("switch", name="Push notifications")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    problem = {"code": "endpoint_refused", "detail": "This push service cannot be used."}
    mira.page.route(
        "**/api/push/subscriptions",
        lambda route: route.fulfill(
            status=422, content_type="application/problem+json", body=json.dumps(problem)
        ),
    )

    switch.click()

    expect(mira.page.get_by_text(problem["detail"])).to_be_visible()
    expect(switch).to_have_attribute("aria-checked", "false")


def test_a_reset_link_is_not_kept_under_its_address(new_visitor: NewVisitor) -> None:
    mira = new_visitor("Mira Lind", service_workers="allow")
    page = mira.page
    page.goto(f"{mira.url}/settings")
    wait_until(page, "() => navigator.serviceWorker.controller !== null")
    page.goto(f"{mira.url}/reset/a-secret-of-43-letters")
    wait_until(page, "async () => (await caches.match('/reset/')) !== undefined")
    names = page.evaluate(
        "async () => (await (await caches.open('chat-pages')).keys()).map(({ url }) => url)"
    )
    assert not [name for name in names if "a-secret" in name]


def test_signing_out_ends_push_in_the_browser(subscriber: Subscribe) -> None:
    mira = subscriber("leaving")
    key = f"chat.push.{mira.user_id}"
    assert mira.page.evaluate("key => localStorage.getItem(key)", key)

    mira.page.get_by_role("button", name="Sign out", exact=True).first.click()
    mira.page.wait_for_url("**/login")

    assert mira.page.evaluate("localStorage.getItem('unsubscribed')") == "yes"
    assert mira.page.evaluate("key => localStorage.getItem(key)", key) is None


def test_push_is_switched_off_again(subscriber: Subscribe) -> None:
    mira = subscriber("off")
    switch = mira.page.get_by_role("switch", name="Push notifications")
    # It is told anew by the next page, too.
    mira.page.reload()
    expect(switch).to_have_attribute("aria-checked", "true")

    switch.click()

    expect(switch).to_have_attribute("aria-checked", "false")
    assert mira.page.evaluate("localStorage.getItem('unsubscribed')") == "yes"


def test_quiet_hours_are_those_of_the_time_zone_of_the_browser(new_visitor: NewVisitor) -> None:
    mira = new_visitor("Mira Lind", timezone_id="Europe/Lisbon")
    page = mira.page
    page.goto(f"{mira.url}/settings")
    switch = page.get_by_role("switch", name="Quiet hours")

    switch.click()
    page.get_by_label("From", exact=True).fill("23:30")
    page.get_by_label("From", exact=True).blur()
    hours = {"from": "23:30", "to": "07:00", "time_zone": "Europe/Lisbon"}
    while mira.http.get("/api/auth/me").json()["quiet_hours"] != hours:
        page.wait_for_timeout(50)

    expect(page.get_by_label("From", exact=True)).to_have_value("23:30")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    assert mira.http.get("/api/auth/me").json()["quiet_hours"] is None


def test_the_chat_can_be_installed(mira: Visitor) -> None:
    page = mira.page
    page.goto(f"{mira.url}/settings")
    manifest = mira.http.get(page.locator("link[rel=manifest]").get_attribute("href") or "")
    assert manifest.headers["content-type"].startswith("application/manifest+json")
    icons = [one["src"] for one in manifest.json()["icons"]]
    icons.append(page.locator("link[rel=apple-touch-icon]").get_attribute("href"))
    for path in icons:
        icon = mira.http.get(path)
        assert (icon.status_code, icon.headers["content-type"][:6]) == (200, "image/"), path

    install = page.get_by_role("button", name="Install")
    install.click()
    expect(page.get_by_text("Your browser installs the chat from its own menu")).to_be_visible()
    assert page.evaluate(OFFER)
    install.click()
    wait_until(page, "() => window.isAsked === true")
