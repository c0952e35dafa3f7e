"""Text: folding for searches, and checks for invisible and control characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.core.text import fold, has_control, has_invisible, has_lone_surrogate


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zoë", "zoe"),
        ("ÅNGSTRÖM", "angstrom"),
        ("Straße", "STRASSE"),
        ("\uff21lice", "alice"),
        ("İstanbul", "istanbul"),
        ("Ελλάδα", "ελλαδα"),
        ("Ёлка", "елка"),
        ("ﬁne", "fine"),
    ],
)
def test_spellings_of_one_name_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    "name", ["a\u200bb", "a\u202eb", "\u2066a", "a\x00", "a\nb", "\u3164", "\ufeffa", "a\u00adb"]
)
def test_invisible_characters_are_found(name: str) -> None:
    assert has_invisible(name)


@pytest.mark.parametrize("name", ["Zoë", "山田 太郎", "محمد", "Ana-Lucía O'Neil", "🙂", "नमस्ते"])
def test_names_in_any_script_have_no_invisible_characters(name: str) -> None:
    assert not has_invisible(name)


def test_control_characters_are_found_unless_allowed() -> None:
    assert has_control("a\tb")
    assert not has_control("a\tb", allowed="\t")
    assert has_control("a\x9bb", allowed="\t")


def test_lone_surrogates_are_found() -> None:
    assert has_lone_surrogate("a\ud800")
    assert not has_lone_surrogate("🙂")
