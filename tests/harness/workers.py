"""The service worker of a browser in which no page of the chat is open."""

import json
from typing import Any

from playwright.sync_api import Page

from tests.harness.pages import wait_until

NEXT_NOTES = """async () => {
  for (;;) {
    const notes = await registration.getNotifications();
    const found = notes.map(({ title, body }) => [title, body]);
    if (notes.length && self.seen !== (self.seen = JSON.stringify(found))) return found;
    await new Promise((done) => setTimeout(done, 5));
  }
}"""


class OpenWorker:
    """The service worker of a browser without an open page, reached by its developer tools."""

    def __init__(self, page: Page, url: str) -> None:
        self._url = url
        wait_until(page, "() => navigator.serviceWorker.controller !== null")
        [self.worker] = page.context.service_workers
        found: list[dict[str, Any]] = []
        self._cdp = page.context.new_cdp_session(page)
        event = "ServiceWorker.workerRegistrationUpdated"
        self._cdp.on(event, lambda updated: found.extend(updated["registrations"]))
        self._cdp.send("ServiceWorker.enable")
        while not found:
            page.wait_for_timeout(20)
        self._id = found[-1]["registrationId"]

    def push(self, content: dict[str, Any]) -> None:
        """Hand a push to the worker, as the browser does."""
        push = {"origin": self._url, "registrationId": self._id, "data": json.dumps(content)}
        self._cdp.send("ServiceWorker.deliverPushMessage", push)

    def until_shown(self, body: str) -> None:
        """Wait until a notification with this text is shown."""
        self.worker.evaluate(
            """async (body) => {
              const notes = () => registration.getNotifications();
              const texts = async () => (await notes()).map((one) => one.body);
              const pause = () => new Promise((done) => setTimeout(done, 5));
              while (!(await texts()).includes(body)) await pause();
            }""",
            body,
        )

    def next_notes(self) -> list[list[str]]:
        """Wait until the notifications have changed; return the title and the body of each."""
        found: list[list[str]] = self.worker.evaluate(NEXT_NOTES)
        return found

    def click(self) -> None:
        """Click the only notification; no window can be opened without a real click."""
        self.worker.evaluate(
            """async () => {
              self.opened = [];
              clients.openWindow = async (address) => void self.opened.push(address);
              const [notification] = await registration.getNotifications();
              self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
            }"""
        )

    def opened(self) -> list[str]:
        """Wait until a window was opened, and return the addresses of all."""
        found: list[str] = self.worker.evaluate(
            """async () => {
              while (!self.opened.length) await new Promise((done) => setTimeout(done, 5));
              return self.opened;
            }"""
        )
        return found
