"""Use case of the search: find messages that somebody may read."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from chat_app.accounts.rules import DELETED_NAME
from chat_app.conversations.errors import BadCursor
from chat_app.core.database import Database
from chat_app.core.rate_limit import RateLimits, token_bucket
from chat_app.core.settings import Settings
from chat_app.core.time_slice import TimeSlice
from chat_app.realtime.shapes import Message
from chat_app.search import queries
from chat_app.search.criteria import Criteria, has_name, parse
from chat_app.search.index import (
    END,
    Candidate,
    Index,
    Place,
    Wanted,
    content_word,
    sender_word,
)
from chat_app.search.matching import Matcher, People, Range
from chat_app.search.queries import Room
from chat_app.search.schemas import FoundIn, FoundMessage, SearchPage
from chat_app.search.words import (
    MAX_LENGTH_ON_LOOP,
    Term,
    fold_graphemes,
    is_exact,
    patterns_of,
    units_of,
)

# The candidates of a first step, which most searches need for a page; each next one asks the index
# for more of them. So many are read together, and for one page at most: less than a second.
FEWEST, TIMES_MORE, AT_ONCE, MOST = 30, 3, 300, 6_000
# Of more senders, the index is not asked for each.
MAX_SENDERS = 100


class _Searched(NamedTuple):
    """The prepared parts of a search, loaded once for all of its candidates."""

    rooms: Mapping[UUID, Room]
    # The first number of each conversation that may not be read from its beginning.
    first_numbers: Mapping[UUID, int]
    wanted: Wanted
    matcher: Matcher
    after: int
    before: int


class Search:
    """The search of one node."""

    def __init__(
        self, *, database: Database, index: Index, limits: RateLimits, settings: Settings
    ) -> None:
        self._database = database
        self._index = index
        self._limits = limits
        self._limit = token_bucket(
            "search", settings.limit_search_burst, settings.limit_searches_per_second
        )

    async def find(
        self,
        *,
        viewer_id: UUID,
        text: str,
        before: str | None = None,
        limit: int = 50,
        conversation_id: UUID | None = None,
    ) -> SearchPage:
        """Return the messages that fit a text, newest first.

        `before` is the `next_before` of a page; with a `conversation_id` only messages of that one
        are found. Raises Invalid, BadCursor, RateLimited and Unavailable.
        """
        criteria = parse(text)
        place = END if before is None else _number(before)
        await self._limits.take(self._limit, viewer_id.hex)
        searched = None
        if not criteria.is_empty:
            searched = await self._prepared(viewer_id, criteria, conversation_id)
        if searched is None:
            return SearchPage(items=[], next_before=None)
        return await self._page(viewer_id, searched, min(place, searched.before), limit)

    async def fits(
        self, *, viewer_id: UUID, text: str, message: Message, conversation_id: UUID | None = None
    ) -> bool:
        """Return whether a search would find a message that the viewer has just received.

        The index may not have it yet. Raises Invalid and Unavailable.
        """
        criteria = parse(text)
        if (
            criteria.is_empty
            or message.kind != "text"
            or conversation_id not in (None, message.conversation_id)
        ):
            return False
        by_names = Matcher(
            criteria,
            senders=People(names=criteria.senders),
            excluded_senders=People(),
        )
        # Most messages do not fit, which is seen without the database.
        if await _ranges_in(by_names, message) is None:
            return False
        senders = await self._people(criteria.senders)
        if (criteria.senders and not senders.has(message.sender)) or (
            await self._people(criteria.excluded_senders)
        ).has(message.sender):
            return False
        if not criteria.names_conversations:
            return True
        rooms = await queries.rooms_of(self._database, viewer_id=viewer_id, with_names=True)
        return any(
            room.id == message.conversation_id and _is_named(room, criteria) for room in rooms
        )

    async def _page(
        self, viewer_id: UUID, searched: _Searched, place: int, limit: int
    ) -> SearchPage:
        found: list[tuple[int, FoundMessage]] = []
        examined, most = 0, max(FEWEST, limit + 1)
        is_end = False
        while len(found) <= limit and examined < MOST and not is_end:
            candidates = await self._candidates(searched, place, most)
            is_end = len(candidates) < most
            if candidates:
                place = candidates[-1].number
            examined += len(candidates)
            for start in range(0, len(candidates), AT_ONCE):
                if len(found) <= limit:
                    some = candidates[start : start + AT_ONCE]
                    found += await self._fitting(viewer_id, searched, some)
            most = min(most * TIMES_MORE, MOST - examined)
        items = [one for _, one in found[:limit]]
        if len(found) > limit:
            return SearchPage(items=items, next_before=str(found[limit - 1][0]))
        return SearchPage(items=items, next_before=None if is_end else str(place))

    async def _candidates(self, searched: _Searched, place: int, most: int) -> Sequence[Candidate]:
        """Return the newest candidates before a place, of conversations that reach so far back."""
        rooms = [
            room
            for room in searched.wanted.rooms
            if room not in searched.first_numbers or searched.first_numbers[room] < place
        ]
        if not rooms or place <= searched.after + 1:
            return []
        return await self._index.find(
            searched.wanted._replace(rooms=rooms), before=place, after=searched.after, most=most
        )

    async def _fitting(
        self, viewer_id: UUID, searched: _Searched, candidates: Sequence[Candidate]
    ) -> list[tuple[int, FoundMessage]]:
        places = [
            (one.conversation_id, one.seq)
            for one in candidates
            if (room := searched.rooms.get(one.conversation_id)) and one.seq >= room.since_seq
        ]
        if searched.matcher.reads_texts:
            places = await self._places_of_texts(viewer_id, searched.matcher, places)
        messages = await queries.messages_at(self._database, viewer_id=viewer_id, places=places)
        fitting: list[tuple[int, FoundMessage]] = []
        time_slice = TimeSlice()
        for one in candidates:
            message = messages.get((one.conversation_id, one.seq))
            if message is None:
                continue
            ranges = await _ranges_in(searched.matcher, message)
            if ranges is not None:
                room = searched.rooms[one.conversation_id]
                place = FoundIn(id=room.id, kind=room.kind, title=room.title)
                found = FoundMessage(message=message, conversation=place, ranges=ranges)
                fitting.append((one.number, found))
            await time_slice.pause()
        return fitting

    async def _places_of_texts(
        self, viewer_id: UUID, matcher: Matcher, places: Sequence[Place]
    ) -> list[Place]:
        """Return the places of those texts that may fit: a text alone is quickly read."""
        rows = await queries.texts_at(self._database, viewer_id=viewer_id, places=places)
        fitting: list[Place] = []
        time_slice = TimeSlice()
        for row in rows:
            if len(row.content) > MAX_LENGTH_ON_LOOP:
                may_fit = await asyncio.to_thread(matcher.may_fit, row.content)
            else:
                may_fit = matcher.may_fit(row.content)
            if may_fit:
                fitting.append((row.conversation_id, row.seq))
            await time_slice.pause()
        return fitting

    async def _prepared(
        self, viewer_id: UUID, criteria: Criteria, conversation_id: UUID | None
    ) -> _Searched | None:
        """Return what the search needs to know; None where nothing can be found."""
        found_rooms = await queries.rooms_of(
            self._database, viewer_id=viewer_id, with_names=criteria.names_conversations
        )
        rooms = {
            room.id: room
            for room in found_rooms
            if conversation_id in (None, room.id) and _is_named(room, criteria)
        }
        senders = await self._people(criteria.senders)
        numbers = await self._numbers(criteria)
        if not rooms or numbers is None or (criteria.senders and senders.is_nobody):
            return None
        since = {room.id: room.since_seq for room in rooms.values() if room.since_seq > 1}
        first_numbers = dict(await self._index.first_numbers(since)) if since else {}
        # Nothing of these can be read.
        rooms = {
            identifier: room
            for identifier, room in rooms.items()
            if identifier not in since or identifier in first_numbers
        }
        after, before = numbers
        return _Searched(
            rooms=rooms,
            first_numbers=first_numbers,
            wanted=_wanted(criteria, list(rooms), senders),
            matcher=Matcher(
                criteria,
                senders=senders,
                excluded_senders=await self._people(criteria.excluded_senders),
            ),
            after=after,
            before=before,
        )

    async def _numbers(self, criteria: Criteria) -> tuple[int, int] | None:
        """Return numbers before and after those of the wanted time; None where there are none."""
        after, before = 0, END
        if criteria.after is not None:
            places = await queries.places_around(self._database, criteria.after, later=True)
            if not places:
                return None
            after = min(await self._index.numbers_at(places), default=after + 1) - 1
        if criteria.before is not None:
            places = await queries.places_around(self._database, criteria.before, later=False)
            if not places:
                return None
            before = max(await self._index.numbers_at(places), default=before - 1) + 1
        return after, before

    async def _people(self, names: Iterable[Term]) -> People:
        """Return the people of any of these names; a whole username means nobody else."""
        people: set[UUID] = set()
        of_many: list[Term] = []
        for name in names:
            if name.units == _units(DELETED_NAME):
                # It is no name of anybody, but their messages show it.
                of_many.append(name)
                continue
            rows = await queries.people_named(self._database, beginning=name.units[0])
            if exact := {row.id for row in rows if _units(row.username) == name.units}:
                people |= exact
            elif len(rows) == queries.MAX_PEOPLE:
                of_many.append(name)
            else:
                people |= {
                    row.id for row in rows if has_name((row.username, row.display_name), name)
                }
        return People(frozenset(people), of_many)


async def _ranges_in(matcher: Matcher, message: Message) -> list[Range] | None:
    if len(message.content) > MAX_LENGTH_ON_LOOP:
        return await asyncio.to_thread(matcher.ranges_in, message)
    return matcher.ranges_in(message)


def _is_named(room: Room, criteria: Criteria) -> bool:
    if not criteria.names_conversations:
        return True
    names = room.names
    return (
        not criteria.titles or any(has_name(names, title) for title in criteria.titles)
    ) and not any(has_name(names, title) for title in criteria.excluded_titles)


def _wanted(criteria: Criteria, rooms: Sequence[UUID], senders: People) -> Wanted:
    choices = [[content_word(content)] for content in sorted(criteria.contents)]
    if 0 < len(senders.ids) <= MAX_SENDERS and not senders.names:
        choices.append(sorted({sender_word(sender) for sender in senders.ids}))
    words = dict.fromkeys(pattern for term in criteria.terms for pattern in patterns_of(term))
    return Wanted(
        rooms=rooms,
        words=list(words),
        choices=choices,
        # Others are looked for in the texts: the index would exclude too much.
        excluded=[
            [pattern for term in terms for pattern in patterns_of(term)]
            for terms in criteria.excluded
            if all(map(is_exact, terms))
        ],
    )


def _units(name: str) -> tuple[str, ...]:
    return tuple(unit.text for unit in units_of(fold_graphemes(name)))


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= len(str(END)) - 1):
        raise BadCursor
    return int(cursor)
