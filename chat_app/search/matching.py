"""Matching: whether a message is what a search asks for, and the places of what was found."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from chat_app.files.media_types import kind_of
from chat_app.realtime.shapes import Message, Person
from chat_app.search.criteria import Criteria, contents_of, has_name
from chat_app.search.words import (
    Term,
    Unit,
    fold_graphemes,
    fold_with_places,
    has_phrase,
    has_term,
    is_exact,
    matches,
    units_of,
)

MAX_RANGES = 100
Range = tuple[int, int]


class People(NamedTuple):
    """The people of some names: their ids, and names of too many to know their ids."""

    ids: frozenset[UUID] = frozenset()
    names: Sequence[Term] = ()

    @property
    def is_nobody(self) -> bool:
        """Whether there can be none."""
        return not self.ids and not self.names

    def has(self, person: Person) -> bool:
        """Return whether a person is one of them."""
        names = (person.username, person.display_name)
        return person.id in self.ids or any(has_name(names, name) for name in self.names)


class Matcher:
    """Criteria with the people that their names mean."""

    def __init__(self, criteria: Criteria, *, senders: People, excluded_senders: People) -> None:
        self._criteria = criteria
        self._senders = senders
        self._excluded_senders = excluded_senders
        self._phrases = [term.units for term in criteria.terms if not is_exact(term)]

    @property
    def reads_texts(self) -> bool:
        """Whether many candidates of the index may not fit: it knows words, but not their order."""
        return bool(self._phrases)

    def may_fit(self, content: str) -> bool:
        """Return whether a text has what the index cannot know, without looking for the places."""
        folded = fold_graphemes(content)
        return all(has_phrase(folded, units) for units in self._phrases)

    def ranges_in(self, message: Message) -> list[Range] | None:
        """Return the places of what was found in the text, None if the message does not fit."""
        if not self._fits_outside_of_text(message):
            return None
        folded = fold_with_places(message.content)
        units = units_of(folded.text)
        if self._is_excluded(units):
            return None
        found: list[Range] = []
        for term in self._criteria.terms:
            places = list(matches(units, term))
            if not places:
                return None
            found += (folded.place(*place) for place in places)
        return merged(found)[:MAX_RANGES]

    def _fits_outside_of_text(self, message: Message) -> bool:
        criteria = self._criteria
        if criteria.senders and not self._senders.has(message.sender):
            return False
        if self._excluded_senders.has(message.sender):
            return False
        if criteria.after is not None and message.created_at < criteria.after:
            return False
        if criteria.before is not None and message.created_at >= criteria.before:
            return False
        if not criteria.contents and not criteria.excluded_contents:
            return True
        kinds = (kind_of(file.media_type) for file in message.attachments)
        contents = set(contents_of(message.content, kinds))
        return criteria.contents <= contents and criteria.excluded_contents.isdisjoint(contents)

    def _is_excluded(self, units: list[Unit]) -> bool:
        return any(
            all(has_term(units, term) for term in terms) for terms in self._criteria.excluded
        )


def merged(ranges: list[Range]) -> list[Range]:
    """Return ranges in order, those that touch as one."""
    whole: list[Range] = []
    for start, end in sorted(ranges):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole
