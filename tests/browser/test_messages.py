"""Two people register, find each other and talk live in two browsers."""

import re
from statistics import median
from uuid import uuid4

from playwright.sync_api import expect

from tests.harness.clients import PASSWORD
from tests.harness.pages import fits
from tests.harness.visitors import CHAT, NewVisitor, OpenPage, Visitor

# From the server's answer to the sender until the text is on the other's screen.
LIVE_MS = 300
SAMPLES = 15

SET_VISIBILITY = """(value) => {
  Object.defineProperty(document, "visibilityState", { value, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
NOTE_ACKS = """
window.acked = {};
const send = window.fetch;
window.fetch = async (path, options) => {
  const reply = await send(path, options);
  const sent = path === "/api/messages" && reply.ok;
  if (sent) window.acked[JSON.parse(options.body).content] = Date.now();
  return reply;
};
"""
NOTE_ARRIVALS = """
window.arrived = {};
new MutationObserver(() => {
  for (const article of document.querySelectorAll("article[data-seq] .bubble"))
    window.arrived[article.textContent] ??= Date.now();
}).observe(document, { childList: true, subtree: true });
"""


def test_two_people_register_find_each_other_and_talk(
    built_server: str, new_profile: OpenPage
) -> None:
    tag = uuid4().hex[:8]
    mira, tomas = new_profile(), new_profile()
    for page, username, name in ((mira, f"mira{tag}", "Mira Lind"), (tomas, f"tomas{tag}", "")):
        page.goto(f"{built_server}/register")
        page.get_by_role("textbox", name="Username").fill(username)
        page.get_by_role("textbox", name="Display name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        expect(page.get_by_text("No conversations yet.")).to_be_visible()

    mira.get_by_role("searchbox", name="Search people").fill(f"TOMAS{tag}")
    found = mira.get_by_role("list", name="People found").get_by_role("listitem")
    expect(found).to_have_count(1)
    found.get_by_role("button", name="Message").click()
    mira.wait_for_url(CHAT)
    mira.get_by_role("textbox", name="Message").fill("Shall we go to the lake?")
    mira.get_by_role("textbox", name="Message").press("Enter")

    row = tomas.get_by_role("navigation", name="Conversations").get_by_role("link")
    expect(row).to_have_accessible_name(re.compile("Mira Lind.*Shall we go to the lake.*1 unread"))
    row.click()
    their_log = tomas.get_by_role("log", name="Messages")
    expect(their_log.get_by_role("article")).to_have_count(1)
    tomas.get_by_role("textbox", name="Message").fill("Gladly.\nOn Sunday?")
    tomas.get_by_role("button", name="Send", exact=True).click()
    my_log = mira.get_by_role("log", name="Messages")
    expect(my_log.get_by_role("article").last).to_contain_text("On Sunday?")
    expect(my_log.get_by_role("img", name="Read")).to_have_count(1)

    for page in (mira, tomas):
        page.reload()
        articles = page.get_by_role("log", name="Messages").get_by_role("article")
        expect(articles).to_have_count(2)
        expect(articles.first).to_contain_text("Shall we go to the lake?")
        expect(articles.last).to_contain_text("On Sunday?")


def test_a_message_is_on_the_others_screen_at_once(mira: Visitor, tomas: Visitor) -> None:
    for visitor, other in ((mira, tomas), (tomas, mira)):
        visitor.page.add_init_script(NOTE_ACKS)
        visitor.page.add_init_script(NOTE_ARRIVALS)
        visitor.open_chat_with(other)

    for sender, reader in ((mira, tomas), (tomas, mira)):
        # The full stop parts the number from the time that stands behind it: "Message 1" at 3:05.
        texts = [f"{sender.username}: Message {number}." for number in range(SAMPLES)]
        for text in texts:
            sender.write(text)
            expect(reader.message(text)).to_have_count(1)
            expect(sender.log.get_by_role("img", name="Queued")).to_have_count(0)

        acked: dict[str, int] = sender.page.evaluate("window.acked")
        arrived: dict[str, int] = reader.page.evaluate("window.arrived")
        delays = [arrived[text] - acked[text] for text in texts]
        assert median(delays) <= LIVE_MS, delays


def test_own_messages_are_sent_and_then_read(mira: Visitor, tomas: Visitor) -> None:
    mira.open_chat_with(tomas)
    mira.write("Are you there?")
    expect(mira.message("Are you there?").get_by_role("img", name="Sent")).to_be_visible()

    tomas.open_chat_with(mira)

    expect(mira.message("Are you there?").get_by_role("img", name="Read")).to_be_visible()
    expect(mira.message("Are you there?")).to_have_count(1)


def test_unread_messages_are_counted_until_the_chat_is_open(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_home()
    second_tab = tomas.context.new_page()
    second_tab.goto(tomas.url)
    for number in range(3):
        mira.post(tomas, f"Number {number}")

    for page in (tomas.page, second_tab):
        row = page.get_by_role("navigation", name="Conversations").get_by_role("link")
        expect(row).to_have_accessible_name(re.compile("3 unread"))
        expect(page).to_have_title(re.compile(r"^\(3\) "))
    tomas.conversations.get_by_role("link").click()

    for page in (tomas.page, second_tab):
        row = page.get_by_role("navigation", name="Conversations").get_by_role("link")
        expect(row).not_to_have_accessible_name(re.compile("unread"))
        expect(page).to_have_title(re.compile("^[^(]"))
    expect(tomas.log.get_by_text("New messages", exact=True).first).to_be_visible()


def test_a_hidden_page_marks_nothing_as_read(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = tomas.open_chat_with(mira)
    tomas.page.evaluate(SET_VISIBILITY, "hidden")
    mira.post(tomas, "Look at this later")
    expect(tomas.message("Look at this later")).to_have_count(1)
    expect(tomas.page).to_have_title(re.compile(r"^\(1\) "))
    view = tomas.http.get(f"/api/conversations/{conversation_id}").json()
    assert view["unread"] == 1

    tomas.page.evaluate(SET_VISIBILITY, "visible")

    expect(tomas.page).to_have_title(re.compile("^[^(]"))


def test_a_window_that_is_not_in_front_marks_nothing_as_read(mira: Visitor, tomas: Visitor) -> None:
    conversation_id = tomas.open_chat_with(mira)
    tomas.page.evaluate("document.hasFocus = () => false")
    mira.post(tomas, "Beside another window")
    expect(tomas.message("Beside another window")).to_be_in_viewport()
    expect(tomas.page).to_have_title(re.compile(r"^\(1\) "))
    view = tomas.http.get(f"/api/conversations/{conversation_id}").json()
    assert view["unread"] == 1

    tomas.page.evaluate("document.hasFocus = () => true; dispatchEvent(new Event('focus'))")

    expect(tomas.page).to_have_title(re.compile("^[^(]"))


TEXTS = (
    "<script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "&lt;b&gt;not bold&lt;/b&gt; [nor](javascript:alert(1))",
    "مرحبا and שלום in one line",
    "👩‍👩‍👧‍👦 🇨🇭 é",
    "one\n\n   two\n\tthree",
    "w" * 400,
)


def test_a_text_is_shown_as_it_was_written(mira: Visitor, tomas: Visitor) -> None:
    tomas.open_chat_with(mira)
    mira.open_chat_with(tomas)
    for count, text in enumerate(TEXTS, start=1):
        mira.write(text)

        for visitor in (mira, tomas):
            bubbles = visitor.log.locator("article[data-seq] .bubble")
            expect(bubbles).to_have_count(count)
            assert bubbles.last.evaluate("bubble => bubble.textContent") == text
            assert bubbles.last.evaluate("bubble => bubble.children.length") == 0, text
            assert "owned" not in visitor.page.title(), text
            assert fits(visitor.page), text


def test_a_conversation_of_other_people_is_not_found(
    mira: Visitor, tomas: Visitor, new_visitor: NewVisitor
) -> None:
    stranger = new_visitor("Kenji Mori")
    conversation_id = mira.open_chat_with(tomas)
    mira.write("Between us")
    expect(mira.message("Between us").get_by_role("img", name="Sent")).to_be_visible()

    for address in (conversation_id, str(uuid4()), "no-id-at-all"):
        stranger.page.goto(f"{stranger.url}/chat/{address}")
        expect(stranger.page.get_by_role("heading", name="Not found")).to_be_visible()
        expect(stranger.page.get_by_text("Between us")).to_have_count(0)
