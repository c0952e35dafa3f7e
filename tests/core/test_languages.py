"""The choice of a language for a request."""

import pytest

from chat_app.core.languages import NAMES, accepted_language, language_of


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH, en;q=0.5", "de"),
        ("AR-eg", "ar"),
        ("fr, de;q=0.4, ar;q=0.8", "ar"),
        ("fr-FR, *;q=0.5", "en"),
        ("en;q=0.1, de;q=0", "en"),
        ("de;q=high, ar;q=0.1", "ar"),
        ("de;q=inf, ar;q=0.1", "ar"),
        ("de;q=0.5;ext=1, ar;q=0.4", "de"),
        ("ar;q=0.9, de;q=0.9", "ar"),
        ("dea, arx", "en"),
        (";;;,,=", "en"),
        ("x" * 5_000 + ", de", "en"),
    ],
)
def test_the_language_that_a_browser_likes_best_is_accepted(header: str, language: str) -> None:
    assert accepted_language(header) == language


def test_names_of_languages_are_known_exactly() -> None:
    assert [language_of(name) for name in NAMES] == list(NAMES)
    assert [language_of(name) for name in ("DE", "de-DE", "fr", "", None)] == [None] * 5
