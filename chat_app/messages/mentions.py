"""Mentions: the names that a text calls by `@name`, and `@all`.

A mention begins at a word's edge, is not inside code, and no backslash stands before it. Of the
names that fit the longest one counts: `@bob.smith.` is bob.smith, or bob where nobody is called so.
"""

import re
from typing import NamedTuple

from chat_app.accounts.rules import is_possible_username, username_key

# Names in one message; more are plain text.
MAX_NAMES = 200
# `@all` is for admins in larger groups.
MAX_ALL = 50
ALL = "all"

# As the screens read it (`assets/browser/markdown.js`): no fence closes backticks in its own line.
_FENCE = re.compile(r" {0,3}(?:(?P<ticks>`{3,})[^`]*|(?P<tildes>~{3,}).*)")
_CLOSING = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})[ \t]*")
_TICKS = re.compile(r"`+")
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
    tokens = dict.fromkeys(match[1] for match in _TOKEN.finditer(_without_code(content)))
    names = [found for token in list(tokens)[:MAX_NAMES] if (found := _candidates(token))]
    return Calls(names, any(token.rstrip("._-").casefold() == ALL for token in tokens))


def _candidates(token: str) -> list[str]:
    ends = {len(token), len(token.rstrip("._-"))}
    ends |= {match.start() for match in _EDGES.finditer(token)}
    keys = (username_key(token[:end]) for end in sorted(ends, reverse=True))
    return [key for key in dict.fromkeys(keys) if is_possible_username(key)]


def _without_code(content: str) -> str:
    """Return a text without fenced code and code between backticks, in linear time."""
    if "`" not in content and "~~~" not in content:
        return content
    lines: list[str] = []
    fence = ""
    for line in content.split("\n"):
        if fence:
            closing_fence = _CLOSING.fullmatch(line)
            if closing_fence is not None and closing_fence["mark"].startswith(fence):
                fence = ""
        elif (opening := _FENCE.fullmatch(line)) is not None:
            fence = opening["ticks"] or opening["tildes"]
        else:
            lines.append(line)
    text = "\n".join(lines)
    runs = [match.span() for match in _TICKS.finditer(text)]
    closing: list[int | None] = [None] * len(runs)
    latest: dict[int, int] = {}
    for number, (start, end) in reversed(list(enumerate(runs))):
        closing[number] = latest.get(end - start)
        latest[end - start] = number
    kept, place, number = [], 0, 0
    while number < len(runs):
        close = closing[number]
        if close is not None:
            kept.append(text[place : runs[number][0]])
            place = runs[close][1]
            number = close
        number += 1
    return " ".join([*kept, text[place:]])
