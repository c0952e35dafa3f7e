"""Rules of usernames, display names and passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_app.accounts.rules import (
    check_new_password,
    check_password_shape,
    clean_display_name,
    clean_username,
    typed_username,
    username_key,
)


@pytest.mark.parametrize("name", ["abc", "a.b-c_d", "0zero", "A" * 32])
def test_plain_usernames_are_kept(name: str) -> None:
    assert clean_username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 33,
        "_abc",
        ".abc",
        "-abc",
        "a b c",
        "abc\n",
        "a\u200bbc",
        "\u0430lice",
        "zoë",
        "a/b",
    ],
)
def test_other_usernames_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"username|letters"):
        clean_username(name)


def test_a_full_width_spelling_is_the_plain_name() -> None:
    assert clean_username("\uff21lice") == "Alice"
    assert username_key("\uff21LICE") == username_key("alice")


@given(st.text(max_size=150))
def test_an_accepted_username_is_its_own_plain_form(text: str) -> None:
    try:
        name = clean_username(text)
    except ValueError:
        return
    assert clean_username(name) == name
    assert name.isascii()


@pytest.mark.parametrize("name", ["x" * 101, "", "  ", "a\u202eb", "a\u200bb", "a\x00b", "\u3164"])
def test_names_that_hide_or_overflow_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name"):
        clean_display_name(name)


@pytest.mark.parametrize(
    "name", ["Deleted user", "DELETED  USER", "Deletéd Usér", "\uff24eleted user"]
)
def test_nobody_is_called_as_a_deleted_account_is(name: str) -> None:
    with pytest.raises(ValueError, match="deleted accounts"):
        clean_display_name(name)


def test_a_letter_carries_three_marks_at_most() -> None:
    assert clean_display_name("A" + 3 * "\u0308")
    for name in ("A" + 4 * "\u0308", "Z" + 90 * "\u0301", "ấ" + 2 * "\u0301"):
        with pytest.raises(ValueError, match="marks"):
            clean_display_name(name)


def test_names_are_taken_as_people_type_them() -> None:
    assert clean_username(" alice\t") == "alice"
    for typed in ("alice ", " alice", "@alice", " @alice"):
        assert typed_username(typed) == "alice"


def test_a_password_is_the_same_however_its_letters_are_composed() -> None:
    assert check_password_shape("cafe\u0301 au lait") == check_password_shape("caf\u00e9 au lait")


def test_display_names_are_trimmed_and_composed() -> None:
    assert clean_display_name("  Zoe\u0308 ") == "Zoë"


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 129, "a" * 20, "abababababab", "1234567890", "Password123", "alice.cooper"],
)
def test_bad_passwords_are_refused(password: str) -> None:
    with pytest.raises(ValueError, match=r"password|Choose"):
        check_new_password(password, "Alice.Cooper")


@pytest.mark.parametrize(
    "password", ["tenletters", "пароль для чата", "x y z 1 2 3", "🙂🙃🙂🙃🙂🙃🙂🙃🙂🤫"]
)
def test_good_passwords_are_kept_as_typed(password: str) -> None:
    assert check_new_password(password, "alice") == password
