"""Knowing who is asking, by a cookie or a token, for as long as their session lives."""

import functools
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, String, Uuid, bindparam, select

from chat_app.accounts.queries import own_user_of
from chat_app.accounts.schemas import AuthenticatedUser, Identity
from chat_app.accounts.sessions import TOUCH_EVERY
from chat_app.core.batch_loader import BatchLoader
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.json_rows import JsonRows, as_parameter
from chat_app.core.tokens import fingerprint, read_access_token
from chat_app.models.tables import SESSIONS, USERS

COOKIE_LONGEST = 128

AnyRow = Row[*tuple[Any, ...]]


class Authenticator:
    """Looks sessions up, for all who come at one moment in one statement.

    `used` hears of sessions that have not been used for a while.
    """

    def __init__(self, *, database: Database, secret: str, used: Callable[[UUID], None]) -> None:
        self._database = database
        self._secret = secret
        self._used = used
        self._of_cookie = BatchLoader(self._find_by_hash)
        self._of_session = BatchLoader(self._find_by_session)

    async def by_cookie(self, secret: str | None) -> AuthenticatedUser | None:
        """Return whose live session this cookie opens, if any."""
        if not secret or len(secret) > COOKIE_LONGEST:  # ours have 43 characters
            return None
        return await self._of_cookie(fingerprint(secret))

    async def by_token(self, token: str) -> AuthenticatedUser | None:
        """Return whose live session this access token speaks for, if any."""
        claims = read_access_token(token, secret=self._secret)
        if claims is None:
            return None
        return await self._of_session(Identity(claims.user_id, claims.session_id))

    async def close(self) -> None:
        """Wait for what is under way."""
        await self._of_cookie.close()
        await self._of_session.close()

    async def _find_by_hash(self, hashes: Sequence[str]) -> dict[str, AuthenticatedUser]:
        statement = _by_hash(self._database.engine.dialect.name)
        rows = await self._run(statement, [{"cookie_hash": one} for one in hashes])
        return {row.cookie_hash: self._authenticated(row) for row in rows}

    async def _find_by_session(
        self, claimed: Sequence[Identity]
    ) -> dict[Identity, AuthenticatedUser]:
        statement = _by_session(self._database.engine.dialect.name)
        keys = [{"session_id": one.session_id, "user_id": one.user_id} for one in claimed]
        rows = await self._run(statement, keys)
        known = map(self._authenticated, rows)
        return {one.identity: one for one in known}

    async def _run(
        self, statement: Select[*tuple[Any, ...]], keys: list[dict[str, Any]]
    ) -> list[AnyRow]:
        values = {"rows": as_parameter(keys), "now": utc_now()}
        return await self._database.fetch_all(statement, values)

    def _authenticated(self, row: AnyRow) -> AuthenticatedUser:
        if utc_now() - row.last_used_at >= TOUCH_EVERY:
            self._used(row.session_id)
        return AuthenticatedUser(Identity(row.id, row.session_id), own_user_of(row))


@functools.cache
def _by_hash(dialect: str) -> Select[*tuple[Any, ...]]:
    given = JsonRows(dialect, cookie_hash=String)
    return _alive(given, SESSIONS.c.cookie_hash == given.columns["cookie_hash"])


@functools.cache
def _by_session(dialect: str) -> Select[*tuple[Any, ...]]:
    given = JsonRows(dialect, session_id=Uuid, user_id=Uuid)
    return _alive(
        given,
        (SESSIONS.c.id == given.columns["session_id"])
        & (SESSIONS.c.user_id == given.columns["user_id"]),
    )


def _alive(given: JsonRows, which: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401  # a condition
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
            SESSIONS.c.expires_at > bindparam("now", type_=SESSIONS.c.expires_at.type),
            USERS.c.deleted_at.is_(None),
        )
    )
