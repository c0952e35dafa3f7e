"""What people wrote and a browser still keeps: the records of the pages' database."""

import time
from typing import Any

from playwright.sync_api import Page

from tests.harness.pages import PATIENCE_MS

READ = """
(store) => new Promise((done, fail) => {
  const opening = indexedDB.open("chat-unsent");
  opening.onupgradeneeded = () => opening.transaction.abort();
  opening.onerror = () => done([]);
  opening.onsuccess = () => {
    const reading = opening.result.transaction(store).objectStore(store).getAll();
    reading.onerror = () => fail(reading.error);
    reading.onsuccess = () => { opening.result.close(); done(reading.result); };
  };
})
"""
PUT = """
([store, records]) => new Promise((done, fail) => {
  const opening = indexedDB.open("chat-unsent");
  opening.onsuccess = () => {
    const writing = opening.result.transaction(store, "readwrite");
    for (const record of records) writing.objectStore(store).put(record);
    writing.onerror = () => fail(writing.error);
    writing.oncomplete = () => { opening.result.close(); done(); };
  };
})
"""


def unsent_messages(page: Page) -> list[dict[str, Any]]:
    """Return the messages that wait in this browser, of all its users, in their order."""
    records: list[dict[str, Any]] = page.evaluate(READ, "outbox")
    return records


def kept_drafts(page: Page) -> list[dict[str, Any]]:
    """Return the drafts of this browser, of all its users."""
    records: list[dict[str, Any]] = page.evaluate(READ, "drafts")
    return records


def put_records(page: Page, store: str, records: list[dict[str, Any]]) -> None:
    """Store records as they are; the pages must have opened their database."""
    page.evaluate(PUT, [store, records])


def until_kept(page: Page, *texts: str) -> None:
    """Wait until the browser has stored drafts with these texts."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not {*texts} <= {draft["text"] for one in kept_drafts(page) for draft in one["drafts"]}:
        assert time.monotonic() < end, kept_drafts(page)
        page.wait_for_timeout(50)
