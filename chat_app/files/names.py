"""Names and descriptions of files: what is kept of those given, and how a reply carries a name."""

import re
import unicodedata
from urllib.parse import quote

from chat_app.core.text import TURNING, beginning

MAX_LENGTH, MAX_DESCRIPTION = 200, 500
MAX_EXTENSION = 20
NAMELESS = "file"
# Marks that turn a text, and characters that show as nothing or as a break. Joiners stay: emoji and
# words of some scripts are made with them.
_HIDDEN = TURNING | set("\u061c\u200b\u200e\u200f\u2028\u2029\ufeff")
_UNSAFE = re.compile(r'[^\x20-\x7e]|["\\%]')


def clean_name(given: str) -> str:
    """Return a name to show: its last part, without what cannot be seen, 200 characters at most.

    Its letters are composed: some systems write an accent as a letter of its own.
    """
    # A path of either kind of system.
    last = re.split(r"[/\\]", given)[-1]
    shown = "".join(letter for letter in last if not _is_hidden(letter))
    name = unicodedata.normalize("NFC", shown).strip().rstrip(". ")
    if not name.strip(". "):
        return NAMELESS
    return name if len(name) <= MAX_LENGTH else _shortened(name)


def clean_description(given: str) -> str | None:
    """Return a description without what cannot be seen, in one line; None where nothing is left."""
    line = " ".join(given.split())
    shown = "".join(letter for letter in line if not _is_hidden(letter))
    return beginning(unicodedata.normalize("NFC", shown).strip(), MAX_DESCRIPTION) or None


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


def _is_hidden(letter: str) -> bool:
    return letter in _HIDDEN or unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn")


def _shortened(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension) > MAX_EXTENSION:
        return beginning(name, MAX_LENGTH)
    return f"{beginning(stem, MAX_LENGTH - len(extension) - 1)}{dot}{extension}"
