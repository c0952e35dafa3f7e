"""Markdown of messages, as far as the server reads it: what of a text is code."""

import re

# As the screens read it (`assets/browser/markdown.js`): no fence closes backticks in its own line.
_FENCE = re.compile(r" {0,3}(?:(?P<ticks>`{3,})[^`]*|(?P<tildes>~{3,}).*)")
_CLOSING = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})[ \t]*")
# A backslash takes the meaning from the first backtick of a run.
_TICKS = re.compile(r"(?<!\\)(?P<escapes>\\*)(?P<ticks>`+)")


def without_code(content: str) -> str:
    """Return a text without fenced code and code between backticks, in linear time."""
    if "`" not in content and "~~~" not in content:
        return content
    return _without_spans(_without_fences(content))


def _without_fences(content: str) -> str:
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
    return "\n".join(lines)


def _without_spans(text: str) -> str:
    runs = list(_TICKS.finditer(text))
    # The places of the runs of each length, the next one last.
    places: dict[int, list[int]] = {}
    for run in reversed(runs):
        places.setdefault(len(run["ticks"]), []).append(run.start("ticks"))
    kept, place = [], 0
    for run in runs:
        start, end = run.span("ticks")
        if start < place:
            continue
        # Those before the place belong to code.
        escapes = start - max(place, run.start("escapes"))
        start += escapes % 2
        closing = places.get(end - start, [])
        while closing and closing[-1] < end:
            closing.pop()
        if start < end and closing:
            kept.append(text[place:start])
            place = closing[-1] + end - start
    return " ".join([*kept, text[place:]])
