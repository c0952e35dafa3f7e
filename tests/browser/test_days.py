"""Days: what is called today is called yesterday after midnight, while the page stays open."""

from datetime import UTC, datetime

from playwright.sync_api import expect

from tests.harness.visitors import Visitor

UNTIL_TOMORROW = """() => {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 0, 2) - now;
}"""


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
