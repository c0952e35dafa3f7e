"""Walks in Firefox and WebKit by the keyboard alone: Go to, and the list of all keys."""

import pytest

from tests.harness.windows import (
    CONTROL,
    DOWN,
    ENTER,
    ESCAPE,
    SHIFT,
    UP,
    Person,
    Window,
    new_username,
)

pytestmark = [pytest.mark.only_in_test_all, pytest.mark.one_process]

FIELD = "dialog [type=search]"


def test_a_person_and_a_message_are_gone_to(window: Window, people: tuple[Person, Person]) -> None:
    mira, tomas = people
    word = new_username().replace("-", "")
    here = tomas.post(mira, f"The {word} of the street")
    mira.until_found(word)
    window.sign_in(mira.user["username"])
    window.until("nav a", "Tomas Okafor")
    window.engine.press_together(CONTROL, "k")
    window.until_focused(FIELD)
    window.until("dialog li", "Tomas Okafor")
    # The message is not there yet.
    window.engine.press(f"{word}{ENTER}")
    window.until_true(f"() => location.pathname + location.search === '/chat/{here}?at=1'")
    window.until(FIELD, is_gone=True)
    window.until("article", word)
    window.click("textarea", "Message")
    window.engine.press_together(CONTROL, "k")
    window.until_focused(FIELD)
    window.engine.press(ESCAPE)
    window.until(FIELD, is_gone=True)
    window.until_focused("textarea")

    window.click("a", "Settings")
    window.until("h1", "Settings")
    window.engine.press_together(CONTROL, "k")
    window.until_focused(FIELD)
    window.engine.press("okafor")
    window.until("dialog [role=status]", "1 found")
    window.engine.press(DOWN)
    window.until_focused("dialog li a")
    window.engine.press(UP)
    window.until_focused(FIELD)
    window.engine.press(ENTER)
    window.until_true(f"() => location.pathname === '/chat/{here}'")
    window.until("article", word)


def test_all_keys_are_listed_where_nothing_is_typed(
    window: Window, people: tuple[Person, Person]
) -> None:
    mira, tomas = people
    tomas.post(mira, "Who brings bread?")
    window.sign_in(mira.user["username"])
    window.click("nav a", "Tomas Okafor")
    window.click("textarea", "Message")
    window.engine.press("Really?")
    window.until_holds("textarea", "Really?")
    window.engine.call("() => document.querySelector('a[href=\"/settings\"]').focus()")
    window.engine.press("?")
    window.until("dialog h2", "Keyboard shortcuts")
    window.until("dialog dt", "Ctrl K")
    window.engine.press_together(CONTROL, "k")
    window.engine.press(ESCAPE)
    window.until("dialog h2", is_gone=True)
    window.until_focused("a[href='/settings']")
    window.engine.press_together(CONTROL, SHIFT, "f")
    window.until_focused("chat-search [data-search]")
