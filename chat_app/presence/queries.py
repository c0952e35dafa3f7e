"""The audience of presence and typing: users who may see it, in one statement for many users."""

import functools
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, Uuid, and_, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat_app.core.json_rows import CountedJsonRows, as_parameter
from chat_app.friends.relations import (
    MAX_GROUP_SIZE,
    are_friends,
    blocked_between,
    both_see,
    share_a_conversation,
)
from chat_app.models import Conversation, Friendship, Member, User

_conversation = aliased(Conversation)
_mine, _theirs = aliased(Member), aliased(Member)
_friend = aliased(Friendship)
IS_SMALL = or_(
    col(_conversation.kind) == "direct", col(_conversation.members_count) <= MAX_GROUP_SIZE
)


class PresenceView(NamedTuple):
    """The presence of a user for a viewer: `is_shown` false, or the time they were last seen."""

    viewer_id: UUID
    user_id: UUID
    is_shown: bool
    last_seen_at: datetime | None


class Statements:
    """The statements for one kind of database, composed once. All take `rows`."""

    def __init__(self, dialect: str) -> None:
        shares = and_(col(User.share_presence), col(User.deleted_at).is_(None))
        changed = CountedJsonRows(dialect, id=Uuid)
        friends: Select[UUID, UUID] = (
            select(col(_friend.user_id).label("user_id"), col(_friend.friend_id).label("viewer_id"))
            .select_from(changed.table)
            .join(_friend, col(_friend.user_id) == changed.columns["id"])
        )
        companions = (
            select(col(_mine.user_id), col(_theirs.user_id))
            .select_from(changed.table)
            .join(_mine, col(_mine.user_id) == changed.columns["id"])
            .join(
                _conversation, and_(col(_conversation.id) == col(_mine.conversation_id), IS_SMALL)
            )
            .join(_theirs, col(_theirs.conversation_id) == col(_conversation.id))
            .where(
                col(_theirs.user_id) != col(_mine.user_id),
                both_see(
                    col(_conversation.kind),
                    col(_conversation.members_count),
                    col(_conversation.last_seq),
                    col(_mine.opened),
                    col(_theirs.opened),
                ),
            )
        )
        pairs = union(friends, companions).subquery()
        self.audience = (
            select(
                pairs.c.viewer_id,
                pairs.c.user_id,
                shares.label("is_shown"),
                col(User.last_seen_at),
            )
            .select_from(pairs)
            .join(User, col(User.id) == pairs.c.user_id)
            .where(~blocked_between(pairs.c.viewer_id, pairs.c.user_id))
        )
        given = CountedJsonRows(dialect, viewer_id=Uuid, user_id=Uuid)
        viewer_id, user_id = given.columns["viewer_id"], given.columns["user_id"]
        self.presence_views = (
            select(
                viewer_id.label("viewer_id"),
                user_id.label("user_id"),
                and_(shares, ~blocked_between(viewer_id, user_id)).label("is_shown"),
                col(User.last_seen_at),
            )
            .select_from(given.table)
            .join(User, col(User.id) == user_id)
            .where(or_(are_friends(viewer_id, user_id), share_a_conversation(viewer_id, user_id)))
        )


statements = functools.cache(Statements)


async def audience(session: AsyncSession, user_ids: Iterable[UUID]) -> list[PresenceView]:
    """Return the viewers of these users: friends and people with a conversation that both see.

    Without blocks and large groups.

    `is_shown` is the same for all viewers of a user: whether that user shows presence at all.
    """
    rows = [{"id": user_id} for user_id in user_ids]
    statement = statements(session.get_bind().dialect.name).audience
    found = await session.execute(statement, {"rows": as_parameter(rows)})
    return [PresenceView(*row) for row in found]


async def presence_views(
    session: AsyncSession, pairs: Iterable[tuple[UUID, UUID]]
) -> list[PresenceView]:
    """Return what the first of each pair may see of the second.

    Pairs without a friendship and a conversation that both see are left out, even as hidden: that
    would disclose a block to a user who never saw anything.
    """
    rows = [{"viewer_id": viewer_id, "user_id": user_id} for viewer_id, user_id in pairs]
    statement = statements(session.get_bind().dialect.name).presence_views
    found = await session.execute(statement, {"rows": as_parameter(rows)})
    return [PresenceView(*row) for row in found]


async def typing_audience(
    session: AsyncSession, *, actor_id: UUID, conversation_id: UUID
) -> list[UUID]:
    """Return the members who see that `actor_id` writes; none where the actor is no member.

    Left out are members across a block, those for whom the conversation is not listed yet, those
    who take messages from friends only, and groups above MAX_GROUP_SIZE.
    """
    me, them, person = aliased(Member), aliased(Member), aliased(User)
    seen = or_(col(them.opened), col(_conversation.last_seq) > 0)
    reached = or_(
        col(_conversation.kind) != "direct",
        col(person.accept_messages_from) == "everyone",
        are_friends(col(them.user_id), actor_id),
    )
    found = await session.scalars(
        select(col(them.user_id))
        .select_from(me)
        .join(_conversation, and_(col(_conversation.id) == col(me.conversation_id), IS_SMALL))
        .join(them, col(them.conversation_id) == col(me.conversation_id))
        .join(person, col(person.id) == col(them.user_id))
        .where(
            col(me.conversation_id) == conversation_id,
            col(me.user_id) == actor_id,
            col(them.user_id) != actor_id,
            col(person.deleted_at).is_(None),
            seen,
            reached,
            ~blocked_between(actor_id, col(them.user_id)),
        )
    )
    return list(found)
