"""SQL conditions about two people (blocked, friends, requested, reachable), for any statement.

Each takes columns or values and reads by primary keys only. Columns refer to the statement around
it at any depth: without `correlate_except`, SQLAlchemy would correlate one level up only, and join
again the tables that it does not find there.
"""

from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, exists, null, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.models import Block, Conversation, FriendRequest, Friendship, Member, User

# Members of larger groups do not see each other's presence: a thousand who reconnect would each be
# an event for a thousand others.
MAX_GROUP_SIZE = 100

Person = ColumnElement[UUID] | UUID | Any
Unreachable = Literal["gone", "blocked", "friends_only"]


def has_blocked(blocker: Person, blocked: Person) -> ColumnElement[bool]:
    """Return whether the first has blocked the second."""
    block = aliased(Block)
    return exists(
        select(1)
        .select_from(block)
        .where(col(block.blocker_id) == blocker, col(block.blocked_id) == blocked)
        .correlate_except(block)
    )


def blocked_between(one: Person, other: Person) -> ColumnElement[bool]:
    """Return whether either of the two has blocked the other."""
    return or_(has_blocked(one, other), has_blocked(other, one))


def are_friends(one: Person, other: Person) -> ColumnElement[bool]:
    """Return whether the two are friends."""
    friendship = aliased(Friendship)
    return exists(
        select(1)
        .select_from(friendship)
        .where(col(friendship.user_id) == one, col(friendship.friend_id) == other)
        .correlate_except(friendship)
    )


def has_requested(sender: Person, receiver: Person) -> ColumnElement[bool]:
    """Return whether a friend request of the first waits for the answer of the second."""
    request = aliased(FriendRequest)
    return exists(
        select(1)
        .select_from(request)
        .where(col(request.sender_id) == sender, col(request.receiver_id) == receiver)
        .correlate_except(request)
    )


def unreachable(sender: Person, person: type[User]) -> ColumnElement[Unreachable | None]:
    """Return why `sender` may not write to `person`, an alias of User; null when they may."""
    them = col(person.id)
    return case(
        (col(person.deleted_at).is_not(None), "gone"),
        (blocked_between(sender, them), "blocked"),
        (
            and_(col(person.accept_messages_from) == "friends", ~are_friends(sender, them)),
            "friends_only",
        ),
        else_=null(),
    )


def share_a_conversation(one: Person, other: Person) -> ColumnElement[bool]:
    """Return whether some conversation has both as members, and both see it."""
    mine, theirs, conversation = aliased(Member), aliased(Member), aliased(Conversation)
    return exists(
        select(1)
        .select_from(mine)
        .join(theirs, col(theirs.conversation_id) == col(mine.conversation_id))
        .join(conversation, col(conversation.id) == col(mine.conversation_id))
        .where(
            col(mine.user_id) == one,
            col(theirs.user_id) == other,
            both_see(
                col(conversation.kind),
                col(conversation.members_count),
                col(conversation.last_seq),
                col(mine.opened),
                col(theirs.opened),
            ),
        )
        .correlate_except(mine, theirs, conversation)
    )


def both_see(
    kind: SQLColumnExpression[str],
    members_count: SQLColumnExpression[int],
    last_seq: SQLColumnExpression[int],
    opened_by_one: SQLColumnExpression[bool],
    opened_by_other: SQLColumnExpression[bool],
) -> ColumnElement[bool]:
    """Return whether two members of a conversation see each other's presence.

    In small groups, and in direct conversations that both have listed: until its first message one
    is listed only for a user who has opened it.
    """
    is_listed = or_(last_seq > 0, and_(opened_by_one, opened_by_other))
    return or_(
        and_(kind == "direct", is_listed),
        and_(kind != "direct", members_count <= MAX_GROUP_SIZE),
    )
