"""Statements about many sessions at once, composed once: authentication and the session monitor.

All take the parameter `rows`.
"""

import functools
from typing import Any

from sqlalchemy import (
    Select,
    String,
    Update,
    Uuid,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from chat_app.core.json_rows import JsonRows
from chat_app.models.tables import SESSIONS, USERS

TIME = SESSIONS.c.expires_at.type
# Rows of older versions have none.
REASON = func.coalesce(SESSIONS.c.ended_reason, "signed_out")


@functools.cache
def live_by_cookie_hash(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the live sessions of the given `cookie_hash`, with their users. Takes `now`."""
    given = JsonRows(dialect, cookie_hash=String)
    return _live(given, SESSIONS.c.cookie_hash == given.columns["cookie_hash"])


@functools.cache
def live_by_id(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select the live sessions of the given `session_id` and `user_id`, as above."""
    given = JsonRows(dialect, session_id=Uuid, user_id=Uuid)
    return _live(
        given,
        (SESSIONS.c.id == given.columns["session_id"])
        & (SESSIONS.c.user_id == given.columns["user_id"]),
    )


@functools.cache
def over_or_untouched(dialect: str) -> Select[*tuple[Any, ...]]:
    """Select of the given sessions those that are over, and those not touched since `touched`.

    `over` is the reason, null for a live session. Takes `now`, too.
    """
    given = JsonRows(dialect, id=Uuid)
    over = case(
        (SESSIONS.c.ended_at.is_not(None), REASON),
        (USERS.c.deleted_at.is_not(None), "account_deleted"),
        (SESSIONS.c.expires_at <= bindparam("now", type_=TIME), "expired"),
    )
    return (
        select(SESSIONS.c.id, over.label("over"))
        .select_from(given.table)
        .join(SESSIONS, SESSIONS.c.id == given.columns["id"])
        .join(USERS, USERS.c.id == SESSIONS.c.user_id)
        .where(
            or_(
                over.is_not(None),
                SESSIONS.c.last_used_at <= bindparam("touched", type_=TIME),
            )
        )
    )


@functools.cache
def touch(dialect: str) -> Update:
    """Set the given sessions used `now` and good `until`, unless touched since `touched`."""
    given = JsonRows(dialect, id=Uuid)
    return (
        update(SESSIONS)
        .where(
            SESSIONS.c.id == given.columns["id"],
            SESSIONS.c.last_used_at <= bindparam("touched", type_=TIME),
        )
        .values(
            last_used_at=bindparam("now", type_=TIME), expires_at=bindparam("until", type_=TIME)
        )
    )


def _live(given: JsonRows, which: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401  # a condition
    return (
        select(
            SESSIONS.c.id.label("session_id"),
            SESSIONS.c.cookie_hash,
            SESSIONS.c.last_used_at,
            *(column for column in USERS.c if column.name != "password_hash"),
        )
        .select_from(given.table)
        .join(SESSIONS, which)
        .join(USERS, USERS.c.id == SESSIONS.c.user_id)
        .where(
            SESSIONS.c.ended_at.is_(None),
            SESSIONS.c.expires_at > bindparam("now", type_=TIME),
            USERS.c.deleted_at.is_(None),
        )
    )
