"""A browser whose service worker and pages are of another version than the chat, and back again."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.test_static_hosting import SITE, moved
from tests.harness import nginx
from tests.harness.builds import copy_build, policy_of
from tests.harness.chats import Storage, launch_built
from tests.harness.clients import PASSWORD, PATIENCE_S, page_client
from tests.harness.pages import wait_until
from tests.harness.servers import free_port
from tests.harness.visitors import CHAT, OpenPage, sign_up

# The worker of a build serves this page, and has kept the files of the others.
IS_KEPT = """async (build) => {
  // The last one of the pages, which come after the files.
  const page = await (await caches.open("chat-pages")).match("/chat/", { ignoreVary: true });
  const share = await (await caches.open("chat-pages")).match("/share", { ignoreVary: true });
  for (const one of [page, share]) {
    if (!(await one?.text())?.includes(`data-build="${build}"`)) return false;
  }
  return navigator.serviceWorker.controller !== null;
}"""

WORKER = """async () => {
  const { waiting } = await navigator.serviceWorker.ready;
  return [await (await fetch("/build")).text(), waiting?.state ?? ""];
}"""

Switch = Callable[[str], None]


@pytest.fixture
def profiles_are_kept() -> bool:
    """Return that no other test may use the profiles: they have a service worker."""
    return False


@pytest.fixture(scope="module")
def folder(front_end: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two builds, `old` and `newer`."""
    made = tmp_path_factory.mktemp("upgrades")
    # Of different lengths: for nginx, files of one length and second are equal.
    for name in ("old", "newer"):
        copy_build(front_end, made / name, name)
    return made


@pytest.fixture
def switch(folder: Path) -> Switch:
    """Return a function that puts the pages of a build in the place of those that are served."""

    def put(name: str) -> None:
        (folder / "next").symlink_to(folder / name)
        (folder / "next").replace(folder / "pages")

    return put


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Serve the pages with nginx, the chat on another port; yield the pages' address."""
    pages, chat = free_port(), free_port()
    address, server = f"http://localhost:{pages}", f"http://localhost:{chat}"
    for name in ("old", "newer"):
        (folder / name / "server.js").write_text(f'globalThis.chatServer = "{server}";\n')
    (folder / "sources.conf").write_text(policy_of(folder / "old", folder / "newer"))
    settings = {"CHAT_PUBLIC_URL": address, "CHAT_API_URL": server, "CHAT_LIMITS": "off"}
    node = launch_built(Storage("sqlite+memory", "", "", folder), port=chat, **settings)
    site = moved(SITE.read_text(), pages=pages, chat=chat, folder=folder / "pages")
    site = site.replace(f"{folder}/pages/script-sources.conf", f"{folder}/sources.conf")
    host = nginx.serve(site, folder / "nginx")
    try:
        node.wait_until_ready()
        yield address
    finally:
        host.stop()
        node.stop()


def until_worker(page: Page, build: str) -> None:
    """Wait until the worker of a build answers the page, or is installed and next.

    Chromium lets the one before end its work, for minutes where the machine is busy.
    """
    end = time.monotonic() + PATIENCE_S
    while True:
        name, next_one = page.evaluate(WORKER)
        if name == build or next_one == "installed":
            return
        assert time.monotonic() < end, f"the worker of {build} does not come"
        # A worker that has no pause is not replaced.
        page.wait_for_timeout(500)


def note_loads(page: Page) -> list[str]:
    """Note from now on the address of the page whenever it is loaded."""
    loads: list[str] = []
    page.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    return loads


def test_nothing_is_lost_on_the_way_to_another_version_and_back(
    address: str, switch: Switch, new_profile: OpenPage
) -> None:
    switch("old")
    page = new_profile(service_workers="allow")
    sign_up(page, address, "ada-upgrades")
    server = str(page.evaluate("globalThis.chatServer"))
    with page_client(server, Origin=address) as eve:
        account = {"username": "eve-upgrades", "password": PASSWORD, "tokens": False}
        eve.post("/api/auth/register", json=account).raise_for_status()
        page.get_by_role("searchbox", name="Search people").fill("eve-upgrades")
        found = page.get_by_role("list", name="People found").get_by_role("listitem")
        found.get_by_role("button", name="Message").click()
        page.wait_for_url(CHAT)
        wait_until(page, IS_KEPT, "old")
        box, log = page.get_by_role("textbox", name="Message"), page.get_by_role("log")
        # Not by a route of the test, whose requests keep the worker busy: it would not be replaced.
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.setBlockedURLs", {"urls": ["*/api/messages"]})
        box.fill("Waits in the outbox")
        box.press("Enter")
        expect(log.get_by_role("img", name="Queued")).to_be_visible()
        box.fill("Half written")
        chat = page.url
        loads = note_loads(page)

        for number, build in enumerate(("newer", "old", "newer"), start=1):
            switch(build)
            # A page whose files are gone may load itself again at the same moment.
            with contextlib.suppress(Error):
                page.reload()

            expect(page.locator("html")).to_have_attribute("data-build", build)
            expect(box).to_have_value("Half written")
            expect(log.get_by_role("article")).to_have_count(1)
            expect(log.get_by_role("img", name="Queued")).to_be_visible()
            wait_until(page, IS_KEPT, build)
            until_worker(page, build)
            # By itself it does so once in ten minutes.
            assert loads in ([chat] * number, [chat] * (number + 1))

        network.send("Network.setBlockedURLs", {"urls": []})
        expect(log.get_by_role("img", name=re.compile("Sent|Delivered"))).to_be_visible()
        expect(box).to_have_value("Half written")
        path = f"/api/conversations/{chat.rpartition('/')[2]}/messages"
        items = eve.get(path).raise_for_status().json()["items"]
        assert [one["content"] for one in items] == ["Waits in the outbox"]
        assert len(loads) <= number + 1


def test_an_old_tab_goes_on_or_loads_the_new_version_once(
    address: str, switch: Switch, new_profile: OpenPage
) -> None:
    switch("old")
    page = new_profile(service_workers="allow")
    sign_up(page, address, "ben-upgrades")
    wait_until(page, IS_KEPT, "old")
    loads = note_loads(page)

    switch("newer")
    for name, region in (("People", "Friends"), ("Settings", "Devices"), ("People", "Friends")):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("region", name=region)).to_be_visible()

    assert len(loads) <= 1, loads


def test_the_new_version_opens_without_a_connection(
    address: str, switch: Switch, new_profile: OpenPage
) -> None:
    switch("old")
    page = new_profile(service_workers="allow")
    sign_up(page, address, "cem-upgrades")
    wait_until(page, IS_KEPT, "old")
    switch("newer")
    page.reload()
    wait_until(page, IS_KEPT, "newer")

    page.context.set_offline(True)
    page.reload()

    expect(page.get_by_role("searchbox", name="Search people")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-build", "newer")
