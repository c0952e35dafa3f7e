"""The search of messages in the browser: finding, opening a hit and back, narrowing, failing."""

import re
import time
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.pages import PATIENCE_MS, assert_usable, wait_until
from tests.harness.visitors import CHAT, PHONE, NewDevice, NewVisitor, Visitor

AT = re.compile(r"/chat/[0-9a-f-]{36}\?at=\d+$")
# Nothing of these may run, and all of it is text.
HOSTILE = (
    '<img src=x onerror="document.title=1">',
    "<script>document.title = 1</script>",
    "</mark></span><svg onload=document.title=1>",
    "javascript:document.title=1//",
    "{{constructor.constructor('document.title=1')()}}",
    "\u202ereversed <b>bold</b>",
    '" autofocus onfocus="document.title=1',
)


def field(page: Page) -> Locator:
    """Return the search field."""
    return page.get_by_role("searchbox", name="Search messages")


def found(page: Page) -> Locator:
    """Return the messages found."""
    return page.get_by_role("list", name="Messages found").get_by_role("listitem")


def search(visitor: Visitor, text: str) -> None:
    """Search on the page that is open."""
    field(visitor.page).fill(text)


def query(page: Page) -> dict[str, list[str]]:
    """Return the query of the address."""
    return parse_qs(urlsplit(page.url).query)


def a_word() -> str:
    """Return a word that nobody else writes."""
    return f"w{uuid4().hex[:12]}"


def until_indexed(visitor: Visitor, word: str, count: int) -> None:
    """Wait until the search finds so many messages; it may be limited."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        reply = visitor.http.get("/api/search", params={"q": word, "limit": 100})
        if reply.is_success and len(reply.json()["items"]) == count:
            return
        time.sleep(float(reply.headers.get("retry-after", 0.05)))
    pytest.fail("never indexed")


def test_a_message_is_found_opened_in_its_place_and_left_again(
    mira: Visitor, tomas: Visitor
) -> None:
    word = a_word()
    tomas.post_all(mira, [f"{word} number {n}" for n in range(80)])
    tomas.post_all(mira, [f"Later {n}" for n in range(60)])
    until_indexed(mira, word, 80)
    mira.open_home()
    page = mira.page
    page.get_by_role("link", name="Search in messages").click()
    expect(field(page)).to_be_focused()
    search(mira, word)
    expect(found(page)).to_have_count(30)
    expect(found(page).first).to_contain_text("number 79")
    expect(found(page).first).to_contain_text("Tomas Okafor")
    expect(found(page).first.locator("mark")).to_have_text(word)

    # The end comes into sight: more are there.
    found(page).last.scroll_into_view_if_needed()
    expect(found(page)).to_have_count(60)
    hit = found(page).filter(has_text="number 30").get_by_role("link")
    hit.scroll_into_view_if_needed()
    top = hit.evaluate("hit => hit.getBoundingClientRect().top")
    assert query(page) == {"q": [word]}
    hit.click()
    page.wait_for_url(AT)
    expect(mira.message(f"{word} number 30")).to_be_in_viewport()

    page.go_back()
    expect(field(page)).to_have_value(word)
    expect(hit).to_be_focused()
    wait_until(
        page,
        "top => Math.abs(document.activeElement.getBoundingClientRect().top - top) < 2",
        top,
    )


def test_what_is_found_opens_in_its_place_in_a_chat_that_was_open_before(
    mira: Visitor, tomas: Visitor
) -> None:
    word = a_word()
    tomas.post_all(mira, [f"{word} first.", *(f"Later {n}." for n in range(120))])
    until_indexed(mira, word, 1)
    mira.open_chat_with(tomas)
    expect(mira.message("Later 119.")).to_be_in_viewport()
    for _ in range(2):
        mira.page.get_by_role("link", name="Search in messages").click()
        search(mira, word)

        found(mira.page).first.get_by_role("link").click()

        expect(mira.message(f"{word} first.")).to_be_in_viewport()
        mira.page.get_by_role("button", name="Newest").click()
        expect(mira.message("Later 119.")).to_be_in_viewport()


def test_found_messages_are_live_and_the_other_browser_finds_them_too(
    mira: Visitor, tomas: Visitor
) -> None:
    word = a_word()
    sent = tomas.post(mira, f"{word} one")
    other = tomas.post(mira, f"{word} two")
    until_indexed(mira, word, 2)
    for visitor in (mira, tomas):
        visitor.page.goto(f"{visitor.url}/search")
        search(visitor, word.upper())
        expect(found(visitor.page)).to_have_count(2)
    expect(found(tomas.page).first).to_contain_text("You")

    path = f"/api/messages/{sent['id']}"
    tomas.http.patch(path, json={"content": f"{word} three"}).raise_for_status()
    tomas.http.delete(f"/api/messages/{other['id']}").raise_for_status()

    for visitor in (mira, tomas):
        expect(found(visitor.page)).to_have_count(1)
        expect(found(visitor.page)).to_contain_text(f"{word} three")


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_new_results_are_shown_when_the_reader_wants_them(
    new_visitor: NewVisitor, tomas: Visitor, device: dict[str, object]
) -> None:
    word = a_word()
    mira = new_visitor("Mira Lind", **device)
    tomas.post_all(mira, [f"{word} number {n}" for n in range(20)])
    until_indexed(mira, word, 20)
    page = mira.page
    page.goto(f"{mira.url}/search?q={word}")
    expect(found(page)).to_have_count(20)
    found(page).last.scroll_into_view_if_needed()
    last = found(page).last.bounding_box()

    tomas.post(mira, f"{word} newest")
    fresh = page.get_by_role("button", name="New results")
    expect(fresh).to_be_in_viewport()
    expect(page.get_by_role("status").filter(has_text="There are new results")).to_be_attached()
    # Nothing has moved.
    assert found(page).last.bounding_box() == last
    assert_usable(page)
    until_indexed(mira, word, 21)
    fresh.click()
    expect(found(page)).to_have_count(21)
    expect(found(page).first).to_contain_text("newest")
    expect(found(page).first.get_by_role("link")).to_be_focused()
    expect(found(page).first).to_be_in_viewport()
    expect(fresh).to_have_count(0)


def test_the_search_works_by_keyboard_alone(mira: Visitor, tomas: Visitor) -> None:
    word = a_word()
    tomas.post(mira, f"{word} first")
    tomas.post(mira, f"{word} second")
    until_indexed(mira, word, 2)
    mira.open_chat_with(tomas)
    page, keys = mira.page, mira.page.keyboard
    expect(mira.box).to_be_focused()

    keys.press("Control+Shift+F")
    page.wait_for_url("**/search")
    expect(field(page)).to_be_focused()
    keys.type(word)
    keys.press("Enter")
    expect(found(page)).to_have_count(2)
    keys.press("ArrowDown")
    expect(found(page).first.get_by_role("link")).to_be_focused()
    keys.press("ArrowDown")
    expect(found(page).last.get_by_role("link")).to_be_focused()
    keys.press("Escape")
    expect(field(page)).to_be_focused()
    keys.press("ArrowDown")
    keys.press("Enter")
    page.wait_for_url(AT)
    expect(mira.message(f"{word} second")).to_be_visible()

    page.go_back()
    expect(found(page).first.get_by_role("link")).to_be_focused()
    keys.press("Control+Shift+F")
    expect(field(page)).to_be_focused()
    keys.press("Escape")
    expect(field(page)).to_have_value("")
    wait_until(page, "() => location.search === ''")
    expect(page.get_by_text("Find what was written")).to_be_visible()


def test_conversations_of_that_name_come_first(mira: Visitor, tomas: Visitor) -> None:
    word = a_word()
    body = {"kind": "group", "title": f"Choir {word}", "member_ids": [tomas.user_id]}
    group = mira.http.post("/api/conversations", json=body).raise_for_status().json()["id"]
    sent = tomas.post(mira, f"{word} directly")
    until_indexed(mira, word, 1)
    mira.open_home()
    page = mira.page
    page.keyboard.press("Control+Shift+F")
    search(mira, word)
    places = page.get_by_role("list", name="Conversations found")
    expect(places.get_by_role("listitem")).to_have_count(1)
    expect(found(page)).to_have_count(1)
    assert_usable(page)
    tomas.http.delete(f"/api/messages/{sent['id']}").raise_for_status()
    expect(page.get_by_text("No message has these words.")).to_be_visible()
    tomas.post(mira, f"{word} again")
    until_indexed(mira, word, 1)
    search(mira, word[:-1])
    expect(found(page)).to_have_count(1)
    # The arrows go from one list to the other.
    field(page).press("ArrowDown")
    expect(places.get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(found(page).get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/chat/{group}")


def test_words_narrow_a_search(mira: Visitor, tomas: Visitor, sofia: Visitor) -> None:
    word = a_word()
    tomas.post(mira, f"{word} https://example.org")
    sofia.post(mira, f"{word} red roses")
    sofia.post(mira, f"{word} roses red")
    until_indexed(mira, word, 3)
    mira.page.goto(f"{mira.url}/search")
    page = mira.page
    words = page.get_by_role("group", name="Narrow the search")
    search(mira, word)
    expect(found(page)).to_have_count(3)

    words.get_by_role("button", name="has:link").click()
    expect(field(page)).to_have_value(f"{word} has:link")
    expect(found(page)).to_have_count(1)
    search(mira, word)
    words.get_by_role("button", name="from:").click()
    # Nothing changes until there is a name.
    expect(found(page)).to_have_count(3)
    page.keyboard.type(sofia.username)
    expect(found(page)).to_have_count(2)
    words.get_by_role("button", name="“in this order”").click()
    page.keyboard.type("red roses")
    expect(found(page)).to_have_count(1)
    search(mira, word)
    words.get_by_role("button", name="before:").click()
    page.keyboard.type("2020-01-01")
    expect(field(page)).to_have_value(f"{word} before:2020-01-01")
    expect(page.get_by_text("No message has these words.")).to_be_visible()


def test_one_chat_is_searched_from_its_header(
    mira: Visitor, tomas: Visitor, sofia: Visitor
) -> None:
    word = a_word()
    tomas.post(mira, f"{word} of Tomas")
    sofia.post(mira, f"{word} of Sofia")
    until_indexed(mira, word, 2)
    mira.open_chat_with(tomas)
    page = mira.page

    page.get_by_role("link", name="Search in this chat").click()
    expect(page.get_by_text("In Tomas Okafor")).to_be_visible()
    search(mira, word)
    expect(found(page)).to_have_count(1)
    expect(found(page)).to_contain_text("of Tomas")
    assert_usable(page)

    page.get_by_role("button", name="Search everywhere").click()
    expect(found(page)).to_have_count(2)
    expect(field(page)).to_be_focused()
    expect(page.get_by_text("In Tomas Okafor")).to_be_hidden()
    # The search of all messages is not narrowed by where one was before.
    page.get_by_role("link", name="Search in messages").click()
    expect(found(page)).to_have_count(2)


def test_a_reload_and_a_shared_link_show_the_same_search(
    mira: Visitor, tomas: Visitor, sofia: Visitor, new_device: NewDevice
) -> None:
    word = a_word()
    tomas.post(mira, f"{word} of Tomas & 100 %")
    sofia.post(mira, f"{word} of Sofia")
    until_indexed(mira, word, 2)
    conversation_id = mira.open_chat_with(tomas)
    page = mira.page
    page.get_by_role("link", name="Search in this chat").click()
    text = f'{word} "tomas & 100" -word+ from:tomas'
    search(mira, text)
    expect(found(page)).to_have_count(1)
    assert query(page) == {"q": [text], "in": [conversation_id]}

    page.reload()
    expect(field(page)).to_have_value(text)
    expect(page.get_by_text("In Tomas Okafor")).to_be_visible()
    expect(found(page)).to_have_count(1)
    shared = new_device(mira)
    shared.goto(page.url)
    expect(field(shared)).to_have_value(text)
    expect(shared.get_by_text("In Tomas Okafor")).to_be_visible()
    expect(found(shared)).to_have_count(1)

    # The link to the page that is open already leaves what is asked.
    page.get_by_role("link", name="Search in messages").click()
    search(mira, word)
    expect(found(page)).to_have_count(2)
    wait_until(page, "word => location.search === `?q=${word}`", word)
    page.get_by_role("link", name="Search in messages").click()
    expect(field(page)).to_be_focused()
    assert query(page) == {"q": [word]}
    # Its place in the history is one.
    page.go_back()
    expect(mira.box).to_be_visible()


def test_each_place_in_the_history_has_its_search(mira: Visitor, tomas: Visitor) -> None:
    one, other = a_word(), a_word()
    tomas.post(mira, one)
    tomas.post(mira, other)
    until_indexed(mira, other, 1)
    page = mira.page
    page.goto(f"{mira.url}/search?q={one}")
    expect(found(page)).to_contain_text(one)
    found(page).get_by_role("link").click()
    page.wait_for_url(AT)
    page.get_by_role("link", name="Search in messages").click()
    # What was asked last is there again, until something else is asked.
    expect(field(page)).to_have_value(one)
    search(mira, other)
    expect(found(page)).to_contain_text(other)
    page.go_back()
    page.go_back()
    expect(field(page)).to_have_value(one)
    expect(found(page)).to_contain_text(one)
    expect(found(page)).to_have_count(1)
    page.go_forward()
    page.go_forward()
    expect(field(page)).to_have_value(other)
    expect(found(page)).to_contain_text(other)


def test_an_address_that_asks_for_nothing_that_can_be_is_answered(mira: Visitor) -> None:
    page = mira.page
    page.goto(f"{mira.url}/search?q=%20%22&in=nowhere")
    expect(page.get_by_text("Find what was written")).to_be_visible()
    page.goto(f"{mira.url}/search?q={'x' * 300}")
    expect(page.get_by_text("up to 256 characters")).to_be_visible()
    page.goto(f"{mira.url}/search?q=x%00%E2%80%AE&in={uuid4()}")
    expect(page.get_by_text("In one conversation")).to_be_visible()
    expect(page.get_by_text("No message has these words.")).to_be_visible()
    page.get_by_role("button", name="Search everywhere").click()
    expect(page.get_by_text("No message has these words.")).to_be_visible()
    assert_usable(page)


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_the_search_is_usable_by_ear_and_eye(
    new_visitor: NewVisitor, device: dict[str, object]
) -> None:
    word = a_word()
    mira = new_visitor("Mira Lind", **device)
    yusuf = new_visitor("Yusuf يوسف الحداد")
    texts = [f"{word} مرحبا بكم في العنوان", f"العنوان {word}", f"{word} " + "long" * 90]
    yusuf.post_all(mira, texts)
    until_indexed(mira, word, 3)
    page = mira.page
    page.goto(f"{mira.url}/search")
    expect(page.get_by_text("Find what was written")).to_be_visible()
    assert_usable(page)
    search(mira, f"{word} العنوان")
    expect(found(page)).to_have_count(2)
    expect(found(page).first.locator("mark").first).to_have_text("العنوان")
    # The text has its own direction, and its mark stays in it.
    directions = [
        text.evaluate("text => getComputedStyle(text).direction")
        for text in found(page).locator(".found-text").all()
    ]
    assert directions == ["rtl", "ltr"]
    assert_usable(page)
    search(mira, word)
    expect(found(page)).to_have_count(3)
    assert_usable(page)
    search(mira, f"{word} nothing")
    expect(page.get_by_text("No message has these words.")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="No message found")).to_be_attached()
    assert_usable(page)


def test_hostile_texts_are_shown_as_text(mira: Visitor, tomas: Visitor) -> None:
    word = a_word()
    for text in HOSTILE:
        tomas.post(mira, f"{text} {word} {text}")
    until_indexed(mira, word, len(HOSTILE))
    page = mira.page
    page.goto(f"{mira.url}/search")
    search(mira, word)
    expect(found(page)).to_have_count(len(HOSTILE))

    shown = found(page).locator(".found-text").all_text_contents()
    assert shown == [f"{text} {word} {text}" for text in reversed(HOSTILE)]
    inside = page.locator(".found-text").evaluate_all(
        "all => [...new Set(all.flatMap((one) => [...one.querySelectorAll('*')]))]"
        ".map((one) => one.localName)"
    )
    assert set(inside) == {"mark"}
    search(mira, HOSTILE[0])
    expect(page.get_by_text("Searching…")).to_have_count(0)
    expect(page).to_have_title(re.compile("Chat"))


def test_a_search_without_an_answer_says_so_and_is_made_again(
    mira: Visitor, tomas: Visitor
) -> None:
    word = a_word()
    tomas.post(mira, word)
    until_indexed(mira, word, 1)
    page = mira.page
    page.goto(f"{mira.url}/search")
    search(mira, "something")
    expect(page.get_by_text("No message has these words.")).to_be_visible()

    page.context.set_offline(True)
    wait_until(page, "() => !window.chatLink.connected")
    search(mira, word)
    expect(page.get_by_text("The chat does not answer.")).to_be_visible()
    assert_usable(page)
    page.context.set_offline(False)

    expect(found(page)).to_have_count(1)
    expect(page.get_by_text("The chat does not answer.")).to_be_hidden()


def test_results_are_live_again_after_the_link_was_broken_elsewhere(
    mira: Visitor, tomas: Visitor
) -> None:
    word = a_word()
    sent = tomas.post(mira, f"{word} one")
    tomas.post(mira, f"{word} two")
    until_indexed(mira, word, 2)
    page = mira.page
    page.goto(f"{mira.url}/search")
    search(mira, word)
    found(page).last.get_by_role("link").click()
    page.wait_for_url(AT)
    page.context.set_offline(True)
    wait_until(page, "() => !window.chatLink.connected")
    page.context.set_offline(False)
    wait_until(page, "() => window.chatLink.connected")

    page.go_back()
    expect(found(page)).to_have_count(2)
    tomas.http.delete(f"/api/messages/{sent['id']}").raise_for_status()
    expect(found(page)).to_have_count(1)
    expect(field(page)).to_have_value(word)


def test_a_phone_has_the_search_as_a_page_of_its_own(new_visitor: NewVisitor) -> None:
    mira = new_visitor("Mira Lind", **PHONE)
    mira.open_home()
    page = mira.page
    page.get_by_role("link", name="Search in messages").tap()
    expect(field(page)).to_be_visible()
    expect(mira.conversations).to_be_hidden()
    for target in page.get_by_role("button").or_(page.get_by_role("link")).all():
        box = target.bounding_box()
        if box is not None and target.is_visible() and box["width"] > 1:
            assert min(box["width"], box["height"]) >= 40, target.inner_text()
    page.get_by_role("link", name="Back to the conversations").tap()
    expect(mira.conversations).to_be_visible()
    assert not CHAT.search(page.url)
