"""Statements about many members at once, composed once: memberships, receipts and read marks.

All take the parameter `rows`, but `move_marks`.
"""

import functools
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Interval,
    Select,
    Uuid,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from chat_app.change_log.statements import append_entry
from chat_app.conversations.queries import HAS_RECEIPTS, unread_of
from chat_app.core.joint_writes import JointWrites
from chat_app.core.json_rows import CountedJsonRows, JsonRows, in_pieces
from chat_app.friends.relations import blocked_between
from chat_app.models import Member
from chat_app.models.tables import CONVERSATIONS, MEMBERS

ACTIVE = timedelta(minutes=5)
MAX_RECENT = 200


@functools.cache
def memberships(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the groups of the given users, and their conversations with unread messages.

    In pieces, as JSON.
    """
    given = CountedJsonRows(dialect, user_id=Uuid)
    found = (
        select(
            MEMBERS.c.user_id,
            CONVERSATIONS.c.id,
            CONVERSATIONS.c.kind,
            MEMBERS.c.since_seq,
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
    return in_pieces(dialect, found)


@functools.cache
def changed_lately(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the given users' conversations that changed lately, the latest `MAX_RECENT` of each.

    In pieces, as JSON. Takes how long ago that is as `active`, or on SQLite `changed_after`.
    """
    given = CountedJsonRows(dialect, user_id=Uuid)
    changed_at = CONVERSATIONS.c.changed_at
    after: ColumnElement[Any] = bindparam("changed_after", type_=changed_at.type)
    if dialect != "sqlite":
        # By the database's clock, and of the statement: see `ago`.
        after = func.statement_timestamp() - bindparam("active", type_=Interval)
    rank = func.row_number().over(partition_by=MEMBERS.c.user_id, order_by=changed_at.desc())
    ranked = (
        select(MEMBERS.c.user_id, CONVERSATIONS.c.id, CONVERSATIONS.c.last_rev, rank.label("rank"))
        .select_from(given.table)
        .join(MEMBERS, MEMBERS.c.user_id == given.columns["user_id"])
        .join(CONVERSATIONS, CONVERSATIONS.c.id == MEMBERS.c.conversation_id)
        .where(changed_at > after)
        .subquery("ranked")
    )
    latest = select(ranked.c.user_id, ranked.c.id, ranked.c.last_rev)
    return in_pieces(dialect, latest.where(ranked.c.rank <= MAX_RECENT))


@functools.cache
def store_deliveries(dialect: str) -> ReturningUpdate[UUID, UUID]:
    """Raise `delivered_seq` to the given `seq`, and return the members for whom that is news.

    Rows have `id` (of the conversation), `user_id` and, in a direct one, `peer_id`; a block between
    the two, a read mark that is as far, or a larger group makes it no news.
    """
    given = JsonRows(dialect, id=Uuid, user_id=Uuid, peer_id=Uuid, seq=BigInteger)
    # In the order of the log writer: two transactions that lock the same members in two orders
    # would wait for each other.
    locked = (
        select(CONVERSATIONS.c.id)
        .select_from(given.table)
        .join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
        .where(HAS_RECEIPTS)
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


_peer = aliased(Member)
# Reads by keys alone; only a direct conversation can be blocked.
_IS_BLOCKED = case(
    (
        CONVERSATIONS.c.direct_key.is_not(None),
        exists(
            select(1)
            .select_from(_peer)
            .where(
                col(_peer.conversation_id) == CONVERSATIONS.c.id,
                col(_peer.user_id) != MEMBERS.c.user_id,
                blocked_between(MEMBERS.c.user_id, col(_peer.user_id)),
            )
            .correlate(CONVERSATIONS, MEMBERS)
        ),
    ),
    else_=false(),
)


@functools.cache
def lock_marks(dialect: str, *, waits: bool) -> Select[*tuple[Any, ...]]:
    """Lock and select the read marks of members, with the end of their conversations.

    Rows have `number`, `id` (of the conversation) and `user_id`. Without `waits` it leaves out the
    members whom another transaction has locked.
    """
    given = JsonRows(dialect, number=Integer, id=Uuid, user_id=Uuid)
    marks = _with_members(
        given,
        select(
            given.columns["number"].label("number"),
            CONVERSATIONS.c.direct_key,
            CONVERSATIONS.c.last_seq,
            MEMBERS.c.last_read_seq,
            MEMBERS.c.read_seq,
            _IS_BLOCKED.label("is_blocked"),
        ).select_from(given.table),
    ).join(CONVERSATIONS, CONVERSATIONS.c.id == given.columns["id"])
    if not waits:
        # It waits for nobody, and sends wait only for a mark of their own sender.
        return marks.with_for_update(of=MEMBERS, skip_locked=True)
    # In the order of the log writer: two transactions that lock the same members in two orders
    # would wait for each other.
    return marks.order_by(CONVERSATIONS.c.id, MEMBERS.c.user_id).with_for_update(
        of=[CONVERSATIONS, MEMBERS]
    )


@functools.cache
def find_members(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the `number` of the rows that name a member; they have `id` and `user_id`, too."""
    given = JsonRows(dialect, number=Integer, id=Uuid, user_id=Uuid)
    number = given.columns["number"].label("number")
    return _with_members(given, select(number).select_from(given.table))


def _with_members(given: JsonRows, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return statement.join(
        MEMBERS,
        (MEMBERS.c.conversation_id == given.columns["id"])
        & (MEMBERS.c.user_id == given.columns["user_id"]),
    )


@functools.cache
def move_marks(dialect: str) -> JointWrites:
    """Set read marks, for their readers to `seq` and for the others to `read_seq`; append an entry.

    Takes the rows as `marks`, with `id` (of the conversation), `user_id` and both, and the entry.
    """
    given = JsonRows(dialect, "marks", id=Uuid, user_id=Uuid, seq=BigInteger, read_seq=BigInteger)
    move = (
        update(MEMBERS)
        .where(
            MEMBERS.c.conversation_id == given.columns["id"],
            MEMBERS.c.user_id == given.columns["user_id"],
        )
        .values(last_read_seq=given.columns["seq"], read_seq=given.columns["read_seq"])
    )
    return JointWrites(dialect, move, append_entry(dialect))
