"""Texts that the server leaves to the page, which says them in its own language.

A told text is a mark: its English key and its places. It goes where a text goes, into rows and
states; `assets/browser/texts.js` reads it. Texts of people cannot be mistaken for one, since
nobody can send a NUL, and they may stand in its places.
"""

import json
from collections.abc import Sequence

MARK = "\0"


def told(key: str, **places: str | int | Sequence[str]) -> str:
    """Return the mark of a text; its places are filled as `say` fills them."""
    return MARK + json.dumps([key, places] if places else [key], ensure_ascii=False)
