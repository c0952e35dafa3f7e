"""Criteria: what a search asks for, parsed from the words that somebody typed.

`red "blue sky" -green from:anna in:"Book club" has:link before:2026-11-28 after:2026-01-01`. What
is no operator, or has no value that fits it, is words. Quotes that do not close end with the text.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias, get_args

import regex

from chat_app.core.errors import Invalid
from chat_app.messages.markdown import without_code
from chat_app.search.words import (
    Term,
    Unit,
    fold_graphemes,
    has_term,
    phrase_of,
    terms_of,
    units_of,
)

MAX_QUERY_LENGTH = 256
Content: TypeAlias = Literal["link", "file", "image"]
CONTENTS: tuple[Content, ...] = get_args(Content)
DAY = timedelta(days=1)

# Telephones type these instead.
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
# A minus, an operator with its colon, then a text in quotes or up to a blank or a quote.
_PIECE = regex.compile(
    r"""(?P<minus>(?<!\S)-)?
    (?:(?P<operator>from|in|has|before|after):(?=\S))?
    (?:"(?P<quoted>[^"]*)(?:"|$)|(?P<bare>[^\s"]+))""",
    regex.VERBOSE | regex.IGNORECASE,
)
_DATE = regex.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LINK = regex.compile(r"\bhttps?://[^\s/]", regex.IGNORECASE)


class Criteria(NamedTuple):
    """The conditions of a search: a found message meets all, and has nothing that is excluded.

    Of the names in `senders` one must be the sender's, and of `titles` one the conversation's.
    `after` is the first moment that fits, `before` the first one that does not any more.
    """

    terms: tuple[Term, ...] = ()
    # A message that has all terms of one of these is not found.
    excluded: tuple[tuple[Term, ...], ...] = ()
    senders: tuple[Term, ...] = ()
    excluded_senders: tuple[Term, ...] = ()
    titles: tuple[Term, ...] = ()
    excluded_titles: tuple[Term, ...] = ()
    contents: frozenset[Content] = frozenset()
    excluded_contents: frozenset[Content] = frozenset()
    after: datetime | None = None
    before: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for: no word, no operator."""
        return self == _NOTHING

    @property
    def names_conversations(self) -> bool:
        """Whether names of conversations must be known."""
        return bool(self.titles or self.excluded_titles)


_NOTHING = Criteria()


def parse(text: str) -> Criteria:
    """Parse what somebody typed. Raises Invalid unless it is 1 to 256 characters, not all blank."""
    if not text.strip() or len(text) > MAX_QUERY_LENGTH:
        words = f"Write what to look for, up to {MAX_QUERY_LENGTH} characters."
        raise Invalid({"q": words}, words)
    draft = _Draft()
    for piece in _PIECE.finditer(text.translate(_QUOTES)):
        draft.add(piece)
    return draft.criteria


def contents_of(text: str, kinds: Iterable[str]) -> Iterator[Content]:
    """Yield what `has:` finds in the text of a message, and among the kinds of its files.

    An address in code is shown as no link.
    """
    if _LINK.search(text) and _LINK.search(without_code(text)):
        yield "link"
    for kind in set(kinds):
        yield "image" if kind == "image" else "file"


def has_name(names: Sequence[str], wanted: Term) -> bool:
    """Return whether one of the names has these words, one after the other."""
    return any(has_term(_units(name), wanted) for name in names)


def _units(name: str) -> list[Unit]:
    return units_of(fold_graphemes(name))


class _Draft:
    """Criteria while they are parsed."""

    def __init__(self) -> None:
        self.criteria = _NOTHING

    def add(self, piece: "regex.Match[str]") -> None:
        """Add one piece of the text."""
        quoted, operator = piece["quoted"], (piece["operator"] or "").lower()
        value = quoted if quoted is not None else piece["bare"]
        is_excluded = bool(piece["minus"])
        if operator and self._add_operator(operator, value, is_excluded=is_excluded):
            return
        if quoted is not None and not operator:
            phrase = phrase_of(value)
            self._add_terms([phrase] if phrase else [], is_excluded=is_excluded)
        else:
            # An operator whose value does not fit is a word like any other.
            words = f"{operator} {value}"
            self._add_terms(terms_of(words), is_excluded=is_excluded)

    def _add_terms(self, terms: Sequence[Term], *, is_excluded: bool) -> None:
        criteria = self.criteria
        if is_excluded and terms:
            self.criteria = criteria._replace(excluded=(*criteria.excluded, tuple(terms)))
        else:
            self.criteria = criteria._replace(terms=(*criteria.terms, *terms))

    def _add_operator(self, operator: str, value: str, *, is_excluded: bool) -> bool:
        """Add an operator; return whether its value fits it."""
        if operator in ("from", "in"):
            return self._add_name(operator, value, is_excluded=is_excluded)
        if operator == "has":
            return self._add_content(value, is_excluded=is_excluded)
        return not is_excluded and self._add_date(operator, value)

    def _add_name(self, operator: str, value: str, *, is_excluded: bool) -> bool:
        name = phrase_of(value)
        if name is None:
            return False
        criteria = self.criteria
        if operator == "from" and is_excluded:
            names = (*criteria.excluded_senders, name)
            self.criteria = criteria._replace(excluded_senders=names)
        elif operator == "from":
            self.criteria = criteria._replace(senders=(*criteria.senders, name))
        elif is_excluded:
            names = (*criteria.excluded_titles, name)
            self.criteria = criteria._replace(excluded_titles=names)
        else:
            self.criteria = criteria._replace(titles=(*criteria.titles, name))
        return True

    def _add_content(self, value: str, *, is_excluded: bool) -> bool:
        content = next((one for one in CONTENTS if one == value.lower()), None)
        if content is None:
            return False
        criteria = self.criteria
        if is_excluded:
            contents = criteria.excluded_contents | {content}
            self.criteria = criteria._replace(excluded_contents=contents)
        else:
            self.criteria = criteria._replace(contents=criteria.contents | {content})
        return True

    def _add_date(self, operator: str, value: str) -> bool:
        if not _DATE.fullmatch(value):
            return False
        try:
            day = datetime.fromisoformat(value).replace(tzinfo=UTC)
            next_day = day + DAY
        except (ValueError, OverflowError):
            return False
        criteria = self.criteria
        if operator == "before":
            before = day if criteria.before is None else min(day, criteria.before)
            self.criteria = criteria._replace(before=before)
        else:
            after = next_day if criteria.after is None else max(next_day, criteria.after)
            self.criteria = criteria._replace(after=after)
        return True
