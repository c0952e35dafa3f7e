"""The command that writes a screenshot of every screen, and its check of the fonts."""

import struct
from pathlib import Path

import pytest

from tests.harness.fonts import letters_of, missing_fonts
from tests.harness.screen_list import SCREENS
from tests.harness.screens import demo_text, write_screens

EMPTY = 2_000


@pytest.mark.only_in_test_all
def test_every_screen_is_written_in_both_colours(front_end: Path, tmp_path: Path) -> None:
    assert front_end.is_dir()
    written = write_screens(tmp_path, sizes=["360x640"], languages=["ar"])

    assert len(written) == 2 * len(SCREENS)
    for file in written:
        picture = file.read_bytes()
        # The size in the header of a PNG. A page that shows nothing packs into a kilobyte.
        assert struct.unpack(">II", picture[16:24]) == (360, 640)
        assert len(picture) > EMPTY, file


def test_a_letter_of_each_script_of_the_demo_is_found() -> None:
    assert letters_of("Zoë, Ёж 42 ☕🥐!") == {"LATIN": "Z", "CYRILLIC": "Ё", "EMOJI": "🥐"}
    assert letters_of(demo_text()).keys() >= {"ARABIC", "CJK", "DEVANAGARI", "HANGUL", "EMOJI"}


def test_a_script_without_a_font_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing = tmp_path / "fonts.conf"
    nothing.write_text(f"<fontconfig><cachedir>{tmp_path}</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(nothing))

    assert missing_fonts("Ж田🥐") == [
        "no font has CJK (田); on Debian: apt-get install fonts-noto-cjk",
        "no font has CYRILLIC (Ж); on Debian: apt-get install fonts-noto-core",
        "no font has EMOJI (🥐); on Debian: apt-get install fonts-noto-color-emoji",
    ]
