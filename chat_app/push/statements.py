"""Statements of the push sender, about many members at once, composed once.

Those about members take the parameter `rows`.
"""

import functools
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Update,
    Uuid,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningDelete
from sqlmodel import UTCDateTime, col

from chat_app.conversations.message_rows import SENDER, message_columns
from chat_app.conversations.queries import unread_of
from chat_app.core.json_rows import CountedJsonRows, JsonRows, in_pieces
from chat_app.friends.relations import blocked_between
from chat_app.models.tables import (
    CONVERSATIONS,
    MEMBERS,
    MESSAGES,
    PUSH_SUBSCRIPTIONS,
    PUSHED_CONVERSATIONS,
    SESSIONS,
    USERS,
)

_SUBSCRIPTION = (
    PUSH_SUBSCRIPTIONS.c.id.label("subscription_id"),
    PUSH_SUBSCRIPTIONS.c.user_id,
    PUSH_SUBSCRIPTIONS.c.endpoint,
    PUSH_SUBSCRIPTIONS.c.p256dh,
    PUSH_SUBSCRIPTIONS.c.auth,
    PUSH_SUBSCRIPTIONS.c.visible_until,
)


# Takes no parameter.
ANY_SUBSCRIPTION = select(1).select_from(PUSH_SUBSCRIPTIONS).limit(1)


@functools.cache
def receivers(dialect: str, *, is_one: bool) -> Select[*tuple[Any, ...]]:
    """Select the subscriptions of the members of conversations, but for their senders', in pieces.

    Rows have `id` (of the conversation) and `sender_id`; who has blocked the sender, or is blocked,
    gets nothing of them. Takes `now`, too, and of one subscription its `subscription_id`.
    """
    given = CountedJsonRows(dialect, id=Uuid, sender_id=Uuid)
    found = (
        select(
            CONVERSATIONS.c.id.label("conversation_id"),
            CONVERSATIONS.c.title,
            given.columns["sender_id"].label("sender_id"),
            *_SUBSCRIPTION,
            MEMBERS.c.last_read_seq,
            MEMBERS.c.since_seq,
            MEMBERS.c.muted_until,
            USERS.c.push_preview,
            USERS.c.quiet_hours,
            unread_of(MEMBERS.c.user_id).label("unread"),
            _is_pushed(MEMBERS.c.user_id).label("is_pushed"),
        )
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
        .join(MEMBERS, MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
        .join(PUSH_SUBSCRIPTIONS, PUSH_SUBSCRIPTIONS.c.user_id == MEMBERS.c.user_id)
        .join(SESSIONS, _is_live())
        .join(USERS, USERS.c.id == MEMBERS.c.user_id)
        .where(
            MEMBERS.c.user_id != given.columns["sender_id"],
            ~blocked_between(MEMBERS.c.user_id, given.columns["sender_id"]),
        )
    )
    one = bindparam("subscription_id", type_=Uuid)
    return in_pieces(dialect, found.where(PUSH_SUBSCRIPTIONS.c.id == one) if is_one else found)


@functools.cache
def present_message(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the message `message_id`, unless it was deleted."""
    return (
        select(*message_columns(dialect), CONVERSATIONS.c.direct_key)
        .select_from(MESSAGES)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MESSAGES.c.conversation_id)
        .join(SENDER, col(SENDER.id) == MESSAGES.c.sender_id)
        .where(
            MESSAGES.c.id == bindparam("message_id", type_=Uuid),
            MESSAGES.c.deleted_at.is_(None),
        )
    )


@functools.cache
def readers(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the subscriptions of users, with their unread messages of a conversation, in pieces.

    Rows have `user_id` and `conversation_id`; who is no member any more has nothing unread. Takes
    `now`, too.
    """
    given = CountedJsonRows(dialect, user_id=Uuid, conversation_id=Uuid)
    return in_pieces(
        dialect,
        select(
            CONVERSATIONS.c.id.label("conversation_id"),
            *_SUBSCRIPTION,
            unread_of(MEMBERS.c.user_id).label("unread"),
            _is_pushed(PUSH_SUBSCRIPTIONS.c.user_id).label("is_pushed"),
        )
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["conversation_id"])
        .join(PUSH_SUBSCRIPTIONS, PUSH_SUBSCRIPTIONS.c.user_id == given.columns["user_id"])
        .outerjoin(
            MEMBERS,
            (MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
            & (MEMBERS.c.user_id == given.columns["user_id"]),
        )
        .join(SESSIONS, _is_live()),
    )


@functools.cache
def pushed_members(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select those to whom a conversation was pushed and who have nothing unread, in pieces.

    Who is no member any more has nothing unread.

    Rows have `id` (of the conversation).
    """
    given = CountedJsonRows(dialect, id=Uuid)
    return in_pieces(
        dialect,
        select(PUSHED_CONVERSATIONS.c.user_id, PUSHED_CONVERSATIONS.c.conversation_id)
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
        .join(PUSHED_CONVERSATIONS, PUSHED_CONVERSATIONS.c.conversation_id == CONVERSATIONS.c.id)
        .outerjoin(
            MEMBERS,
            (MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
            & (MEMBERS.c.user_id == PUSHED_CONVERSATIONS.c.user_id),
        )
        .where(unread_of(MEMBERS.c.user_id) <= 0),
    )


@functools.cache
def mark_pushed(dialect: str) -> Insert:
    """Insert which conversations were pushed to whom, where that is not there.

    Rows have `user_id` and `conversation_id`.
    """
    given = JsonRows(dialect, user_id=Uuid, conversation_id=Uuid)
    columns = ["user_id", "conversation_id"]
    # Somebody who has left meanwhile, or lost the group, is no member. SQLite needs the condition,
    # too: it would take ON CONFLICT for a part of a join.
    rows = select(MEMBERS.c.user_id, MEMBERS.c.conversation_id).where(
        tuple_(MEMBERS.c.user_id, MEMBERS.c.conversation_id).in_(
            select(*(given.columns[name] for name in columns)).select_from(given.table)
        )
    )
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    made = insert(PUSHED_CONVERSATIONS).from_select(columns, rows)
    return made.on_conflict_do_nothing()


@functools.cache
def marks(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select how far users have read, what is unread, and whether their devices may show it.

    Rows have `user_id` and `conversation_id`. Who is no member any more has nothing unread.
    """
    given = CountedJsonRows(dialect, user_id=Uuid, conversation_id=Uuid)
    return (
        select(
            given.columns["user_id"].label("user_id"),
            CONVERSATIONS.c.id.label("conversation_id"),
            MEMBERS.c.last_read_seq,
            unread_of(MEMBERS.c.user_id).label("unread"),
            _is_pushed(given.columns["user_id"]).label("is_pushed"),
        )
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["conversation_id"])
        .outerjoin(
            MEMBERS,
            (MEMBERS.c.conversation_id == CONVERSATIONS.c.id)
            & (MEMBERS.c.user_id == given.columns["user_id"]),
        )
    )


@functools.cache
def take_pushed(dialect: str) -> ReturningDelete[UUID, UUID]:
    """Delete what conversations were pushed to whom, and return it: one of several nodes gets each.

    Rows have `user_id` and `conversation_id`.
    """
    given = JsonRows(dialect, user_id=Uuid, conversation_id=Uuid)
    key = (PUSHED_CONVERSATIONS.c.user_id, PUSHED_CONVERSATIONS.c.conversation_id)
    asked = select(given.columns["user_id"], given.columns["conversation_id"])
    gone = delete(PUSHED_CONVERSATIONS).where(tuple_(*key).in_(asked.select_from(given.table)))
    return gone.returning(*key)


@functools.cache
def set_visible(dialect: str) -> Update:
    """Set until when tabs of the given sessions, their `id`, are visible: `until`."""
    given = JsonRows(dialect, id=Uuid)
    return (
        update(PUSH_SUBSCRIPTIONS)
        .where(PUSH_SUBSCRIPTIONS.c.session_id == given.columns["id"])
        .values(visible_until=bindparam("until", type_=UTCDateTime))
    )


def _is_pushed(user_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Return whether devices of a user may show the conversation."""
    return (
        select(1)
        .where(
            PUSHED_CONVERSATIONS.c.user_id == user_id,
            PUSHED_CONVERSATIONS.c.conversation_id == CONVERSATIONS.c.id,
        )
        .exists()
    )


def _is_live() -> ColumnElement[bool]:
    """Return whether the session of a subscription is live; takes `now`."""
    return (
        (SESSIONS.c.id == PUSH_SUBSCRIPTIONS.c.session_id)
        & SESSIONS.c.ended_at.is_(None)
        & (SESSIONS.c.expires_at > bindparam("now", type_=UTCDateTime))
    )
