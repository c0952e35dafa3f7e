"""What two people are to each other, as conditions for any query.

Each takes columns or values and looks up primary keys only.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.models import Block, Friendship, Member

Person = ColumnElement[UUID] | UUID | Any


def blocked_between(one: Person, other: Person) -> ColumnElement[bool]:
    """Whether either of the two has blocked the other."""
    block = aliased(Block)
    return exists(
        select(1)
        .select_from(block)
        .where(
            or_(
                and_(col(block.blocker_id) == one, col(block.blocked_id) == other),
                and_(col(block.blocker_id) == other, col(block.blocked_id) == one),
            )
        )
    )


def are_friends(one: Person, other: Person) -> ColumnElement[bool]:
    """Whether the two are friends."""
    friendship = aliased(Friendship)
    return exists(
        select(1)
        .select_from(friendship)
        .where(col(friendship.user_id) == one, col(friendship.friend_id) == other)
    )


def share_a_conversation(one: Person, other: Person) -> ColumnElement[bool]:
    """Whether some conversation has both as members."""
    mine, theirs = aliased(Member), aliased(Member)
    return exists(
        select(1)
        .select_from(mine)
        .join(theirs, col(theirs.conversation_id) == col(mine.conversation_id))
        .where(col(mine.user_id) == one, col(theirs.user_id) == other)
    )
