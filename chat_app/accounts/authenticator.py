"""Authenticate requests: the live session and its user by a cookie or an access token."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select

from chat_app.accounts.queries import own_user_of
from chat_app.accounts.schemas import AuthenticatedUser, Identity
from chat_app.accounts.session_monitor import TOUCH_INTERVAL
from chat_app.accounts.statements import live_by_cookie_hash, live_by_id
from chat_app.core.batch_loader import BatchLoader
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.json_rows import as_parameter
from chat_app.core.tokens import fingerprint, read_access_token

MAX_COOKIE_LENGTH = 128

AnyRow = Row[*tuple[Any, ...]]


class Authenticator:
    """A loader of live sessions: one statement for all requests of the same moment."""

    def __init__(
        self, *, database: Database, secret: str, on_stale_session: Callable[[UUID], None]
    ) -> None:
        """`on_stale_session` is called for a session whose last use was stored a while ago."""
        self._database = database
        self._secret = secret
        self._on_stale_session = on_stale_session
        self._by_cookie_hash = BatchLoader(self._load_by_hash)
        self._by_session = BatchLoader(self._load_by_session)

    async def by_cookie(self, secret: str | None) -> AuthenticatedUser | None:
        """Return the user of the live session with this cookie secret, None when there is none."""
        if not secret or len(secret) > MAX_COOKIE_LENGTH:  # ours have 43 characters
            return None
        return await self._by_cookie_hash(fingerprint(secret))

    async def by_token(self, token: str) -> AuthenticatedUser | None:
        """Return the user of the live session that this access token names, None for none."""
        claims = read_access_token(token, secret=self._secret)
        if claims is None:
            return None
        return await self._by_session(Identity(claims.user_id, claims.session_id))

    async def close(self) -> None:
        """Wait for the statements under way."""
        await self._by_cookie_hash.close()
        await self._by_session.close()

    async def _load_by_hash(self, hashes: Sequence[str]) -> dict[str, AuthenticatedUser]:
        statement = live_by_cookie_hash(self._database.dialect)
        rows = await self._fetch(statement, [{"cookie_hash": one} for one in hashes])
        return {row.cookie_hash: self._authenticated(row) for row in rows}

    async def _load_by_session(
        self, identities: Sequence[Identity]
    ) -> dict[Identity, AuthenticatedUser]:
        statement = live_by_id(self._database.dialect)
        keys = [{"session_id": one.session_id, "user_id": one.user_id} for one in identities]
        rows = await self._fetch(statement, keys)
        users = map(self._authenticated, rows)
        return {user.identity: user for user in users}

    async def _fetch(
        self, statement: Select[*tuple[Any, ...]], keys: list[dict[str, Any]]
    ) -> list[AnyRow]:
        values = {"rows": as_parameter(keys), "now": utc_now()}
        return await self._database.fetch_all(statement, values)

    def _authenticated(self, row: AnyRow) -> AuthenticatedUser:
        if utc_now() - row.last_used_at >= TOUCH_INTERVAL:
            self._on_stale_session(row.session_id)
        return AuthenticatedUser(Identity(row.id, row.session_id), own_user_of(row))
