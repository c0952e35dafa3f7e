"""How one person may see another: every card of somebody is made here.

Deleted people have a common name. Whoever was blocked sees a card without presence, as of somebody
who hides it, and `friendship` "none": a block is not told.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, or_, select
from sqlalchemy import Uuid as UuidType
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.schemas import UserCard
from chat_app.core.clock import utc_now
from chat_app.friends.errors import PersonNotFound
from chat_app.friends.relations import share_a_conversation
from chat_app.models import Block, FriendRequest, Friendship, User
from chat_app.realtime.online import Online

CardRow = Row[*tuple[Any, ...]]

DELETED_NAME = "Deleted user"

# Composed once: whoever asks passes `viewer_id`.
VIEWER: ColumnElement[UUID] = bindparam("viewer_id", type_=UuidType)

_mine, _theirs = aliased(Block), aliased(Block)
_friend = aliased(Friendship)
_asked, _asking = aliased(FriendRequest), aliased(FriendRequest)

IS_BLOCKED = or_(col(_mine.blocker_id).is_not(None), col(_theirs.blocker_id).is_not(None))
HAS_BLOCKED_ME = col(_theirs.blocker_id).is_not(None)
FRIENDSHIP = case(
    (col(_mine.blocker_id).is_not(None), "blocked"),
    (col(_theirs.blocker_id).is_not(None), "none"),
    (col(_friend.user_id).is_not(None), "friends"),
    (col(_asked.sender_id).is_not(None), "requested"),
    (col(_asking.sender_id).is_not(None), "incoming"),
    else_="none",
)


def _shows_presence(*, together: bool) -> ColumnElement[bool]:
    known = [col(User.id) == VIEWER, col(_friend.user_id).is_not(None)]
    if not together:
        known.append(share_a_conversation(VIEWER, col(User.id)))
    shares = and_(col(User.share_presence), col(User.deleted_at).is_(None), ~IS_BLOCKED)
    return shares if together else and_(shares, or_(*known))


def card_columns(*, together: bool = False) -> tuple[Any, ...]:
    """Return the columns that `card_of` reads; `together` where a conversation joins the two."""
    return (
        col(User.id),
        col(User.username),
        col(User.display_name),
        col(User.status_text),
        col(User.deleted_at),
        col(User.last_seen_at),
        FRIENDSHIP.label("friendship"),
        HAS_BLOCKED_ME.label("has_blocked_me"),
        _shows_presence(together=together).label("shows_presence"),
    )


def with_relations(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Join what `card_columns` needs to a statement about `User`; run it with `viewer_id`."""
    them = col(User.id)
    return (
        statement.outerjoin(
            _mine, and_(col(_mine.blocker_id) == VIEWER, col(_mine.blocked_id) == them)
        )
        .outerjoin(
            _theirs, and_(col(_theirs.blocker_id) == them, col(_theirs.blocked_id) == VIEWER)
        )
        .outerjoin(_friend, and_(col(_friend.user_id) == VIEWER, col(_friend.friend_id) == them))
        .outerjoin(_asked, and_(col(_asked.sender_id) == VIEWER, col(_asked.receiver_id) == them))
        .outerjoin(
            _asking, and_(col(_asking.sender_id) == them, col(_asking.receiver_id) == VIEWER)
        )
    )


CARDS = with_relations(select(*card_columns()).select_from(User))
# Nobody sees these, and who has blocked me looks like somebody who has left.
VISIBLE = and_(col(User.deleted_at).is_(None), ~HAS_BLOCKED_ME)


def card_of(row: CardRow, online: set[UUID]) -> UserCard:
    """Make a card of a row that selected `card_columns`; `online` are those connected."""
    gone = row.deleted_at is not None
    is_online = row.id in online
    shown = bool(row.shows_presence)
    last_seen_at = utc_now() if is_online else row.last_seen_at
    return UserCard(
        id=row.id,
        username="" if gone else row.username,
        display_name=DELETED_NAME if gone else row.display_name,
        avatar_url=None,
        status_text="" if gone else row.status_text,
        online=is_online if shown else None,
        last_seen_at=last_seen_at if shown else None,
        friendship="none" if gone else row.friendship,
    )


async def cards_of(rows: Iterable[CardRow], online: Online) -> list[UserCard]:
    """Make the cards of rows that selected `card_columns`, in their order."""
    found = list(rows)
    connected = await online.among(row.id for row in found if row.shows_presence)
    return [card_of(row, connected) for row in found]


async def user_card(
    session: AsyncSession, *, viewer_id: UUID, user_id: UUID, online: Online
) -> UserCard:
    """Return a person as `viewer_id` may see them.

    Raises PersonNotFound for somebody who is not there, has left, or has blocked the viewer.
    """
    statement = CARDS.where(VISIBLE, col(User.id) == user_id)
    rows = await session.execute(statement, {"viewer_id": viewer_id})
    cards = await cards_of(rows, online)
    if not cards:
        raise PersonNotFound
    return cards[0]


async def seen_by_each_other(
    session: AsyncSession, one: UUID, other: UUID
) -> tuple[CardRow, CardRow]:
    """Return `other` as `one` sees them, and the other way round: rows for `cards_of`."""
    seen = [
        (await session.execute(CARDS.where(col(User.id) == them), {"viewer_id": viewer})).one()
        for viewer, them in ((one, other), (other, one))
    ]
    return seen[0], seen[1]
