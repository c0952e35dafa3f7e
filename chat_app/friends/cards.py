"""User cards: the columns and joins that every query of people takes, and the card made of a row.

Deleted people have a common name. For a blocked viewer a card has no presence, as if it were
hidden, and `friendship` "none": a block is not disclosed.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, false, or_, true
from sqlalchemy import Uuid as UuidType
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.accounts.rules import DELETED_NAME
from chat_app.accounts.schemas import UserCard
from chat_app.core.clock import utc_now
from chat_app.core.time_slice import TimeSlice
from chat_app.friends.relations import share_a_conversation
from chat_app.models import Block, FriendRequest, Friendship, User
from chat_app.realtime.online import Online
from chat_app.realtime.shapes import Friendship as FriendshipState
from chat_app.realtime.shapes import avatar_url


class JsonCardRow(msgspec.Struct, gc=False):
    """The columns of a card in a JSON text; SQLite has no type for booleans."""

    id: UUID
    username: str
    display_name: str
    avatar: str | None
    status_text: str
    deleted_at: datetime | None
    last_seen_at: datetime | None
    friendship: FriendshipState
    shows_presence: bool | int


CardRow: TypeAlias = Row[*tuple[Any, ...]] | JsonCardRow
AnyCardRow = TypeVar("AnyCardRow", bound=CardRow)
# Rows whose presence is looked up together.
BATCH_SIZE = 500

# Statements are composed once; each run passes `viewer_id`.
VIEWER: ColumnElement[UUID] = bindparam("viewer_id", type_=UuidType)

NOT_TOGETHER: ColumnElement[bool] = false()

_mine, _theirs = aliased(Block), aliased(Block)
_friend = aliased(Friendship)
_sent, _received = aliased(FriendRequest), aliased(FriendRequest)

IS_BLOCKED = or_(col(_mine.blocker_id).is_not(None), col(_theirs.blocker_id).is_not(None))
HAS_BLOCKED_ME = col(_theirs.blocker_id).is_not(None)
FRIENDSHIP = case(
    (col(_mine.blocker_id).is_not(None), "blocked"),
    (col(_theirs.blocker_id).is_not(None), "none"),
    (col(_friend.user_id).is_not(None), "friends"),
    (col(_sent.sender_id).is_not(None), "requested"),
    (col(_received.sender_id).is_not(None), "incoming"),
    else_="none",
)


def _shows_presence(seen_together: ColumnElement[bool]) -> ColumnElement[bool]:
    shares = and_(col(User.share_presence), col(User.deleted_at).is_(None), ~IS_BLOCKED)
    at_hand = or_(col(User.id) == VIEWER, col(_friend.user_id).is_not(None), seen_together)
    # A search for a conversation reads all of the viewer's. As a CASE: SQLite works out every part
    # of an OR that it selects.
    return case(
        (~shares, false()), (at_hand, true()), else_=share_a_conversation(VIEWER, col(User.id))
    )


def card_values(seen_together: ColumnElement[bool] = NOT_TOGETHER) -> dict[str, Any]:
    """Return what `card_of` reads by name.

    `seen_together`: whether the statement is about a conversation that the person and the viewer
    both see.
    """
    return {
        "id": col(User.id),
        "username": col(User.username),
        "display_name": col(User.display_name),
        "avatar": col(User.avatar),
        "status_text": col(User.status_text),
        "deleted_at": col(User.deleted_at),
        "last_seen_at": col(User.last_seen_at),
        "friendship": FRIENDSHIP,
        "shows_presence": _shows_presence(seen_together),
    }


def card_columns(
    seen_together: ColumnElement[bool] = NOT_TOGETHER,
) -> tuple[ColumnElement[Any], ...]:
    """Return the same as columns of a statement."""
    return tuple(value.label(name) for name, value in card_values(seen_together).items())


def with_relations(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Join the tables that `card_columns` needs to a statement about `User`; takes `viewer_id`."""
    them = col(User.id)
    return (
        statement.outerjoin(
            _mine, and_(col(_mine.blocker_id) == VIEWER, col(_mine.blocked_id) == them)
        )
        .outerjoin(
            _theirs, and_(col(_theirs.blocker_id) == them, col(_theirs.blocked_id) == VIEWER)
        )
        .outerjoin(_friend, and_(col(_friend.user_id) == VIEWER, col(_friend.friend_id) == them))
        .outerjoin(_sent, and_(col(_sent.sender_id) == VIEWER, col(_sent.receiver_id) == them))
        .outerjoin(
            _received, and_(col(_received.sender_id) == them, col(_received.receiver_id) == VIEWER)
        )
    )


# A user who has blocked the viewer is as invisible as a deleted one.
VISIBLE = and_(col(User.deleted_at).is_(None), ~HAS_BLOCKED_ME)


def card_of(row: CardRow, online: set[UUID]) -> UserCard:
    """Make a card of a row that selected `card_columns`; `online` are ids of the connected."""
    gone = row.deleted_at is not None
    is_online = row.id in online
    shown = bool(row.shows_presence)
    last_seen_at = utc_now() if is_online else row.last_seen_at
    return UserCard(
        id=row.id,
        username="" if gone else row.username,
        display_name=DELETED_NAME if gone else row.display_name,
        avatar_url=avatar_url(row.avatar),
        status_text="" if gone else row.status_text,
        online=is_online if shown else None,
        last_seen_at=last_seen_at if shown else None,
        friendship="none" if gone else row.friendship,
    )


async def cards_of(rows: Iterable[CardRow], online: Online) -> list[UserCard]:
    """Make the cards of rows that selected `card_columns`, in their order."""
    return [card async for _, card in with_cards(rows, online)]


async def with_cards(
    rows: Iterable[AnyCardRow], online: Online
) -> AsyncIterator[tuple[AnyCardRow, UserCard]]:
    """Yield each row that selected `card_columns` with its card; other tasks may run meanwhile."""
    time_slice, left = TimeSlice(), iter(rows)
    while some := list(islice(left, BATCH_SIZE)):
        connected = await online.filter_connected(row.id for row in some if row.shows_presence)
        for row in some:
            yield row, card_of(row, connected)
            await time_slice.pause()
