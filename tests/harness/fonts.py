"""Find the scripts of a text for which this machine has no font."""

import shutil
import subprocess
import unicodedata
from collections.abc import Iterator

EMOJI = "EMOJI"
EMOJI_FROM = 0x1F000
# Scripts by the first word of their characters' Unicode names; all others are in the core package.
PACKAGES = {
    EMOJI: "fonts-noto-color-emoji",
    "CJK": "fonts-noto-cjk",
    "HANGUL": "fonts-noto-cjk",
    "HIRAGANA": "fonts-noto-cjk",
    "KATAKANA": "fonts-noto-cjk",
    "BOPOMOFO": "fonts-noto-cjk",
}
CORE = "fonts-noto-core"


def missing_fonts(text: str) -> list[str]:
    """Return a warning for each script of a text without a font, with its Debian package."""
    if shutil.which("fc-list") is None:
        return ["fc-list is not installed: the fonts cannot be checked (Debian: fontconfig)"]
    return [
        f"no font has {script} ({letter}); on Debian: apt-get install {PACKAGES.get(script, CORE)}"
        for script, letter in sorted(letters_of(text).items())
        if not _has_font(script, letter)
    ]


def letters_of(text: str) -> dict[str, str]:
    """Return a letter of each script in a text."""
    letters: dict[str, str] = {}
    for letter in text:
        for script in _script_of(letter):
            letters.setdefault(script, letter)
    return letters


def _script_of(letter: str) -> Iterator[str]:
    if ord(letter) >= EMOJI_FROM and unicodedata.category(letter) == "So":
        yield EMOJI
    elif unicodedata.category(letter).startswith("L"):
        yield unicodedata.name(letter).partition(" ")[0]


def _has_font(script: str, letter: str) -> bool:
    # An outline without colours is no font for pictures.
    pattern = f":charset={ord(letter):x}" + (":color=true" if script == EMOJI else "")
    found = subprocess.run(["fc-list", pattern], check=True, capture_output=True, text=True)  # noqa: S603, S607  # the system's
    return bool(found.stdout.strip())
