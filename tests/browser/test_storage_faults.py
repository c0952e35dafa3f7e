"""Trust 6 in the browser: what the chat cannot store waits there, and is sent afterwards."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visitor

SENT_WITHIN_MS = 40_000


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the one write lock of the chat's database, as another program may."""
    (file,) = folder.glob("*.db")
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_what_cannot_be_stored_waits_and_arrives_once(
    built_folder: Path, mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    queued = mira.log.get_by_role("img", name="Queued")
    with locked(built_folder), mira.page.expect_response("**/api/messages") as refused:
        mira.write("First")
        mira.write("Second")
        expect(queued).to_have_count(2)
    assert refused.value.status == 503
    expect(mira.log.get_by_role("img", name="Failed")).to_have_count(0)

    sent = mira.log.get_by_role("img", name="Sent")
    delivered = mira.log.get_by_role("img", name="Delivered").or_(sent)
    read = mira.log.get_by_role("img", name="Read").or_(delivered)
    expect(read).to_have_count(2, timeout=SENT_WITHIN_MS)
    expect(tomas.log.get_by_role("article")).to_have_count(2)
    expect(tomas.log.get_by_role("article").first).to_contain_text("First")
    expect(tomas.log.get_by_role("article").last).to_contain_text("Second")
