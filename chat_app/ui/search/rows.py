"""Rows of messages that a search has found, with the part of the text around the first hit."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

import regex

from chat_app.core.text import beginning
from chat_app.search.schemas import FoundMessage
from chat_app.ui.conversations.rows import timestamp
from chat_app.ui.files.rows import files_text
from chat_app.ui.kit.avatar import initials, tone
from chat_app.ui.told import told

# Characters of a text that are shown, and of these at most so many before the first hit.
SHOWN, BEFORE = 240, 60
# The first of them begins a word, if one begins so soon.
TO_NEXT_WORD = 20

_BLANKS = regex.compile(r"\s+")
# The signs of Markdown that no words are likely to have: a preview goes without them.
_MARKS = regex.compile(r"\*\*|~~|`+|(?<=\n) {0,3}> ?")
_GRAPHEME = regex.compile(r"\X")


class Piece(TypedDict):
    """A part of a found text: a hit, or what is between two of them."""

    text: str
    hit: bool


class HitRow(TypedDict):
    """A found message: `href` opens it in its place, and `about` names its conversation."""

    id: str
    order: int
    conversation_id: str
    href: str
    author: str
    letters: str
    tone: str
    picture: str
    at: str
    about: str
    pieces: list[Piece]


def hit_row(found: FoundMessage, order: int, *, is_own: bool, about: str) -> HitRow:
    """Return the row of a found message."""
    message = found.message
    name = message.sender.display_name
    return HitRow(
        id=str(message.id),
        order=order,
        conversation_id=str(message.conversation_id),
        href=f"/chat/{message.conversation_id}?at={message.seq}",
        author=told("You") if is_own else name,
        letters=initials(name),
        tone=tone(message.sender_id),
        picture=message.sender.avatar_url or "",
        at=timestamp(message.created_at),
        about=about,
        pieces=_pieces(found),
    )


def _pieces(found: FoundMessage) -> list[Piece]:
    message = found.message
    if message.content:
        return pieces_of(message.content, found.ranges)
    return [Piece(text=files_text(message.attachments), hit=False)]


def pieces_of(text: str, ranges: Sequence[tuple[int, int]]) -> list[Piece]:
    """Return the part of a text around the first of the ranges, cut into hits and the rest.

    Blanks and line breaks become one blank, what is left out an ellipsis, and marks of Markdown
    are left out.
    """
    start = _start(text, ranges[0][0] if ranges else 0)
    end = start + len(beginning(text[start:], SHOWN))
    pieces = [
        Piece(text=shown, hit=is_hit)
        for begins, ends, is_hit in _parts(ranges, start, end)
        if (shown := _BLANKS.sub(" ", _MARKS.sub("", text[begins:ends])))
    ]
    if start:
        pieces.insert(0, Piece(text="…", hit=False))
    if end < len(text):
        pieces.append(Piece(text="…", hit=False))
    return pieces


def number_found(count: int, *, has_more: bool) -> str:
    """Return the number of messages found as a sentence for screen readers."""
    if count == 0:
        return told("No message found")
    if has_more:
        return told("{n} message found so far|{n} messages found so far", n=count)
    return told("{n} message found|{n} messages found", n=count)


def _parts(
    ranges: Sequence[tuple[int, int]], start: int, end: int
) -> Iterator[tuple[int, int, bool]]:
    """Yield the beginnings and ends of all parts between two places, and whether each is a hit."""
    place = start
    for begins, ends in ranges:
        if begins >= end:
            break
        if place < begins:
            yield place, begins, False
        yield begins, min(ends, end), True
        place = min(ends, end)
    if place < end:
        yield place, end, False


def _start(text: str, first: int) -> int:
    """Return where to begin, so that the first hit is among what is shown."""
    earliest = first - BEFORE
    if earliest <= 0:
        return 0
    blank = _BLANKS.search(text, earliest, earliest + TO_NEXT_WORD)
    if blank is not None:
        return blank.end()
    # Between graphemes: the last one that begins before a place a little further back may pass it.
    for grapheme in _GRAPHEME.finditer(text, max(0, earliest - BEFORE), first):
        if grapheme.start() >= earliest:
            return grapheme.start()
    return first
