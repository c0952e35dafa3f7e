"""Accounts: registering, signing in and out, and knowing who is asking."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Select, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.accounts import sessions
from chat_app.accounts.errors import InvalidCredentials, InvalidRefreshToken, UsernameTaken
from chat_app.accounts.names import index_names
from chat_app.accounts.queries import own_user_of
from chat_app.accounts.rules import is_possible_username, username_key
from chat_app.accounts.schemas import (
    Credentials,
    Device,
    Identity,
    Registration,
    SignedIn,
    TokenPair,
)
from chat_app.core.clock import utc_now
from chat_app.core.database import Database
from chat_app.core.errors import Unavailable
from chat_app.core.passwords import Passwords
from chat_app.core.rate_limit import Limit, RateLimits
from chat_app.core.settings import Settings
from chat_app.core.tokens import Claims, fingerprint, read_access_token, sign_access_token
from chat_app.core.unit_of_work import UnitOfWork, unit_of_work
from chat_app.models import AuthSession, User
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import SessionEnded, seal, session_topic

log = structlog.get_logger(__name__)


class Accounts:
    """The use cases of accounts over one database and bus."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        passwords: Passwords,
        limits: RateLimits,
        settings: Settings,
        profile_changed: Callable[[UUID], None],
    ) -> None:
        """`profile_changed` hears of who shows or hides their presence, or has left."""
        self._database = database
        self._broker = broker
        self._passwords = passwords
        self._limits = limits
        self._settings = settings
        self._profile_changed = profile_changed
        self._lifetime = timedelta(days=settings.session_days)
        self._secret = settings.secret_key.get_secret_value()
        self._registering = Limit("register", settings.limit_registrations_per_hour, 3600)
        self._failing = Limit("login", settings.limit_login_failures_per_account, 60)
        self._failing_anywhere = Limit("address", settings.limit_login_failures_per_address, 60)

    async def register(self, data: Registration, *, device: Device) -> SignedIn:
        """Create an account and sign it in. Raises UsernameTaken, RateLimited."""
        await self._limits.take(self._registering, device.address)
        password_hash = await self._passwords.hash(data.password)
        account = User(
            username=data.username,
            username_key=username_key(data.username),
            display_name=data.display_name or data.username,
            password_hash=password_hash,
        )
        async with unit_of_work(self._database) as uow:
            uow.session.add(account)
            try:
                await index_names(uow.session, account)
            except IntegrityError:
                raise UsernameTaken from None
            return await self._sign_in(uow, account, device=device, tokens=data.tokens)

    async def login(self, data: Credentials, *, device: Device) -> SignedIn:
        """Open a session. Raises InvalidCredentials, or RateLimited after too many failures."""
        key = username_key(data.username)
        here = f"{key}:{device.address}"
        # Taken before and put back after a success: a flood in parallel gets no free guesses.
        await self._limits.take(self._failing, here)
        await self._limits.take(self._failing_anywhere, device.address)
        account = await self._account(key) if is_possible_username(key) else None
        verdict = await self._passwords.verify(
            data.password, account.password_hash if account else None
        )
        if account is None or not verdict.fits:
            raise InvalidCredentials
        await self._limits.take(self._failing, here, cost=-1)
        await self._limits.take(self._failing_anywhere, device.address, cost=-1)
        async with unit_of_work(self._database) as uow:
            if verdict.new_hash is not None:
                await _store_hash(uow.session, account, verdict.new_hash)
            return await self._sign_in(uow, account, device=device, tokens=data.tokens)

    async def refresh(self, token: str) -> TokenPair:
        """Spend a refresh token for a new pair. Raises InvalidRefreshToken.

        A token that was spent more than 30 s ago is taken as stolen: its session ends.
        """
        pair = None
        async with unit_of_work(self._database) as uow:
            identity, stolen = await sessions.spend_refresh_token(uow.session, token)
            if stolen:
                await self._end(uow, identity.session_id)
            else:
                await sessions.forget_old_tokens(
                    uow.session, session_id=identity.session_id, age=self._lifetime
                )
                pair = await self._token_pair(uow, identity)
        if pair is None:
            raise InvalidRefreshToken
        return pair

    async def logout(self, identity: Identity) -> None:
        """End the session everywhere: cookie, tokens, sockets and tabs, on every node."""
        async with unit_of_work(self._database) as uow:
            await self._end(uow, identity.session_id)

    async def identify_cookie(self, secret: str | None) -> Identity | None:
        """Return whose live session this cookie opens, if any."""
        if not secret or len(secret) > 128:  # noqa: PLR2004  # ours have 43 characters
            return None
        where = col(AuthSession.cookie_hash) == fingerprint(secret)
        return await self._identify(sessions.live_sessions().where(where))

    async def identify_token(self, token: str) -> Identity | None:
        """Return whose live session this access token speaks for, if any."""
        claims = read_access_token(token, secret=self._secret)
        if claims is None:
            return None
        where = (
            col(AuthSession.id) == claims.session_id,
            col(AuthSession.user_id) == claims.user_id,
        )
        return await self._identify(sessions.live_sessions().where(*where))

    async def is_alive(self, identity: Identity) -> bool:
        """Whether the session still opens something."""
        where = col(AuthSession.id) == identity.session_id
        return await self._identify(sessions.live_sessions().where(where)) is not None

    async def _account(self, key: str) -> User | None:
        async with self._database.reading() as session:
            found = await session.execute(
                select(User).where(col(User.username_key) == key, col(User.deleted_at).is_(None))
            )
            return found.scalar_one_or_none()

    async def _identify(self, question: Select[UUID, UUID, datetime]) -> Identity | None:
        async with self._database.reading() as session:
            found = (await session.execute(question)).first()
        if found is None:
            return None
        await self._touch(found.id, found.last_used_at)
        return Identity(found.user_id, found.id)

    async def _touch(self, session_id: UUID, last_used_at: datetime) -> None:
        now = utc_now()
        if now - last_used_at < sessions.TOUCH_EVERY:
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

    async def _sign_in(
        self, uow: UnitOfWork, account: User, *, device: Device, tokens: bool
    ) -> SignedIn:
        session_id, cookie = sessions.open_session(
            uow.session,
            user_id=account.id,
            device=device,
            lifetime=self._lifetime,
        )
        identity = Identity(account.id, session_id)
        pair = await self._token_pair(uow, identity) if tokens else None
        return SignedIn(own_user_of(account), cookie, pair)

    async def _token_pair(self, uow: UnitOfWork, identity: Identity) -> TokenPair:
        seconds = self._settings.access_token_seconds
        refresh_token = await sessions.add_refresh_token(
            uow.session, session_id=identity.session_id
        )
        access_token = sign_access_token(Claims(*identity), secret=self._secret, seconds=seconds)
        return TokenPair(access_token=access_token, expires_in=seconds, refresh_token=refresh_token)

    async def _end(self, uow: UnitOfWork, session_id: UUID) -> None:
        if await sessions.end_session(uow.session, session_id=session_id):
            envelope = seal(SessionEnded(reason="signed_out"), ends=True)

            async def tell() -> None:
                self._broker.publish([session_topic(session_id)], envelope)

            uow.announce(tell)


async def _store_hash(session: AsyncSession, account: User, new_hash: str) -> None:
    await session.execute(
        update(User).where(col(User.id) == account.id).values(password_hash=new_hash)
    )
