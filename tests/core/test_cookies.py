"""Session cookies beside the cookies of other programs, however odd those are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.core.cookies import MAX_VALUES, cookie_values

NAMES = ("chat_session", "session")


@pytest.mark.parametrize(
    "others", ['prefs={"a":1}', 'a"b', "flag", "tést=ü", "=", "", 'q="a;b"', "chat_session_2=no"]
)
def test_other_cookies_do_not_hide_the_session(others: str) -> None:
    for header in (f"{others}; chat_session=secret", f"chat_session=secret; {others}"):
        assert cookie_values(header, NAMES) == ["secret"]


def test_values_come_in_the_order_of_the_names_and_are_few() -> None:
    header = "session=a; chat_session=b; chat_session=c"

    assert cookie_values(header, NAMES) == ["b", "c", "a"]
    assert len(cookie_values("session=a; " * 100, NAMES)) == MAX_VALUES


@given(st.lists(st.text(st.characters(blacklist_characters=";", max_codepoint=255))))
def test_any_header_is_read(others: list[str]) -> None:
    pairs = [pair for pair in others if pair.partition("=")[0].strip() not in NAMES]

    assert cookie_values(";".join([*pairs, "chat_session=secret"]), NAMES) == ["secret"]
