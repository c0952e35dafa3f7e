"""Every text that people see is said: a catalogue has it, or a test names it."""

from chat_app.ui.told import told
from tests.harness import texts


def test_the_browsers_door_shows_no_text_in_english_alone() -> None:
    assert list(texts.bare_in_python()) == []


def test_the_scripts_show_no_text_in_english_alone() -> None:
    assert texts.scripts()["bare"] == []


def test_told_texts_are_resolved_as_pages_in_english_say_them() -> None:
    added = told("{who} added {whom}", who="Mia", whom=["Ben", told("{n} more|{n} more", n=2)])

    assert texts.in_english(added) == "Mia added Ben and 2 more"
    assert texts.in_english(told("{n} member|{n} members", n=1)) == "1 member"
    assert texts.in_english("Mia") == "Mia"
