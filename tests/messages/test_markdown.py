"""What of a text is code, as the screens show it."""

import pytest

from chat_app.messages.markdown import without_code


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("no code", "no code"),
        ("a `b` c", "a   c"),
        ("a ``b ` c`` d", "a   d"),
        ("an open ` one", "an open ` one"),
        ("a ` b `` c ` d", "a   d"),
        ("\\`a\\`", "\\`a\\`"),
        ("\\\\`a`", "\\\\ "),
        ("\\``a` b", "\\`  b"),
        ("`a\\` b", "  b"),
        ("```\na\n```\nb", "b"),
        ("~~~\na\n```\nb", ""),
        ("> ```\n> a\n> ```", ">  "),
    ],
)
def test_code_is_left_out(text: str, rest: str) -> None:
    assert without_code(text) == rest


@pytest.mark.parametrize("piece", ["`", "\\", "` ", "\\`", "`` ` "])
def test_hostile_texts_take_linear_time(piece: str) -> None:
    text = piece * 200_000 + "`"
    assert len(without_code(text)) <= len(text)
