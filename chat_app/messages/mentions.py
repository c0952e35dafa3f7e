"""Mentions: the names that a text calls by `@name`, and `@all`.

A mention begins at a word's edge, is not inside code, and no backslash stands before it. Of the
names that fit the longest one counts: `@bob.smith.` is bob.smith, or bob where nobody is called so.
"""

import re
from typing import NamedTuple

from chat_app.accounts.rules import is_possible_username, username_key
from chat_app.messages.markdown import without_code

# Names in one message; more are plain text.
MAX_NAMES = 200
# `@all` is for admins in larger groups.
MAX_ALL = 50
ALL = "all"

_TOKEN = re.compile(r"(?<![^\W_])(?<![@/\\])@([\w.-]{1,100})")
_EDGES = re.compile(r"[.-]+")


class Calls(NamedTuple):
    """The usernames a text may call, each call with its candidates by length, and `@all`."""

    names: list[list[str]]
    calls_all: bool


NO_CALLS = Calls([], calls_all=False)


def calls_in(content: str) -> Calls:
    """Return whom a text calls; the candidates are keys of usernames, the longest first."""
    if "@" not in content:
        return NO_CALLS
    tokens = dict.fromkeys(match[1] for match in _TOKEN.finditer(without_code(content)))
    names = [found for token in list(tokens)[:MAX_NAMES] if (found := _candidates(token))]
    return Calls(names, any(token.rstrip("._-").casefold() == ALL for token in tokens))


def _candidates(token: str) -> list[str]:
    ends = {len(token), len(token.rstrip("._-"))}
    ends |= {match.start() for match in _EDGES.finditer(token)}
    keys = (username_key(token[:end]) for end in sorted(ends, reverse=True))
    return [key for key in dict.fromkeys(keys) if is_possible_username(key)]
