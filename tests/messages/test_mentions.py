"""Mentions: whom a text calls, and how they are counted."""

import pytest

from chat_app.messages.mentions import calls_in


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hi @ann", [["ann"]]),
        ("(@Ann), @BOB!", [["ann"], ["bob"]]),
        ("@bob.smith.", [["bob.smith.", "bob.smith", "bob"]]),
        ("@a-b-c", [["a-b-c", "a-b"]]),
        ("**@ann** _@bob_", [["ann"], ["bob_", "bob"]]),
        ("ann@example.org", []),
        ("https://example.org/@ann", []),
        ("\\@ann", []),
        ("@@ann", []),
        ("@", []),
        ("`@ann`", []),
        ("``a ` @ann`` @bob", [["bob"]]),
        ("```\n@ann\n```\n@bob", [["bob"]]),
        ("~~~\n@ann", []),
        ("```py\n@ann\n```py\n@bob\n```\n@eve", [["eve"]]),
        ("````\n```\n@ann\n````\n@bob", [["bob"]]),
        ("```code``` for @ann", [["ann"]]),
        ("an open ` and @ann", [["ann"]]),
    ],
)
def test_a_text_calls_names_at_word_edges_outside_code(text: str, names: list[list[str]]) -> None:
    assert calls_in(text).names == names


@pytest.mark.parametrize(
    ("text", "calls_all"),
    [("@all", True), ("@ALL.", True), ("@all-hands", False), ("`@all`", False), ("all", False)],
)
def test_all_is_called_by_that_word_alone(text: str, calls_all: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert calls_in(text).calls_all is calls_all
