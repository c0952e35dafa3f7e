"""Files that the chat refuses: their message says why, and is sent without them or again."""

import json
from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.test_files import UPLOAD, attach, send
from tests.harness.visitors import Visitor

UPLOADS = "**/api/uploads*"


def refuse_as(code: str, status: int, detail: str) -> Callable[[Route], None]:
    """Return a handler that refuses an upload, as the server does."""

    def refuse(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        route.fulfill(
            status=status,
            content_type="application/problem+json",
            body=json.dumps({"code": code, "detail": detail}),
        )

    return refuse


def find_virus(route: Route) -> None:
    """Answer for a server whose scanner refuses a file."""
    if route.request.method == "GET":
        state = {"file": None, "state": "refused", "code": "infected"}
        route.fulfill(content_type="application/json", body=json.dumps(state))
    else:
        route.continue_()


def test_a_refused_file_says_why_and_is_sent_again(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.page.route(UPLOADS, refuse_as("quota", 413, "Your storage is full."))
    attach(mira, ("Plan.txt", "text/plain", b"Words"))
    send(mira, "The plan")
    message = mira.message("The plan")
    expect(message.get_by_role("alert")).to_contain_text("Plan.txt: Your storage is full.")

    mira.page.unroute(UPLOADS)
    message.get_by_role("button", name="Retry").click()

    expect(message.get_by_role("link", name="Plan.txt")).to_be_visible()


def test_each_of_several_refused_files_has_buttons_of_its_own(
    mira: Visitor, tomas: Visitor
) -> None:
    mira.open_chat_with(tomas)
    mira.page.route(UPLOADS, refuse_as("quota", 413, "Your storage is full."))
    attach(mira, *((f"{name}.txt", "text/plain", b"Words") for name in "ab"))
    send(mira, "The plans")
    message = mira.message("The plans")
    expect(message.get_by_role("alert")).to_have_count(2)

    message.get_by_role("button", name="Remove a.txt", exact=True).click()
    expect(message.get_by_role("alert")).to_have_count(1)
    mira.page.unroute(UPLOADS)
    message.get_by_role("button", name="Retry b.txt", exact=True).click()

    expect(message.get_by_role("link")).to_have_count(1)
    expect(message.get_by_role("link", name="b.txt")).to_be_visible()


def test_words_are_sent_without_a_refused_file(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    mira.page.route(UPLOAD, find_virus)
    attach(mira, ("virus.txt", "text/plain", b"EICAR"))
    send(mira, "A picture")
    message = mira.message("A picture")
    reason = "virus.txt: The virus scanner of this chat has refused this file."
    expect(message.get_by_role("alert")).to_contain_text(reason)
    expect(message.get_by_role("img", name="Queued")).to_have_count(1)

    message.get_by_role("button", name="Remove").click()

    expect(tomas.message("A picture")).to_be_visible()
    expect(message.get_by_role("alert")).to_have_count(0)
