"""Emoji: what counts as one, and the form under which it is stored."""

import json
import tracemalloc

import emoji
import pytest

from chat_app.messages import emoji as emoji_module
from chat_app.messages.emoji import qualified
from tests import make_emoji

FULL = emoji.STATUS["fully_qualified"]
RGI = [text for text, about in emoji.EMOJI_DATA.items() if about["status"] == FULL]
VARIATION = "\ufe0f"


def test_the_list_is_what_the_script_makes() -> None:
    assert make_emoji.SEQUENCES.read_text(encoding="utf-8") == make_emoji.sequences()


def test_every_emoji_is_qualified_with_and_without_the_variation_selector() -> None:
    for text in RGI:
        base = qualified(text)
        assert base in RGI
        assert qualified(text.replace(VARIATION, "")) == base
        assert qualified(text + VARIATION) == base or text.endswith(VARIATION)
        assert qualified(base) == base


def test_a_form_with_a_skin_tone_counts_with_its_base() -> None:
    toned = [text for text in RGI if make_emoji.TONES.search(text)]
    bases = {text: qualified(text) for text in toned}

    assert len(toned) > 2_000
    assert not [base for base in bases.values() if base is None or make_emoji.TONES.search(base)]


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("👍", "👍"),
        ("👍\ufe0f", "👍"),
        ("👍🏿", "👍"),
        ("❤", "❤️"),
        ("❤️", "❤️"),
        ("☝🏽", "☝️"),
        ("👁\ufe0f\u200d🗨", "👁️\u200d🗨️"),
        ("1⃣", "1️⃣"),
        ("🇩🇪", "🇩🇪"),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",) * 2,
        ("🧑🏽\u200d🤝\u200d🧑🏽", "🧑\u200d🤝\u200d🧑"),
        ("👩🏽\u200d🤝\u200d👩🏿", "👭"),
        ("👩🏽\u200d🤝\u200d👨🏿", "👫"),
        ("🫱🏻\u200d🫲🏿", "🤝"),
        ("🧑🏻\u200d❤\u200d💋\u200d🧑🏿", "💏"),
        ("👩🏻\u200d❤️\u200d👨🏿", "👩\u200d❤️\u200d👨"),
    ],
)
def test_an_emoji_is_stored_in_its_qualified_base_form(text: str, base: str) -> None:
    assert qualified(text) == base


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "1",
        "#",
        "👍👍",
        "👍 ",
        " 👍",
        "\ufe0f",
        "\ufe0f👍",
        "👍\ufe0f\ufe0f",
        "😀🏽",
        "👍\u200d",
        "🇩",
        "🇩🇩",
        "👩\u200d🤝\u200d👩",
        "🫱\u200d🫲",
        "\U0001f1e9\U0001f1ea\U0001f1e9",
        "thumbs_up",
        ":+1:",
        "👍" * 1_000,
        "\x00",
        "\ud83d",
    ],
)
def test_other_text_is_no_emoji(text: str) -> None:
    assert qualified(text) is None


def test_the_picker_offers_only_emoji_that_count_as_one() -> None:
    entries = json.loads((make_emoji.PICKERS / "en.json").read_text(encoding="utf-8"))

    assert len(entries) > 1_900
    for entry in entries:
        assert qualified(entry["emoji"]) == entry["emoji"]
        for skin in entry.get("skins", []):
            assert qualified(skin["emoji"]) == entry["emoji"]


def test_the_list_takes_less_than_a_megabyte() -> None:
    load = emoji_module._bases.__wrapped__
    tracemalloc.start()
    bases = load()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(bases) > 3_900
    assert size < 1_000_000
    assert make_emoji.SEQUENCES.stat().st_size < 60_000
