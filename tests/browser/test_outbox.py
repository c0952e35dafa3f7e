"""The outbox in the browser: messages queue, survive a reload, and arrive once."""

import json

from playwright.sync_api import Route, expect

from tests.harness.unsent import put_records, unsent_messages
from tests.harness.visitors import Visitor

SEND = "**/api/messages"


def refuse(route: Route) -> None:
    """Answer a send with the server's refusal."""
    route.fulfill(
        status=403,
        content_type="application/problem+json",
        body=json.dumps({"code": "cannot_message", "detail": "You cannot write to this person."}),
    )


def stored(visitor: Visitor, conversation_id: str) -> list[str]:
    """Return the stored texts of a conversation."""
    reply = visitor.http.get(f"/api/conversations/{conversation_id}/messages")
    return [message["content"] for message in reply.json()["items"]]


def test_messages_written_offline_arrive_once_and_in_order(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    texts = [f"Offline {number}" for number in range(5)]
    mira.context.set_offline(True)
    expect(mira.page.get_by_role("status").filter(has_text="Offline")).to_be_visible()
    for text in texts:
        mira.write(text)
    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(5)

    mira.context.set_offline(False)

    expect(tomas.log.get_by_role("article")).to_have_count(5)
    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(0)
    expect(mira.log.get_by_role("article")).to_have_count(5)
    assert stored(tomas, conversation_id) == texts


def test_queued_messages_survive_a_reload(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    mira.context.route(SEND, lambda route: route.abort())
    mira.write("First")
    mira.write("Second")
    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(2)

    mira.page.reload()

    expect(mira.log.get_by_role("img", name="Queued")).to_have_count(2)
    expect(mira.log.get_by_role("article")).to_contain_text(["First", "Second"])
    mira.context.unroute(SEND)
    mira.page.evaluate("dispatchEvent(new Event('online'))")
    expect(mira.log.get_by_role("img", name="Sent")).to_have_count(2)
    expect(mira.log.get_by_role("article")).to_have_count(2)
    assert stored(tomas, conversation_id) == ["First", "Second"]


def test_queued_messages_are_sent_from_any_page(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    mira.context.route(SEND, lambda route: route.abort())
    mira.write("Written and left")
    expect(mira.log.get_by_role("img", name="Queued")).to_be_visible()

    with mira.page.expect_response(SEND) as sent:
        mira.open_home()
        mira.context.unroute(SEND)

    assert sent.value.ok
    assert stored(tomas, conversation_id) == ["Written and left"]


def test_a_lost_answer_makes_no_second_message(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    lost: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().text())
        route.abort()

    mira.page.route(SEND, lose_the_first_answer)
    mira.write("Only once")
    expect(mira.log.get_by_role("img", name="Sent")).to_be_visible()
    mira.page.evaluate("dispatchEvent(new Event('online'))")
    mira.write("And the next")

    expect(mira.message("And the next").get_by_role("img", name="Sent")).to_be_visible()
    expect(mira.log.get_by_role("article")).to_have_count(2)
    assert stored(tomas, conversation_id) == ["Only once", "And the next"]


def test_a_refused_message_shows_the_reason_and_the_next_is_sent(
    mira: Visitor, tomas: Visitor
) -> None:
    conversation_id = mira.open_chat_with(tomas)

    def refuse_the_bad_one(route: Route) -> None:
        if "Bad" in str(route.request.post_data):
            refuse(route)
        else:
            route.continue_()

    mira.page.route(SEND, refuse_the_bad_one)
    mira.write("Bad one")
    mira.write("Good one")

    failed = mira.message("Bad one")
    expect(failed.get_by_role("img", name="Failed")).to_be_visible()
    expect(failed.get_by_text("You cannot write to this person.")).to_be_visible()
    expect(mira.message("Good one").get_by_role("img", name="Sent")).to_be_visible()
    mira.page.reload()
    expect(failed.get_by_role("img", name="Failed")).to_be_visible()
    assert stored(tomas, conversation_id) == ["Good one"]


def test_a_refused_message_can_be_edited_deleted_and_sent_again(
    mira: Visitor, tomas: Visitor
) -> None:
    conversation_id = mira.open_chat_with(tomas)
    for way_out in ("Edit", "Delete", "Retry"):
        mira.page.route(SEND, refuse)
        mira.write("Hear me")
        expect(mira.message("Hear me").get_by_role("img", name="Failed")).to_be_visible()
        mira.page.unroute(SEND)

        mira.message("Hear me").get_by_role("button", name=way_out).click()

        if way_out == "Retry":
            expect(mira.message("Hear me").get_by_role("img", name="Sent")).to_be_visible()
            assert stored(tomas, conversation_id) == ["Hear me"]
        else:
            expect(mira.log.get_by_role("article")).to_have_count(0)
            expect(mira.box).to_have_value("Hear me" if way_out == "Edit" else "")
            assert stored(tomas, conversation_id) == []


def test_too_long_a_text_stays_in_the_box(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    text = "x" * 8_001

    mira.write(text)

    expect(mira.page.get_by_role("alert").filter(has_text="1 too long")).to_be_visible()
    expect(mira.box).to_have_value(text)
    expect(mira.log.get_by_role("article")).to_have_count(0)


def test_drafts_are_kept_per_conversation(mira: Visitor, tomas: Visitor, sofia: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.box.fill("For Tomas")
    mira.open_chat_with(sofia)
    expect(mira.box).to_have_value("")
    mira.box.fill("For Sofia")

    mira.conversations.get_by_role("link", name="Tomas").click()
    expect(mira.box).to_have_value("For Tomas")
    mira.page.reload()
    expect(mira.box).to_have_value("For Tomas")


def test_a_session_that_has_ended_keeps_what_was_written(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.route(
        SEND,
        lambda route: route.fulfill(
            status=401,
            content_type="application/problem+json",
            body=json.dumps({"code": "not_authenticated", "detail": "Please sign in."}),
        ),
    )
    mira.write("Still mine")
    mira.page.wait_for_url("**/login?next=**")
    mira.page.unroute(SEND)

    mira.open_chat_with(tomas)

    expect(mira.message("Still mine").get_by_role("img", name="Sent")).to_be_visible()


def test_the_storage_of_the_browser_holds_no_credentials(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.route(SEND, lambda route: route.abort())
    mira.write("Waiting")
    expect(mira.log.get_by_role("img", name="Queued")).to_be_visible()

    [waiting] = unsent_messages(mira.page)
    kept = mira.page.evaluate("JSON.stringify(localStorage) + document.cookie") + str(waiting)

    session = next(one["value"] for one in mira.context.cookies() if one["name"] == "chat_session")
    assert waiting["content"] == "Waiting"
    assert session not in kept
    assert "eyJ" not in kept


def test_an_outbox_edited_by_hand_does_no_harm(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = mira.open_chat_with(tomas)
    key = f"chat.outbox.{mira.user_id}"
    for garbage in ('[null, 1, {"content": "x"}, []]', '{"a": 1}', "not json", "7"):
        mira.page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, garbage])
        put_records(mira.page, "outbox", [{"user_id": mira.user_id}, {"user_id": 7, "content": []}])
        place = {"user_id": mira.user_id, "conversation_id": conversation_id}
        put_records(mira.page, "drafts", [{**place, "drafts": garbage}])
        mira.page.reload()

        mira.write(f"In spite of {garbage}")

        message = mira.message(f"In spite of {garbage}")
        expect(message.get_by_role("img", name="Sent")).to_be_visible()
