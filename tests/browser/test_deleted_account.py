"""A device that was offline while its account was deleted keeps its messages and sends none."""

from playwright.sync_api import expect

from tests.harness.clients import PASSWORD
from tests.harness.unsent import unsent_messages
from tests.harness.visitors import Visitor

WAITING = 10


def test_ten_queued_messages_of_a_deleted_account_stay_and_break_nothing(
    mira: Visitor, tomas: Visitor
) -> None:
    conversation_id = mira.open_chat_with(tomas)
    mira.context.set_offline(True)
    expect(mira.page.get_by_role("status").filter(has_text="Offline")).to_be_visible()
    for number in range(WAITING):
        mira.write(f"Never sent {number}")
    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(WAITING)

    reply = mira.http.request("DELETE", "/api/auth/me", json={"password": PASSWORD})
    assert reply.status_code == 204
    mira.context.set_offline(False)

    mira.page.wait_for_url("**/login**")
    expect(mira.page.get_by_role("button", name="Sign in")).to_be_visible()
    kept = unsent_messages(mira.page)
    assert {entry["user_id"] for entry in kept} == {mira.user_id}
    assert [entry["content"] for entry in kept] == [
        f"Never sent {number}" for number in range(WAITING)
    ]
    history = tomas.http.get(f"/api/conversations/{conversation_id}/messages")
    assert history.json()["items"] == []
    # The next user who signs in at this device is not given another user's unsent messages.
    tomas.page.context.clear_cookies()
    session = tomas.http.cookies["chat_session"]
    mira.context.add_cookies(
        [{"name": "chat_session", "value": session, "url": mira.url, "httpOnly": True}]
    )
    mira.page.goto(f"{mira.url}/chat/{conversation_id}")
    expect(mira.box).to_be_visible()
    expect(mira.log.get_by_role("article")).to_have_count(0)
