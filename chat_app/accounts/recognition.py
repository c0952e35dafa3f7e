"""Knowing who is asking, by a cookie or a token, for as long as their session lives."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Select, update
from sqlmodel import col

from chat_app.accounts.schemas import Identity
from chat_app.accounts.sessions import TOUCH_EVERY, live_sessions
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.core.tokens import fingerprint, read_access_token
from chat_app.models import AuthSession

COOKIE_LONGEST = 128

log = structlog.get_logger(__name__)


class Recognition:
    """Looks sessions up, and lets those that are used live on."""

    def __init__(self, *, database: Database, secret: str, lifetime: timedelta) -> None:
        self._database = database
        self._secret = secret
        self._lifetime = lifetime

    async def by_cookie(self, secret: str | None) -> Identity | None:
        """Return whose live session this cookie opens, if any."""
        if not secret or len(secret) > COOKIE_LONGEST:  # ours have 43 characters
            return None
        where = col(AuthSession.cookie_hash) == fingerprint(secret)
        return await self._identify(live_sessions().where(where))

    async def by_token(self, token: str) -> Identity | None:
        """Return whose live session this access token speaks for, if any."""
        claims = read_access_token(token, secret=self._secret)
        if claims is None:
            return None
        where = (
            col(AuthSession.id) == claims.session_id,
            col(AuthSession.user_id) == claims.user_id,
        )
        return await self._identify(live_sessions().where(*where))

    async def is_alive(self, identity: Identity) -> bool:
        """Whether the session still opens something."""
        where = col(AuthSession.id) == identity.session_id
        return await self._identify(live_sessions().where(where)) is not None

    async def _identify(self, question: Select[UUID, UUID, datetime]) -> Identity | None:
        async with self._database.reading() as session:
            found = (await session.execute(question)).first()
        if found is None:
            return None
        await self._touch(found.id, found.last_used_at)
        return Identity(found.user_id, found.id)

    async def _touch(self, session_id: UUID, last_used_at: datetime) -> None:
        now = utc_now()
        if now - last_used_at < TOUCH_EVERY:
            return
        try:
            async with self._database.writing() as session:
                await session.execute(
                    update(AuthSession)
                    .where(col(AuthSession.id) == session_id)
                    .values(last_used_at=now, expires_at=now + self._lifetime)
                )
        except Unavailable:
            # Who can be recognised may read, even while nothing can be written.
            log.warning("session.touch_failed")
