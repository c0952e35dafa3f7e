"""Storage faults in the browser: messages are queued while the chat cannot store them."""

import contextlib
from collections.abc import Iterator

from anyio.from_thread import start_blocking_portal
from playwright.sync_api import expect

from tests.harness.chats import Storage
from tests.harness.faults import locked_file, locked_tables
from tests.harness.visitors import Visitor

SENT_WITHIN_MS = 40_000


@contextlib.contextmanager
def locked(storage: Storage) -> Iterator[None]:
    """Lock the chat's database against writes."""
    if not storage.database_url:
        with locked_file(storage.folder):
            yield
        return
    # In a thread: Playwright's event loop runs in this one.
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(locked_tables(storage.database_url)),
    ):
        yield


def test_a_message_that_cannot_be_stored_is_queued_and_arrives_once(
    built_storage: Storage, mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    queued = mira.log.get_by_role("img", name="Queued")
    with locked(built_storage), mira.page.expect_response("**/api/messages") as refused:
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
