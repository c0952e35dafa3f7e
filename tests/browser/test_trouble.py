"""Failures on a screen: each is visible, can be tried again, and is tried again by itself."""

from playwright.sync_api import WebSocketRoute, expect

from tests.harness.visitors import Visitor

PATCH = '42/_event,["patch"'
REFUSED = [{"list": "trouble", "about": {"text": "The chat is busy.", "mark": 1}}]
AWAY = {"list": "conversations", "about": {"problem": "The chat is away.", "loaded": False}}

# At once: a list that is there has no button any more.
TRY_AGAIN = "() => document.querySelectorAll('chat-wanted button').forEach((one) => one.click())"


class Link:
    """A link whose patches are held back until they may pass."""

    def __init__(self, visitor: Visitor) -> None:
        self.passes = False
        visitor.page.route_web_socket("**/_event/**", self._open)

    def _open(self, link: WebSocketRoute) -> None:
        server = link.connect_to_server()

        def pass_on(frame: str | bytes) -> None:
            is_patch = isinstance(frame, str) and frame.startswith(PATCH)
            if self.passes or not is_patch or '"account"' in str(frame):
                link.send(frame)

        server.on_message(pass_on)


def test_what_does_not_come_is_asked_for_again(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Hello")
    link = Link(mira)
    reply = mira.http.post("/api/conversations", json={"user_id": tomas.user_id})
    mira.page.goto(f"{mira.url}/chat/{reply.json()['id']}")
    failures = mira.page.get_by_role("alert").filter(has_text="The chat does not answer.")
    expect(failures).to_have_count(2)
    expect(failures.first.get_by_role("button", name="Try again")).to_be_visible()

    link.passes = True
    mira.page.evaluate(TRY_AGAIN)

    expect(mira.message("Hello")).to_be_visible()
    expect(mira.conversations.get_by_role("link")).to_have_count(1)
    expect(failures).to_have_count(0)


def test_people_that_do_not_come_are_asked_for_again(mira: Visitor, tomas: Visitor) -> None:
    tomas.http.post("/api/friends/request", json={"user_id": mira.user_id}).raise_for_status()
    link = Link(mira)
    mira.page.goto(f"{mira.url}/people")
    pane = mira.page.locator("#open")
    failure = pane.get_by_role("alert").filter(has_text="The chat does not answer.")
    expect(failure.get_by_role("button", name="Try again")).to_be_visible()

    link.passes = True
    mira.page.evaluate(TRY_AGAIN)

    expect(pane.get_by_text("Tomas Okafor")).to_be_visible()
    expect(failure).to_have_count(0)


def test_what_does_not_come_is_tried_again_without_a_click(mira: Visitor, tomas: Visitor) -> None:
    tomas.post(mira, "Hello")
    link = Link(mira)
    mira.page.goto(mira.url)
    failure = mira.page.get_by_role("alert").filter(has_text="The chat does not answer.")
    expect(failure).to_be_visible()

    link.passes = True

    expect(mira.conversations.get_by_role("link")).to_have_count(1)
    expect(failure).to_have_count(0)


def test_a_click_that_the_chat_could_not_serve_is_answered(mira: Visitor) -> None:
    mira.open_home()
    mira.page.evaluate("patches => window.chatPatches.push(patches)", REFUSED)

    status = mira.page.get_by_role("status").filter(has_text="The chat is busy.")
    expect(status).to_have_text("The chat is busy. Nothing was changed.")


def test_the_reason_is_shown_why_a_list_cannot_be_loaded(mira: Visitor) -> None:
    mira.open_home()
    mira.page.evaluate("patches => window.chatPatches.push(patches)", [AWAY])
    failure = mira.page.get_by_role("alert").filter(has_text="The chat is away.")

    failure.get_by_role("button", name="Try again").click()

    expect(failure).to_have_count(0)
    expect(mira.page.get_by_text("No conversations yet.")).to_be_visible()
