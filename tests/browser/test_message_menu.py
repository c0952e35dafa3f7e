"""Messages that do more: replies, reactions, pins, saved and forwarded ones, links to them."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.harness.pages import assert_usable, wait_until
from tests.harness.visitors import PHONE, NewVisitor, Visitor

LONG_PRESS = """async (article) => {
  const { left, top, width, height } = article.querySelector(".bubble").getBoundingClientRect();
  const at = { clientX: left + width / 2, clientY: top + height / 2 };
  const options = { ...at, pointerType: "touch", bubbles: true, cancelable: true };
  article.querySelector(".bubble").dispatchEvent(new PointerEvent("pointerdown", options));
}"""
SWIPE = """(article, [across, down]) => {
  const bubble = article.querySelector(".bubble");
  const { left, top } = bubble.getBoundingClientRect();
  const move = (type, x, y) => bubble.dispatchEvent(new PointerEvent(type, {
    clientX: left + 4 + x, clientY: top + 4 + y,
    pointerType: "touch", isPrimary: true, bubbles: true,
  }));
  move("pointerdown", 0, 0);
  for (const part of [0.25, 0.5, 0.75, 1]) move("pointermove", across * part, down * part);
  move("pointerup", across, down);
}"""
IN_SIGHT = """(seq) => {
  const article = document.querySelector(`[role=log] [data-seq="${seq}"]`);
  if (!article) return false;
  const log = article.closest("[role=log]").getBoundingClientRect();
  const { top, bottom } = article.getBoundingClientRect();
  return top >= log.top - 1 && bottom <= log.bottom + 1;
}"""
FAR, PHONE_WIDTH = 400, 360


def press(visitor: Visitor, text: str, name: str) -> None:
    """Press a button of a message."""
    message = visitor.message(text).first
    message.hover()
    message.get_by_role("button", name=name, exact=True).click()


def choose(visitor: Visitor, text: str, action: str) -> None:
    """Open the menu of a message and choose from it."""
    press(visitor, text, "More actions")
    menu = visitor.page.get_by_role("menu", name="More actions")
    menu.get_by_role("menuitem", name=action, exact=True).click()
    expect(menu).to_be_hidden()


def reaction(visitor: Visitor, text: str, name: str) -> Locator:
    """Return a reaction of a message by its emoji and count."""
    return visitor.message(text).first.get_by_role("button", name=name, exact=True)


def api(visitor: Visitor, method: str, path: str, **body: object) -> dict[str, object]:
    """Call the API for a person, without the browser."""
    reply = visitor.http.request(method, path, json=body or None).raise_for_status()
    found: dict[str, object] = reply.json() if reply.content else {}
    return found


@pytest.fixture
def both(mira: Visitor, tomas: Visitor) -> tuple[Visitor, Visitor]:
    """Return two people whose conversation with one message is open at both."""
    tomas.post(mira, "Who brings bread?")
    mira.open_chat_with(tomas)
    tomas.open_chat_with(mira)
    expect(mira.message("Who brings bread?")).to_be_visible()
    expect(tomas.message("Who brings bread?")).to_be_visible()
    return mira, tomas


def test_a_reply_quotes_its_original_and_follows_it(both: tuple[Visitor, Visitor]) -> None:
    mira, tomas = both
    press(mira, "Who brings bread?", "Reply")
    expect(mira.box).to_be_focused()
    expect(mira.page.get_by_text("Reply to Tomas Okafor")).to_be_visible()
    mira.page.reload()
    expect(mira.page.get_by_text("Reply to Tomas Okafor")).to_be_visible()
    mira.write("I do")

    quote = tomas.message("I do").get_by_role("button", name="Who brings bread?")
    expect(quote).to_contain_text("You")
    expect(mira.page.get_by_role("button", name="Cancel reply")).to_be_hidden()

    choose(tomas, "Who brings bread?", "Edit")
    tomas.write("Who brings cake?")
    for visitor in (mira, tomas):
        expect(visitor.message("I do")).to_contain_text("Who brings cake?")
    first = tomas.log.get_by_role("article").first.get_attribute("data-id")
    api(tomas, "DELETE", f"/api/messages/{first}")
    for visitor in (mira, tomas):
        expect(
            visitor.message("I do").get_by_role("button", name="Message deleted")
        ).to_be_visible()
        expect(visitor.message("I do")).not_to_contain_text("cake")


def test_a_reply_can_be_cancelled(both: tuple[Visitor, Visitor]) -> None:
    mira, tomas = both
    press(mira, "Who brings bread?", "Reply")
    mira.page.get_by_role("button", name="Cancel reply").click()
    expect(mira.page.get_by_text("Reply to Tomas Okafor")).to_be_hidden()
    expect(mira.box).to_be_focused()
    press(mira, "Who brings bread?", "Reply")
    mira.page.keyboard.press("Escape")
    expect(mira.page.get_by_text("Reply to Tomas Okafor")).to_be_hidden()
    mira.write("Something else")

    expect(tomas.message("Something else")).to_be_visible()
    expect(tomas.message("Something else").locator(".quote")).to_have_count(0)


def test_a_reply_that_is_written_offline_is_sent_as_one(both: tuple[Visitor, Visitor]) -> None:
    mira, tomas = both
    mira.context.set_offline(True)
    press(mira, "Who brings bread?", "Reply")
    mira.write("I do, from the train")
    waiting = mira.message("I do, from the train")
    expect(waiting.get_by_role("img", name="Queued")).to_be_visible()
    expect(waiting.locator(".quote")).to_contain_text("Who brings bread?")
    mira.context.set_offline(False)

    expect(tomas.message("I do, from the train").locator(".quote")).to_contain_text("bread")


def test_a_reaction_is_a_button_that_both_press(both: tuple[Visitor, Visitor]) -> None:
    mira, tomas = both
    press(mira, "Who brings bread?", "React")
    mira.page.get_by_role("group", name="React with").get_by_role("button", name="👍").click()
    for visitor, is_own in ((mira, "true"), (tomas, "false")):
        one = reaction(visitor, "bread", "👍 1")
        expect(one).to_have_attribute("aria-pressed", is_own)
    expect(reaction(tomas, "bread", "👍 1")).to_have_attribute("title", "Mira Lind")

    reaction(tomas, "bread", "👍 1").click()
    for visitor in (mira, tomas):
        expect(reaction(visitor, "bread", "👍 2")).to_have_attribute("aria-pressed", "true")
    expect(reaction(mira, "bread", "👍 2")).to_have_attribute("title", "You and Tomas Okafor")
    choose(mira, "bread", "Reactions")
    who = mira.page.get_by_role("dialog", name="Reactions").get_by_role("listitem")
    expect(who).to_contain_text(["Mira Lind", "Tomas Okafor"])
    mira.page.keyboard.press("Escape")

    reaction(mira, "bread", "👍 2").click()
    for visitor, is_own in ((mira, "false"), (tomas, "true")):
        one = reaction(visitor, "bread", "👍 1")
        expect(one).to_have_attribute("aria-pressed", is_own)


def test_a_refused_reaction_is_undone_with_the_reason(both: tuple[Visitor, Visitor]) -> None:
    mira, _ = both
    mira.context.set_offline(True)
    press(mira, "Who brings bread?", "React")
    mira.page.get_by_role("group", name="React with").get_by_role("button", name="🎉").click()

    expect(mira.page.get_by_text("The chat cannot be reached right now")).to_be_visible()
    expect(reaction(mira, "bread", "🎉 1")).to_have_count(0)
    mira.context.set_offline(False)


def test_the_buttons_of_a_message_work_with_the_keyboard(both: tuple[Visitor, Visitor]) -> None:
    mira, _ = both
    keys = mira.page.keyboard
    button = mira.message("bread").get_by_role("button", name="React")
    button.focus()
    expect(button).to_be_visible()
    keys.press("Enter")
    quick = mira.page.get_by_role("group", name="React with").get_by_role("button")
    expect(quick.first).to_be_focused()
    keys.press("ArrowRight")
    expect(quick.nth(1)).to_be_focused()
    keys.press("Escape")
    expect(button).to_be_focused()
    keys.press("Enter")
    keys.press("Enter")
    expect(reaction(mira, "bread", "👍 1")).to_be_visible()
    expect(button).to_be_focused()
    keys.press("Tab")
    expect(mira.message("bread").get_by_role("button", name="Reply")).to_be_focused()
    keys.press("Enter")
    expect(mira.box).to_be_focused()


def test_a_forwarded_message_names_its_author(
    both: tuple[Visitor, Visitor], sofia: Visitor
) -> None:
    mira, _ = both
    sofia.open_home()
    choose(mira, "Who brings bread?", "Forward")
    dialog = mira.page.get_by_role("dialog", name="Forward")
    field = dialog.get_by_role("searchbox", name="Forward to")
    expect(field).to_be_focused()
    field.fill(sofia.username)
    dialog.get_by_role("button", name=re.compile("Sofia Brandt")).click()
    expect(dialog).to_be_hidden()
    expect(mira.page.get_by_text("Forwarded to Sofia Brandt.")).to_be_visible()

    sofia.conversations.get_by_role("link").click()
    expect(sofia.message("Who brings bread?")).to_contain_text("Forwarded from Tomas Okafor")


def test_a_forwarded_message_is_not_offered_for_editing(mira: Visitor, tomas: Visitor) -> None:
    first = tomas.post(mira, "Who brings bread?")
    mira.post(tomas, "I do")
    to = {"receiver_id": tomas.user_id}
    api(mira, "POST", "/api/messages", **to, forward_of=first["id"])
    mira.open_chat_with(tomas)
    forwarded = mira.log.get_by_role("article").filter(has_text="Forwarded from")
    forwarded.get_by_role("button", name="More actions").click()
    menu = mira.page.get_by_role("menu", name="More actions")
    expect(menu.get_by_role("menuitem", name="Delete")).to_be_visible()
    expect(menu.get_by_role("menuitem", name="Edit", exact=True)).to_be_hidden()
    mira.page.keyboard.press("Escape")
    # The arrow edits the newest message of one's own words.
    mira.box.focus()
    mira.page.keyboard.press("ArrowUp")
    expect(mira.box).to_have_value("I do")


def test_forwarding_says_that_it_needs_a_connection(both: tuple[Visitor, Visitor]) -> None:
    mira, _ = both
    mira.context.set_offline(True)
    choose(mira, "Who brings bread?", "Forward")
    dialog = mira.page.get_by_role("dialog", name="Forward")
    expect(dialog.get_by_text("Forwarding needs a connection")).to_be_visible()
    dialog.get_by_role("button", name="Tomas Okafor").click()
    expect(dialog.get_by_text("Forwarding needs a connection")).to_be_visible()
    mira.context.set_offline(False)


def test_a_pinned_message_is_found_by_both(both: tuple[Visitor, Visitor]) -> None:
    mira, tomas = both
    tomas.page.get_by_role("button", name="Pinned").click()
    pinned = tomas.page.get_by_role("region", name="Pinned")
    expect(pinned).to_contain_text("Nothing is pinned here")
    expect(pinned.get_by_role("button", name="Close the pinned messages")).to_be_focused()
    choose(mira, "Who brings bread?", "Pin")

    expect(pinned.get_by_role("listitem")).to_contain_text("Who brings bread?")
    for visitor in (mira, tomas):
        mark = visitor.message("bread").get_by_role("img", name="Pinned")
        expect(mark).to_have_attribute("title", "Pinned by Mira Lind")
    choose(tomas, "Who brings bread?", "Unpin")
    expect(pinned.get_by_role("listitem")).to_have_count(0)
    expect(mira.message("bread").get_by_role("img", name="Pinned")).to_have_count(0)
    tomas.page.keyboard.press("Escape")
    expect(pinned).to_be_hidden()


def test_a_saved_message_is_on_a_page_of_its_own(both: tuple[Visitor, Visitor]) -> None:
    mira, _ = both
    choose(mira, "Who brings bread?", "Save")
    expect(mira.page.get_by_text("Saved.", exact=True)).to_be_visible()
    mira.page.get_by_role("button", name="Saved", exact=True).click()
    saved = mira.page.get_by_role("region", name="Saved")
    expect(saved.get_by_role("listitem")).to_contain_text("Who brings bread?")
    saved.get_by_role("link").click()
    expect(mira.message("Who brings bread?")).to_be_visible()

    choose(mira, "Who brings bread?", "Remove from saved")
    mira.page.get_by_role("button", name="Saved", exact=True).click()
    expect(saved).to_contain_text("Nothing is saved yet")


def test_earlier_texts_are_shown_by_their_button(both: tuple[Visitor, Visitor]) -> None:
    mira, tomas = both
    choose(tomas, "Who brings bread?", "Edit")
    tomas.write("Who brings cake?")
    mira.message("cake").get_by_role("button", name="edited").click()

    texts = mira.page.get_by_role("dialog", name="Earlier texts").get_by_role("listitem")
    expect(texts).to_contain_text(["Who brings cake?", "Who brings bread?"])


def test_a_quote_leads_to_a_message_far_away_and_back(mira: Visitor, tomas: Visitor) -> None:
    first = tomas.post(mira, "The first of all")
    mira.post_all(tomas, [f"Number {number}" for number in range(FAR)])
    api(
        tomas,
        "POST",
        "/api/messages",
        receiver_id=mira.user_id,
        content="As I said",
        reply_to=first["id"],
    )
    here = mira.open_chat_with(tomas)
    quote = mira.message("As I said").get_by_role("button", name="The first of all")
    quote.click()

    goal = mira.log.get_by_role("article").first
    expect(goal).to_contain_text("The first of all")
    wait_until(mira.page, IN_SIGHT, 1)
    expect(mira.message("As I said")).to_have_count(0)
    mira.page.get_by_role("button", name="Back", exact=True).click()
    expect(quote).to_be_visible()
    quote.click()
    expect(goal).to_contain_text("The first of all")
    mira.page.get_by_role("button", name="Newest").click()
    expect(quote).to_be_visible()
    expect(mira.page.get_by_role("button", name="Back", exact=True)).to_be_hidden()

    mira.page.goto(f"{mira.url}/chat/{here}?at=150")
    wait_until(mira.page, IN_SIGHT, 150)


def test_a_copied_link_leads_to_its_message(both: tuple[Visitor, Visitor]) -> None:
    mira, tomas = both
    mira.context.grant_permissions(["clipboard-read", "clipboard-write"])
    choose(mira, "Who brings bread?", "Copy link")
    expect(mira.page.get_by_text("The link is copied.")).to_be_visible()
    link = mira.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(rf"{re.escape(mira.url)}/chat/[0-9a-f-]{{36}}\?at=1", link)
    tomas.page.goto(link)
    expect(tomas.message("Who brings bread?")).to_be_in_viewport()
    tomas.page.goto(f"{link}23")
    expect(tomas.page.get_by_text("This message cannot be shown.")).to_be_visible()
    expect(tomas.message("Who brings bread?")).to_be_in_viewport()


def test_a_member_of_a_group_pins_nothing_and_writes_where_they_may(
    mira: Visitor, tomas: Visitor
) -> None:
    group = api(
        mira,
        "POST",
        "/api/conversations",
        kind="group",
        title="News",
        member_ids=[tomas.user_id],
    )
    api(mira, "POST", "/api/messages", conversation_id=group["id"], content="Read this")
    tomas.page.goto(f"{tomas.url}/chat/{group['id']}")
    press(tomas, "Read this", "More actions")
    items = tomas.page.get_by_role("menu", name="More actions").get_by_role("menuitem")
    offered = ["Forward", "Save", "Remind me", "Mark as unread", "Copy link", "Report"]
    expect(items).to_have_text(offered)
    tomas.page.keyboard.press("Escape")
    expect(tomas.message("Read this").get_by_role("button", name="Reply")).to_have_count(1)

    api(mira, "PATCH", f"/api/conversations/{group['id']}", posting="admins")
    expect(tomas.page.get_by_text("Only admins write in this group.")).to_be_visible()
    tomas.message("Read this").hover()
    for name in ("Reply", "React"):
        expect(tomas.message("Read this").get_by_role("button", name=name)).to_have_count(0)


def test_a_long_press_opens_all_actions(new_visitor: NewVisitor, tomas: Visitor) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    tomas.post(mira, "Who brings bread?")
    mira.open_chat_with(tomas)
    mira.message("bread").evaluate(LONG_PRESS)

    menu = mira.page.get_by_role("menu", name="More actions")
    expect(menu.get_by_role("menuitem", name="React")).to_be_visible()
    box = menu.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE_WIDTH
    menu.get_by_role("menuitem", name="Reply").tap()
    expect(mira.page.get_by_text("Reply to Tomas Okafor")).to_be_visible()


def test_a_swipe_on_a_phone_replies(new_visitor: NewVisitor, tomas: Visitor) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    tomas.post(mira, "Who brings bread?")
    mira.open_chat_with(tomas)
    cancel = mira.page.get_by_role("button", name="Cancel reply")
    message = mira.message("bread")
    for way in ([30, 0], [-90, 0], [60, 200]):
        message.evaluate(SWIPE, way)
        expect(cancel).to_be_hidden()

    message.evaluate(SWIPE, [90, 6])

    expect(cancel).to_be_visible()
    expect(mira.page.get_by_text("Reply to Tomas Okafor")).to_be_visible()
    assert message.evaluate("(article) => article.style.translate") == ""


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_all_of_it_is_usable_by_ear_and_eye_in_both_colours(
    new_visitor: NewVisitor, tomas: Visitor, device: dict[str, object]
) -> None:
    mira = new_visitor("Mira Lind", **device)
    first = tomas.post(mira, "Who brings bread? " + "Bread " * 40)
    for person, other in ((tomas, mira), (mira, tomas)):
        to = {"receiver_id": other.user_id}
        reply = {**to, "content": "I do", "reply_to": first["id"]}
        sent = api(person, "POST", "/api/messages", **reply)
        api(person, "POST", "/api/messages", **to, forward_of=first["id"])
        for emoji in ("👍", "🎉", "😂", "😮", "😢", "❤️", "👏", "🙏"):
            api(person, "PUT", f"/api/messages/{sent['id']}/reactions/{emoji}")
    api(tomas, "PUT", f"/api/messages/{first['id']}/pin")
    api(tomas, "PATCH", f"/api/messages/{first['id']}", content="Who brings cake?")
    api(mira, "PUT", f"/api/messages/{first['id']}/save")
    mira.open_chat_with(tomas)
    page = mira.page
    expect(mira.message("Who brings cake?").first).to_be_visible()
    assert_usable(page)
    mira.message("Who brings cake?").first.get_by_role("button", name="React").press("Enter")
    expect(page.get_by_role("group", name="React with")).to_be_visible()
    assert_usable(page)
    page.keyboard.press("Escape")
    mira.message("Who brings cake?").first.get_by_role("button", name="Reply").press("Enter")
    assert_usable(page)
    page.get_by_role("button", name="Pinned").press("Enter")
    expect(page.get_by_role("region", name="Pinned").get_by_role("listitem")).to_be_visible()
    assert_usable(page)
    page.goto(f"{mira.url}/saved")
    expect(page.get_by_role("region", name="Saved").get_by_role("listitem")).to_be_visible()
    assert_usable(page)
