"""Days: they change at midnight while the page stays open, and one goes to any of them."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.harness.visitors import Visitor

UNTIL_TOMORROW = """() => {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 0, 2) - now;
}"""


@pytest.fixture
def profiles_are_kept() -> bool:
    """Give each test a profile of its own: a clock that was changed stays so."""
    return False


def test_today_becomes_yesterday_at_midnight(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Good evening")
    mira.page.clock.install(time=datetime.now(UTC))
    mira.open_chat_with(tomas)
    day = mira.log.get_by_role("time").filter(has_text="Today")
    row = mira.conversations.get_by_role("link")
    expect(day).to_be_visible()
    expect(row).not_to_contain_text("Yesterday")

    # The jump would look like sleep: the page would connect and load everything again.
    mira.context.set_offline(True)
    mira.page.clock.fast_forward(mira.page.evaluate(UNTIL_TOMORROW))

    expect(mira.log.get_by_role("time").filter(has_text="Yesterday")).to_be_visible()
    expect(day).to_have_count(0)
    expect(row).to_contain_text("Yesterday")


def test_one_goes_to_the_first_message_of_a_day(mira: Visitor, tomas: Visitor) -> None:
    tomas.post_all(mira, [f"Number {number}." for number in range(120)])
    mira.open_chat_with(tomas)
    expect(mira.message("Number 119.")).to_be_in_viewport()
    mira.page.get_by_role("button", name="Go to a date").press("Enter")
    dialog = mira.page.get_by_role("dialog", name="Go to a date")
    field = dialog.get_by_label("Date")
    expect(field).to_be_focused()
    field.fill((datetime.now(UTC) - timedelta(days=2)).date().isoformat())

    field.press("Enter")

    expect(dialog).to_be_hidden()
    expect(mira.message("Number 0.")).to_be_in_viewport()
    expect(mira.message("Number 119.")).not_to_be_in_viewport()
    mira.page.get_by_role("button", name="Back", exact=True).click()
    expect(mira.message("Number 119.")).to_be_in_viewport()


def test_a_day_of_the_timeline_leads_to_others(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Good evening")
    mira.open_chat_with(tomas)
    mira.log.get_by_role("button", name="Today").click()
    dialog = mira.page.get_by_role("dialog", name="Go to a date")
    dialog.get_by_label("Date").fill("")
    dialog.get_by_role("button", name="Go", exact=True).click()
    expect(dialog).to_be_visible()
    mira.context.set_offline(True)
    dialog.get_by_label("Date").fill("2026-01-01")
    dialog.get_by_role("button", name="Go", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    mira.context.set_offline(False)
    dialog.get_by_role("button", name="Go", exact=True).click()
    expect(dialog).to_be_hidden()
