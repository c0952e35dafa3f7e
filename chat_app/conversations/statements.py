"""Statements about many members at once, composed once: memberships and delivery receipts.

All take the parameter `rows`.
"""

import functools
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, Uuid, or_, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from chat_app.conversations.queries import unread_of
from chat_app.core.clock import ago
from chat_app.core.json_rows import JsonRows
from chat_app.friends.relations import blocked_between
from chat_app.models.tables import CONVERSATIONS, MEMBERS


@functools.cache
def memberships(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the groups of the given users, and their conversations with unread messages."""
    given = JsonRows(dialect, user_id=Uuid)
    return (
        select(
            MEMBERS.c.user_id,
            CONVERSATIONS.c.id,
            CONVERSATIONS.c.kind,
            unread_of(MEMBERS.c.user_id).label("unread"),
        )
        .select_from(given.table)
        .join(MEMBERS, MEMBERS.c.user_id == given.columns["user_id"])
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MEMBERS.c.conversation_id)
        .where(
            or_(
                CONVERSATIONS.c.kind == "group",
                CONVERSATIONS.c.last_seq > MEMBERS.c.last_read_seq,
            )
        )
    )


def changed_within(dialect: str, time: timedelta) -> Select[*tuple[Any, ...]]:
    """Select the given users' conversations that changed within `time`, the latest first."""
    return _by_change(dialect).where(CONVERSATIONS.c.changed_at > ago(dialect, time))


@functools.cache
def _by_change(dialect: str) -> Select[*tuple[Any, ...]]:
    given = JsonRows(dialect, user_id=Uuid)
    return (
        select(MEMBERS.c.user_id, CONVERSATIONS.c.id, CONVERSATIONS.c.last_rev)
        .select_from(given.table)
        .join(MEMBERS, MEMBERS.c.user_id == given.columns["user_id"])
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MEMBERS.c.conversation_id)
        .order_by(CONVERSATIONS.c.changed_at.desc())
    )


@functools.cache
def store_deliveries(dialect: str) -> ReturningUpdate[UUID, UUID]:
    """Raise `delivered_seq` to the given `seq`, and return the members for whom that is news.

    Rows have `id` (of the conversation), `user_id` and `peer_id`; a block between the two, or a
    read mark that is as far, makes it no news.
    """
    given = JsonRows(dialect, id=Uuid, user_id=Uuid, peer_id=Uuid, seq=BigInteger)
    # In the order of the log writer: two transactions that lock the same members in two orders
    # would wait for each other.
    locked = (
        select(CONVERSATIONS.c.id)
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
        .order_by(CONVERSATIONS.c.id)
        .with_for_update(of=CONVERSATIONS)
        .cte("locked")
    )
    return (
        update(MEMBERS)
        .where(
            MEMBERS.c.conversation_id == given.columns["id"],
            MEMBERS.c.user_id == given.columns["user_id"],
            MEMBERS.c.conversation_id.in_(select(locked.c.id)),
            MEMBERS.c.delivered_seq < given.columns["seq"],
            MEMBERS.c.read_seq < given.columns["seq"],
            ~blocked_between(MEMBERS.c.user_id, given.columns["peer_id"]),
        )
        .values(delivered_seq=given.columns["seq"])
        .returning(MEMBERS.c.conversation_id, MEMBERS.c.user_id)
    )
