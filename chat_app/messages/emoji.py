"""Emoji: Unicode's RGI set, and the form under which a reaction is stored.

`emoji.txt` has a line for each emoji, followed by its forms with skin tones, all of them fully
qualified; `tests/make_emoji.py` writes it.
"""

from functools import cache
from pathlib import Path

_VARIATION = "\ufe0f"
# The longest sequence of the set has 10 code points; each may be followed by U+FE0F.
_LONGEST = 20


def qualified(text: str) -> str | None:
    """Return the fully qualified form of one emoji without skin tones; None for other text.

    U+FE0F counts nowhere: keyboards and pickers disagree on where it stands.
    """
    if len(text) > _LONGEST or text.startswith(_VARIATION) or _VARIATION * 2 in text:
        return None
    return _bases().get(text.replace(_VARIATION, ""))


@cache
def _bases() -> dict[str, str]:
    """Return the emoji by each of their forms without U+FE0F."""
    lines = Path(__file__).with_name("emoji.txt").read_text(encoding="utf-8").splitlines()
    bases: dict[str, str] = {}
    for line in lines:
        forms = line.split(" ")
        bases |= dict.fromkeys((form.replace(_VARIATION, "") for form in forms), forms[0])
    return bases
