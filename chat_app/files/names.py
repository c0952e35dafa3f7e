"""Names and descriptions of files: what is kept of those given, and how a reply carries a name."""

import re
import unicodedata
from urllib.parse import quote

from chat_app.core.text import BLANK_LETTERS, beginning, shows_something

MAX_LENGTH, MAX_DESCRIPTION = 200, 500
MAX_EXTENSION = 20
NAMELESS = "file"
# More on one letter would cover the lines around it.
MAX_MARKS = 3
# Emoji and words of some scripts are made with joiners.
_JOINERS = frozenset("\u200c\u200d")
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_UNSAFE = re.compile(r'[^\x20-\x7e]|["\\%]')


def clean_name(given: str) -> str:
    """Return a name to show: its last part, without what cannot be seen, 200 characters at most.

    Its letters are composed: some systems write an accent as a letter of its own.
    """
    # A path of either kind of system.
    last = re.split(r"[/\\]", given)[-1]
    name = _shown(last).strip().rstrip(". ")
    if not shows_something(name.strip(". ")):
        return NAMELESS
    return name if len(name) <= MAX_LENGTH else _shortened(name)


def clean_description(given: str) -> str | None:
    """Return a description without what cannot be seen, in one line; None where nothing is left."""
    line = beginning(_shown(" ".join(given.split())).strip(), MAX_DESCRIPTION)
    return line if shows_something(line) else None


def with_extension(name: str, extension: str) -> str:
    """Return the name of a file that was converted."""
    stem = name.rpartition(".")[0] or name
    return f"{beginning(stem, MAX_LENGTH - len(extension) - 1)}.{extension}"


def content_disposition(name: str, *, inline: bool) -> str:
    """Return the header that names a download (RFC 6266, RFC 8187)."""
    kind = "inline" if inline else "attachment"
    plain = _UNSAFE.sub("_", name)
    # Old programs read the first one only.
    encoded = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{encoded}'


def _shown(text: str) -> str:
    """Return a text without what shows as nothing, turns it, or is too much on one letter."""
    kept, marks = [], 0
    for letter in unicodedata.normalize("NFC", "".join(filter(_is_seen, text))):
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            kept.append(letter)
    return "".join(kept)


def _is_seen(letter: str) -> bool:
    if letter in _JOINERS:
        return True
    return letter not in BLANK_LETTERS and unicodedata.category(letter) not in _HIDDEN


def _shortened(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > MAX_EXTENSION:
        return beginning(name, MAX_LENGTH)
    return f"{beginning(stem, MAX_LENGTH - len(extension) - 1)}{dot}{extension}"
