"""Every statement about friends, requests, suggestions and blocks, on behalf of one of the two."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.schemas import UserCard
from chat_app.core.text import fold
from chat_app.friends.cards import (
    VIEWER,
    card_columns,
    cards_of,
    with_relations,
)
from chat_app.friends.relations import Person, are_friends, blocked_between, has_asked
from chat_app.friends.schemas import (
    Blocks,
    PersonSince,
    Requests,
    Suggestion,
    Suggestions,
)
from chat_app.models import Block, Conversation, FriendRequest, Friendship, Member, User
from chat_app.realtime.online import Online

# Whoever is asked by more people sees the newest; answering these brings up the others.
MOST_REQUESTS = 500
MOST_SUGGESTIONS = 20


async def list_friends(session: AsyncSession, *, viewer_id: UUID, online: Online) -> list[UserCard]:
    """Return the friends of `viewer_id` by their names."""
    statement = with_relations(
        select(*card_columns(together=True))
        .select_from(Friendship)
        .join(User, col(User.id) == col(Friendship.friend_id))
    ).where(col(Friendship.user_id) == viewer_id)
    rows = await session.execute(statement, {"viewer_id": viewer_id})
    cards = await cards_of(rows, online)
    return sorted(cards, key=lambda card: (fold(card.display_name), card.username))


async def list_requests(session: AsyncSession, *, viewer_id: UUID, online: Online) -> Requests:
    """Return the requests that wait for an answer, of others and of `viewer_id`."""
    sender, receiver = col(FriendRequest.sender_id), col(FriendRequest.receiver_id)
    incoming = _people_since(FriendRequest, them=sender, mine=receiver == viewer_id)
    outgoing = _people_since(FriendRequest, them=receiver, mine=sender == viewer_id)
    return Requests(
        incoming=await _dated(session, incoming, viewer_id=viewer_id, online=online),
        outgoing=await _dated(session, outgoing, viewer_id=viewer_id, online=online),
    )


async def count_requests(session: AsyncSession, *, viewer_id: UUID) -> int:
    """Return how many requests wait for an answer of `viewer_id`."""
    found = await session.execute(
        select(func.count())
        .select_from(FriendRequest)
        .where(col(FriendRequest.receiver_id) == viewer_id)
    )
    return int(found.scalar_one())


async def list_blocks(session: AsyncSession, *, viewer_id: UUID, online: Online) -> Blocks:
    """Return whom `viewer_id` has blocked."""
    mine = col(Block.blocker_id) == viewer_id
    statement = _people_since(Block, them=col(Block.blocked_id), mine=mine)
    return Blocks(items=await _dated(session, statement, viewer_id=viewer_id, online=online))


async def suggest_people(session: AsyncSession, *, viewer_id: UUID, online: Online) -> Suggestions:
    """Return people whom `viewer_id` may know, and who are nothing to them yet.

    Those with most friends in common come first, then those written with, the latest first.
    """
    found = list(await session.execute(FRIENDS_OF_FRIENDS, {"viewer_id": viewer_id}))
    if len(found) < MOST_SUGGESTIONS:
        known = {row.id for row in found}
        others = await session.execute(CORRESPONDENTS, {"viewer_id": viewer_id})
        found += [row for row in others if row.id not in known]
    best = found[:MOST_SUGGESTIONS]
    items = [
        Suggestion(
            user=card,
            mutual_friends=row.mutual_friends,
            reason="mutual_friends" if row.mutual_friends else "written_with",
        )
        for card, row in zip(await cards_of(best, online), best, strict=True)
    ]
    return Suggestions(items=items)


def _people_since(
    table: type[FriendRequest | Block], *, them: Person, mine: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    since = col(table.created_at)
    statement = select(since.label("since"), *card_columns()).select_from(table)
    return (
        with_relations(statement.join(User, col(User.id) == them))
        .where(mine, col(User.deleted_at).is_(None))
        .order_by(since.desc(), col(User.id))
        .limit(MOST_REQUESTS)
    )


async def _dated(
    session: AsyncSession,
    statement: Select[*tuple[Any, ...]],
    *,
    viewer_id: UUID,
    online: Online,
) -> list[PersonSince]:
    rows = list(await session.execute(statement, {"viewer_id": viewer_id}))
    cards = await cards_of(rows, online)
    return [
        PersonSince(user=card, created_at=row.since) for card, row in zip(cards, rows, strict=True)
    ]


def _strangers(candidates: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Take the first of the candidates who are nothing to the viewer yet, with their cards.

    Candidates are `user_id`, `mutual_friends`, and `place`, of which the highest is first.
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
            ~has_asked(VIEWER, them),
            ~has_asked(them, VIEWER),
            ~blocked_between(VIEWER, them),
        )
        .order_by(given.c.place.desc(), them)
        .limit(MOST_SUGGESTIONS)
        .subquery()
    )
    return with_relations(
        select(first.c.mutual_friends, *card_columns())
        .select_from(first)
        .join(User, col(User.id) == first.c.user_id)
    ).order_by(first.c.place.desc(), first.c.user_id)


_mine, _theirs = aliased(Friendship), aliased(Friendship)
_in_common = func.count()
# Both composed once; run with `viewer_id`.
FRIENDS_OF_FRIENDS = _strangers(
    select(
        col(_theirs.friend_id).label("user_id"),
        _in_common.label("mutual_friends"),
        _in_common.label("place"),
    )
    .join_from(_mine, _theirs, col(_theirs.user_id) == col(_mine.friend_id))
    .where(col(_mine.user_id) == VIEWER)
    .group_by(col(_theirs.friend_id))
)
_me, _peer = aliased(Member), aliased(Member)
CORRESPONDENTS = _strangers(
    select(
        col(_peer.user_id).label("user_id"),
        literal(0).label("mutual_friends"),
        col(Conversation.updated_at).label("place"),
    )
    .join_from(_me, Conversation, col(Conversation.id) == col(_me.conversation_id))
    .join(_peer, col(_peer.conversation_id) == col(Conversation.id))
    .where(
        col(_me.user_id) == VIEWER,
        col(Conversation.direct_key).is_not(None),
        col(Conversation.last_seq) > 0,
    )
)
