"""Message texts: which are refused, and which are kept as written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.messages.schemas import MAX_CONTENT_LENGTH, clean_content


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\t", "\u200b", "\u200d\u200b", "\u3164", "\u2800 ", "\u0301"]
)
def test_an_invisible_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Write something"):
        clean_content(text)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\rb", "\x07", "a\x85b", "x\x7f", "\ud800"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        clean_content(text)


def test_the_longest_message_counts_characters_after_trimming() -> None:
    assert clean_content(f"  {'🙂' * MAX_CONTENT_LENGTH}\n") == "🙂" * MAX_CONTENT_LENGTH
    with pytest.raises(ValueError, match="at most 8,000"):
        clean_content("x" * (MAX_CONTENT_LENGTH + 1))


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "مرحبا", "👨‍👩‍👧", "a\nb\tc", "\u202eback", "e\u0301", "%s {0}"],
)
def test_other_texts_are_kept_as_written(text: str) -> None:
    assert clean_content(text) == text


@given(st.text(max_size=200))
def test_cleaning_a_text_twice_changes_nothing(text: str) -> None:
    try:
        cleaned = clean_content(text)
    except ValueError:
        return
    assert clean_content(cleaned) == cleaned
    assert cleaned == text.strip()
