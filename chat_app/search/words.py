"""Words of a text, as the search compares them: folded, with the places they come from.

A text is a sequence of units: words of letters and digits, single letters of scripts that have no
spaces between words, and single symbols such as emoji. Indexes hold the words of a text and, of
those scripts, each pair of neighbouring letters.
"""

import functools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

import regex

from chat_app.core.text import fold

# A change of these rules must change this number: indexes of another one are built anew.
VERSION = 1
# Letters of a word that count; the others could as well be missing.
MAX_WORD_LENGTH = 40
# From so many letters on, a word that is searched for is the beginning of words. Hangul writes a
# syllable as one letter.
MIN_PREFIX_LENGTH, MIN_HANGUL_PREFIX_LENGTH = 3, 2
# Longer texts are cut into words in a thread: it would hold the event loop for too long.
MAX_LENGTH_ON_LOOP = 1_000
# The unit between two runs of letters without spaces: letters on its sides are no neighbours.
BREAK = ""

_GRAPHEMES = regex.compile(r"\X")
# Letters that join others to one grapheme; without them each letter is one, as in most texts.
_JOINING = regex.compile(
    r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}\p{GCB=Prepend}\p{GCB=Regional_Indicator}"
    r"\p{GCB=L}\p{GCB=V}\p{GCB=T}\r]"
)
_DENSE = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u30fc]", regex.VERSION1
)
_ASCII_WORD = regex.compile(r"[a-z0-9]+")
_HANGUL = regex.compile(r"\p{Hangul}+")


class Kind(IntEnum):
    """The kind of a letter of a folded text."""

    SEPARATOR = 0
    LETTER = 1
    # Of a script without spaces between words.
    DENSE = 2
    SYMBOL = 3


class Unit(NamedTuple):
    """A unit of a text, folded, with its place in the folded text."""

    text: str
    start: int
    end: int
    is_dense: bool = False


class Folded(NamedTuple):
    """A folded text; each of its letters comes from a grapheme of the original."""

    text: str
    # Of each letter: the beginning and the end of its grapheme. None where they are its own place.
    starts: Sequence[int] | None
    ends: Sequence[int] | None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original of a part of the folded text."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


class Term(NamedTuple):
    """Units that stand one after the other; a prefix is one word that may be longer in a text."""

    units: tuple[str, ...]
    is_prefix: bool = False


class Pattern(NamedTuple):
    """A word of an index, or the beginning of one."""

    word: str
    is_prefix: bool = False


def fold_graphemes(text: str) -> str:
    """Return a text folded as names are, grapheme by grapheme.

    Other than in `fold`, what two neighbours would combine to has no influence.
    """
    if text.isascii():
        return text.lower()
    graphemes = _GRAPHEMES.findall(text) if _JOINING.search(text) else text
    return "".join(map(_fold_one, graphemes))


def fold_with_places(text: str) -> Folded:
    """Return the folded text, with the place of each letter in the original."""
    if text.isascii():
        return Folded(text.lower(), None, None)
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    for grapheme in _GRAPHEMES.findall(text) if _JOINING.search(text) else text:
        folded, end = _fold_one(grapheme), place + len(grapheme)
        parts.append(folded)
        starts += [place] * len(folded)
        ends += [end] * len(folded)
        place = end
    return Folded("".join(parts), starts, ends)


def units_of(folded: str) -> list[Unit]:
    """Return the units of a folded text, with breaks between runs without spaces."""
    if folded.isascii():
        return [
            Unit(found.group()[:MAX_WORD_LENGTH], found.start(), found.end())
            for found in _ASCII_WORD.finditer(folded)
        ]
    units: list[Unit] = []
    dense_end = -1
    for kind, start, end in _runs(folded):
        if kind is Kind.DENSE:
            if units and units[-1].is_dense and dense_end < start:
                units.append(Unit(BREAK, start, start, is_dense=True))
            units += (
                Unit(folded[place], place, place + 1, is_dense=True) for place in range(start, end)
            )
            dense_end = end
        elif kind is Kind.SYMBOL:
            units += (Unit(folded[place], place, place + 1) for place in range(start, end))
        else:
            units.append(Unit(folded[start : min(end, start + MAX_WORD_LENGTH)], start, end))
    return units


def terms_of(text: str) -> list[Term]:
    """Return what is searched for with a text that is in no quotes."""
    terms: list[Term] = []
    folded = fold_graphemes(text)
    for kind, start, end in _runs(folded):
        run = folded[start:end]
        if kind is Kind.DENSE:
            terms.append(Term(tuple(run)))
        elif kind is Kind.SYMBOL:
            terms += (Term((symbol,)) for symbol in run)
        else:
            terms.append(Term((run[:MAX_WORD_LENGTH],), is_prefix=_is_beginning(run)))
    return terms


def phrase_of(text: str) -> Term | None:
    """Return the term of a text in quotes, None without any word."""
    units = tuple(unit.text for unit in units_of(fold_graphemes(text)))
    return Term(units) if units else None


def words_of(text: str) -> set[str]:
    """Return the words by which an index finds a text."""
    folded = fold_graphemes(text)
    if text.isascii():
        return {word[:MAX_WORD_LENGTH] for word in _ASCII_WORD.findall(folded)}
    words: set[str] = set()
    for kind, start, end in _runs(folded):
        run = folded[start:end]
        if kind is Kind.DENSE:
            words.update(_pairs(run))
            words.add(run[-1])
        elif kind is Kind.SYMBOL:
            words.update(run)
        else:
            words.add(run[:MAX_WORD_LENGTH])
    return words


def patterns_of(term: Term) -> list[Pattern]:
    """Return the words of an index that each text with a term has."""
    if term.is_prefix:
        return [Pattern(term.units[0], is_prefix=True)]
    patterns: list[Pattern] = []
    for is_dense, run in _dense_runs(term.units):
        if not is_dense:
            patterns += map(Pattern, run)
        elif len(run) == 1:
            # It is the first of a pair, or the last letter of its run.
            patterns.append(Pattern(run[0], is_prefix=True))
        else:
            patterns += map(Pattern, _pairs("".join(run)))
    return patterns


def is_exact(term: Term) -> bool:
    """Return whether every text that an index finds by a term has it."""
    most = 2 if kind_of(term.units[0][0]) is Kind.DENSE else 1
    return len(term.units) <= most and BREAK not in term.units and len(patterns_of(term)) == 1


def matches(units: Sequence[Unit], term: Term) -> Iterator[tuple[int, int]]:
    """Yield the places in the folded text where a term is."""
    wanted = term.units
    if term.is_prefix:
        word = wanted[0]
        for unit in units:
            if unit.text.startswith(word):
                yield unit.start, unit.start + len(word)
        return
    for place, unit in enumerate(units):
        if unit.text != wanted[0]:
            continue
        found = units[place : place + len(wanted)]
        if len(found) == len(wanted) and all(
            one.text == text for one, text in zip(found, wanted, strict=True)
        ):
            yield unit.start, found[-1].end


def has_term(units: Sequence[Unit], term: Term) -> bool:
    """Return whether a text has a term."""
    return next(matches(units, term), None) is not None


def has_phrase(folded: str, units: tuple[str, ...]) -> bool:
    """Return whether a folded text has these units, one after the other.

    It says what `has_term` says of the units of the text, without making them where it can.
    """
    if not folded.isascii():
        return has_term(units_of(folded), Term(units))
    return all(map(str.isascii, units)) and _ascii_phrase(units).search(folded) is not None


@functools.lru_cache(maxsize=256)
def _ascii_phrase(units: tuple[str, ...]) -> "regex.Pattern[str]":
    words = (unit + ("[a-z0-9]*" if len(unit) == MAX_WORD_LENGTH else "") for unit in units)
    return regex.compile(f"(?<![a-z0-9]){'[^a-z0-9]+'.join(words)}(?![a-z0-9])")


# Letters of a chat repeat; what is not in it is made again.
@functools.lru_cache(maxsize=16_384)
def kind_of(letter: str) -> Kind:
    """Return the kind of a letter of a folded text."""
    category = unicodedata.category(letter)
    if category[0] not in "LNM":
        return Kind.SYMBOL if category == "So" else Kind.SEPARATOR
    return Kind.DENSE if _DENSE.match(letter) else Kind.LETTER


@functools.lru_cache(maxsize=16_384)
def _fold_one(grapheme: str) -> str:
    # Folding a blank alone leaves nothing of it, but it separates words.
    return " " if grapheme.isspace() else fold(grapheme)


def _runs(folded: str) -> Iterator[tuple[Kind, int, int]]:
    """Yield the runs of letters of one kind, without separators."""
    start, kind = 0, Kind.SEPARATOR
    for place, letter in enumerate(folded):
        next_kind = kind_of(letter)
        if next_kind is kind:
            continue
        if kind is not Kind.SEPARATOR:
            yield kind, start, place
        start, kind = place, next_kind
    if kind is not Kind.SEPARATOR:
        yield kind, start, len(folded)


def _dense_runs(units: Iterable[str]) -> Iterator[tuple[bool, list[str]]]:
    """Yield units in runs: neighbouring letters without spaces, or others."""
    run: list[str] = []
    was_dense = False
    for unit in units:
        is_dense = unit != BREAK and kind_of(unit[0]) is Kind.DENSE
        if run and (is_dense is not was_dense or unit == BREAK):
            yield was_dense, run
            run = []
        was_dense = is_dense
        if unit != BREAK:
            run.append(unit)
    if run:
        yield was_dense, run


def _pairs(run: str) -> Iterator[str]:
    return (run[place : place + 2] for place in range(len(run) - 1))


def _is_beginning(word: str) -> bool:
    least = MIN_HANGUL_PREFIX_LENGTH if _HANGUL.fullmatch(word) else MIN_PREFIX_LENGTH
    return len(word) >= least
