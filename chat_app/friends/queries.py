"""Reads about people: cards, friends, requests, blocks, suggestions, and the search by name.

All are on behalf of a viewer, the parameter `viewer_id` of the statements that are composed once.
"""

import asyncio
import functools
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    SQLColumnExpression,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.names import MAX_PART_LENGTH, Place
from chat_app.accounts.schemas import UserCard
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.json_rows import decode_pieces, in_pieces
from chat_app.core.text import fold, has_control, has_lone_surrogate
from chat_app.friends.cards import (
    IS_BLOCKED,
    VIEWER,
    VISIBLE,
    CardRow,
    JsonCardRow,
    card_columns,
    cards_of,
    with_cards,
    with_relations,
)
from chat_app.friends.errors import PersonNotFound
from chat_app.friends.relations import Person, are_friends, blocked_between, has_requested
from chat_app.friends.schemas import (
    Blocks,
    PersonSince,
    Requests,
    Suggestion,
    Suggestions,
)
from chat_app.models import Block, Conversation, FriendRequest, Friendship, Member, NamePart, User
from chat_app.realtime.online import Online

# The newest are listed; answering these brings up the others.
MAX_REQUESTS = 500
MAX_SUGGESTIONS = 20
MAX_QUERY_LENGTH = 64
# Above every text that begins with the same letters: names hold no noncharacters.
BEYOND = "\U0010ffff"


class SinceRow(JsonCardRow, gc=False):
    """A person of a request or a block, and when it was made."""

    since: datetime
    place: int


_decode_cards = msgspec.json.Decoder(list[JsonCardRow]).decode
_decode_since = msgspec.json.Decoder(list[SinceRow]).decode

# Composed once; run with `viewer_id`.
CARDS = with_relations(select(*card_columns()).select_from(User))


async def user_card(
    session: AsyncSession, *, viewer_id: UUID, user_id: UUID, online: Online
) -> UserCard:
    """Return the card of a person for `viewer_id`.

    Raises PersonNotFound for an unknown or deleted user, and one who has blocked the viewer.
    """
    statement = CARDS.where(VISIBLE, col(User.id) == user_id)
    rows = await session.execute(statement, {"viewer_id": viewer_id})
    cards = await cards_of(rows, online)
    if not cards:
        raise PersonNotFound
    return cards[0]


async def card_rows_of_pair(
    session: AsyncSession, one: UUID, other: UUID
) -> tuple[CardRow, CardRow]:
    """Return the card row of `other` for the viewer `one`, and that of `one` for `other`."""
    rows = [
        (await session.execute(CARDS.where(col(User.id) == them), {"viewer_id": viewer})).one()
        for viewer, them in ((one, other), (other, one))
    ]
    return rows[0], rows[1]


async def list_friends(database: Database, *, viewer_id: UUID, online: Online) -> list[UserCard]:
    """Return the friends of `viewer_id`, sorted by their names."""
    pieces = await database.fetch_all(_friends(database.dialect), {"viewer_id": viewer_id})
    rows = [row async for some in decode_pieces(pieces, _decode_cards) for row in some]
    sortable = [
        (fold(card.display_name), card.username, card) async for _, card in with_cards(rows, online)
    ]
    await asyncio.sleep(0)
    return [card for *_, card in sorted(sortable, key=itemgetter(0, 1))]


async def list_requests(database: Database, *, viewer_id: UUID, online: Online) -> Requests:
    """Return the open requests to and from `viewer_id`, the newest first."""
    incoming, outgoing = _incoming(database.dialect), _outgoing(database.dialect)
    return Requests(
        incoming=await _people_since(database, incoming, viewer_id=viewer_id, online=online),
        outgoing=await _people_since(database, outgoing, viewer_id=viewer_id, online=online),
    )


async def count_requests(session: AsyncSession, *, viewer_id: UUID) -> int:
    """Return the number of requests that wait for an answer of `viewer_id`."""
    found = await session.execute(
        select(func.count())
        .select_from(FriendRequest)
        .where(col(FriendRequest.receiver_id) == viewer_id)
    )
    return int(found.scalar_one())


async def list_blocks(database: Database, *, viewer_id: UUID, online: Online) -> Blocks:
    """Return the people that `viewer_id` has blocked, the latest first."""
    blocks = _blocks(database.dialect)
    return Blocks(items=await _people_since(database, blocks, viewer_id=viewer_id, online=online))


async def suggest_people(session: AsyncSession, *, viewer_id: UUID, online: Online) -> Suggestions:
    """Return people `viewer_id` may know, without friends, requests and blocks in either direction.

    Those with most friends in common come first, then those written with, the latest first.
    """
    found = list(await session.execute(FRIENDS_OF_FRIENDS, {"viewer_id": viewer_id}))
    if len(found) < MAX_SUGGESTIONS:
        listed = {row.id for row in found}
        others = await session.execute(CORRESPONDENTS, {"viewer_id": viewer_id})
        found += [row for row in others if row.id not in listed]
    best = found[:MAX_SUGGESTIONS]
    items = [
        Suggestion(
            user=card,
            mutual_friends=row.mutual_friends,
            reason="mutual_friends" if row.mutual_friends else "written_with",
        )
        for card, row in zip(await cards_of(best, online), best, strict=True)
    ]
    return Suggestions(items=items)


async def search_users(
    session: AsyncSession, *, viewer_id: UUID, text: str, online: Online, limit: int = 20
) -> list[UserCard]:
    """Return people whose username or display name contains `text`, best match first.

    Case, accents and compatibility forms do not count, every other character is literal. The
    exact username comes first, then beginnings of either name, then of words, then the rest.
    Raises Invalid for a text that is blank, too long or holds control characters.
    """
    if not text.strip() or len(text) > MAX_QUERY_LENGTH or has_control(text):
        words = f"Write a part of a name, up to {MAX_QUERY_LENGTH} characters."
        raise Invalid({"q": words}, words)
    # A name is often written `@bob`.
    wanted = "" if has_lone_surrogate(text) else fold(text).removeprefix("@")[:MAX_PART_LENGTH]
    if not wanted:
        return []
    values = {"viewer_id": viewer_id, "wanted": wanted, "beyond": wanted + BEYOND}
    rows: list[Row[*tuple[Any, ...]]] = []
    # One place after the other: the later ones are queried only while there is room.
    for place in Place:
        most = limit - len(rows)
        if most > 0:
            rows += await session.execute(HITS, {**values, "place": place, "most": most})
    return await cards_of(rows, online)


@functools.cache
def _friends(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the friends of `viewer_id` in pieces."""
    friends = with_relations(
        select(*card_columns())
        .select_from(Friendship)
        .join(User, col(User.id) == col(Friendship.friend_id))
    )
    return in_pieces(dialect, friends.where(col(Friendship.user_id) == VIEWER))


@functools.cache
def _incoming(dialect: str) -> Select[*tuple[Any, ...]]:
    sender, receiver = col(FriendRequest.sender_id), col(FriendRequest.receiver_id)
    return _select_people_since(dialect, FriendRequest, them=sender, mine=receiver == VIEWER)


@functools.cache
def _outgoing(dialect: str) -> Select[*tuple[Any, ...]]:
    sender, receiver = col(FriendRequest.sender_id), col(FriendRequest.receiver_id)
    return _select_people_since(dialect, FriendRequest, them=receiver, mine=sender == VIEWER)


@functools.cache
def _blocks(dialect: str) -> Select[*tuple[Any, ...]]:
    blocker, blocked = col(Block.blocker_id), col(Block.blocked_id)
    return _select_people_since(dialect, Block, them=blocked, mine=blocker == VIEWER)


def _select_people_since(
    dialect: str, table: type[FriendRequest | Block], *, them: Person, mine: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """Select the people of the newest rows of a table in pieces, with the times of the rows."""
    since = col(table.created_at)
    newest = (
        with_relations(
            select(since.label("since"), *card_columns())
            .select_from(table)
            .join(User, col(User.id) == them)
        )
        .where(mine, col(User.deleted_at).is_(None))
        .order_by(since.desc(), col(User.id))
        .limit(MAX_REQUESTS)
        .subquery("newest")
    )
    return in_pieces(dialect, select(newest), newest.c.since.desc(), newest.c.id)


async def _people_since(
    database: Database, statement: Select[*tuple[Any, ...]], *, viewer_id: UUID, online: Online
) -> list[PersonSince]:
    pieces = await database.fetch_all(statement, {"viewer_id": viewer_id})
    rows = [row async for some in decode_pieces(pieces, _decode_since) for row in some]
    rows.sort(key=attrgetter("place"))
    return [
        PersonSince(user=card, created_at=row.since) async for row, card in with_cards(rows, online)
    ]


def _suggestible(candidates: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Select the first candidates without a relation to the viewer, with their cards.

    Candidates have `user_id`, `mutual_friends`, and `rank`, of which the highest is first.
    """
    given, person = candidates.subquery(), aliased(User)
    them = given.c.user_id
    first = (
        select(given)
        .join(person, col(person.id) == them)
        .where(
            them != VIEWER,
            col(person.deleted_at).is_(None),
            ~are_friends(VIEWER, them),
            ~has_requested(VIEWER, them),
            ~has_requested(them, VIEWER),
            ~blocked_between(VIEWER, them),
        )
        .order_by(given.c.rank.desc(), them)
        .limit(MAX_SUGGESTIONS)
        .subquery()
    )
    return with_relations(
        select(first.c.mutual_friends, *card_columns())
        .select_from(first)
        .join(User, col(User.id) == first.c.user_id)
    ).order_by(first.c.rank.desc(), first.c.user_id)


_mine, _theirs = aliased(Friendship), aliased(Friendship)
_in_common = func.count()
# Both composed once; run with `viewer_id`.
FRIENDS_OF_FRIENDS = _suggestible(
    select(
        col(_theirs.friend_id).label("user_id"),
        _in_common.label("mutual_friends"),
        _in_common.label("rank"),
    )
    .join_from(_mine, _theirs, col(_theirs.user_id) == col(_mine.friend_id))
    .where(col(_mine.user_id) == VIEWER)
    .group_by(col(_theirs.friend_id))
)
_me, _peer = aliased(Member), aliased(Member)
CORRESPONDENTS = _suggestible(
    select(
        col(_peer.user_id).label("user_id"),
        literal(0).label("mutual_friends"),
        col(Conversation.updated_at).label("rank"),
    )
    .join_from(_me, Conversation, col(Conversation.id) == col(_me.conversation_id))
    .join(_peer, col(_peer.conversation_id) == col(Conversation.id))
    .where(
        col(_me.user_id) == VIEWER,
        col(Conversation.direct_key).is_not(None),
        col(Conversation.last_seq) > 0,
    )
)

_part, _better = aliased(NamePart), aliased(NamePart)


def _begins_with_text(part: SQLColumnExpression[str]) -> ColumnElement[bool]:
    return and_(part >= bindparam("wanted"), part < bindparam("beyond"))


# A name that holds the text more than once is found in its best place. As a CASE, since
# PostgreSQL would turn a bare NOT EXISTS into a join, and might read every part for it.
_is_best = case(
    (
        exists(
            select(1)
            .select_from(_better)
            .where(
                col(_better.user_id) == col(_part.user_id),
                _begins_with_text(col(_better.part)),
                or_(
                    col(_better.place) < col(_part.place),
                    and_(
                        col(_better.place) == col(_part.place),
                        col(_better.part) < col(_part.part),
                    ),
                ),
            )
        ),
        False,
    ),
    else_=True,
)
HITS = (
    CARDS.join(_part, col(_part.user_id) == col(User.id))
    .where(
        col(_part.place) == bindparam("place"),
        _begins_with_text(col(_part.part)),
        _is_best,
        VISIBLE,
        ~IS_BLOCKED,
        col(User.id) != VIEWER,
    )
    .order_by(col(_part.part), col(_part.user_id))
    .limit(bindparam("most"))
)
