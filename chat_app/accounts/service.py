"""Use cases of accounts: register, sign in and out, change profile and password, delete."""

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from uuid import UUID

from chat_app.accounts import store
from chat_app.accounts.announcements import announce_ended
from chat_app.accounts.authenticator import Authenticator
from chat_app.accounts.errors import (
    AccountDisabled,
    InvalidCredentials,
    InvalidRefreshToken,
    RegistrationClosed,
    SessionNotFound,
    WrongPassword,
)
from chat_app.accounts.password_checker import PasswordChecker
from chat_app.accounts.queries import own_user_of
from chat_app.accounts.rules import (
    check_new_password,
    is_possible_username,
    typed_username,
    username_key,
)
from chat_app.accounts.schemas import (
    AuthenticatedUser,
    Credentials,
    Device,
    Identity,
    OwnUser,
    PasswordChange,
    PasswordConfirmation,
    ProfileChange,
    Registration,
    SignedIn,
    TokenPair,
)
from chat_app.change_log.store import profile_changed
from chat_app.change_log.unit_of_work import UnitOfWork, unit_of_work
from chat_app.core.database import Database
from chat_app.core.errors import Invalid, Overtaken, Unauthenticated
from chat_app.core.passwords import Passwords
from chat_app.core.rate_limit import Limit, RateLimits, charged, network_of
from chat_app.core.settings import Settings
from chat_app.core.tokens import Claims, sign_access_token
from chat_app.models import User
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import FriendRemoved, make_envelope, user_topic

ATTEMPTS = 3
SHOWN_TO_OTHERS = ("display_name", "status_text")


def profile_limit(settings: Settings) -> Limit:
    """Return the limit of changes of what others see of a person."""
    return Limit("profile", settings.limit_profile_changes_per_minute, 60)


class Accounts:
    """The use cases of accounts over one database and broker."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        passwords: Passwords,
        limits: RateLimits,
        settings: Settings,
        on_presence_changed: Callable[[UUID], None],
        on_stale_session: Callable[[UUID], None],
        on_invited: Callable[[UnitOfWork, UUID, str], Awaitable[None]],
        on_leaving: Callable[[UnitOfWork, UUID], Awaitable[None]],
    ) -> None:
        """Take callbacks.

        In the transaction of an account, `on_invited` is awaited with the token of the invitation
        with which it registers, and `on_leaving` before it is deleted. `on_presence_changed` is
        called after a user shows or hides their presence or is deleted, `on_stale_session` when a
        session is used whose last use was stored a while ago; they get the id of the user and of
        the session.
        """
        self._database = database
        self._broker = broker
        self._passwords = passwords
        self._limits = limits
        self._settings = settings
        self._on_presence_changed = on_presence_changed
        self._on_invited = on_invited
        self._on_leaving = on_leaving
        self._lifetime = timedelta(days=settings.session_days)
        self._secret = settings.secret_key.get_secret_value()
        self._registration_limit = Limit("register", settings.limit_registrations_per_hour, 3600)
        self._profile_limit = profile_limit(settings)
        self._password_checker = PasswordChecker(
            passwords=passwords, limits=limits, settings=settings
        )
        self._authenticator = Authenticator(
            database=database, secret=self._secret, on_stale_session=on_stale_session
        )

    async def authenticate_cookie(self, secret: str | None) -> AuthenticatedUser | None:
        """Return the user of the live session with this cookie secret, None when there is none."""
        return await self._authenticator.by_cookie(secret)

    async def authenticate_cookies(self, secrets: Iterable[str]) -> AuthenticatedUser | None:
        """Return the user of the first of these secrets that has a live session, None for none."""
        for secret in secrets:
            if (known := await self.authenticate_cookie(secret)) is not None:
                return known
        return None

    async def authenticate_token(self, token: str) -> AuthenticatedUser | None:
        """Return the user of the live session that this access token names, None for none."""
        return await self._authenticator.by_token(token)

    async def close(self) -> None:
        """Wait for the authentications under way."""
        await self._authenticator.close()

    async def register(self, data: Registration, *, device: Device) -> SignedIn:
        """Create an account and sign it in.

        Raises UsernameTaken, RateLimited, RegistrationClosed, and what the invitation raises.
        """
        if self._settings.registration == "closed" or (
            self._settings.registration == "invited" and data.invite is None
        ):
            raise RegistrationClosed
        async with charged(self._limits, self._registration_limit, network_of(device.address)):
            password_hash = await self._passwords.hash(data.password)
            async with unit_of_work(self._database, self._broker) as uow:
                account = await store.add_account(uow.session, data, password_hash)
                if data.invite is not None:
                    await self._on_invited(uow, account.id, data.invite)
                return await self._sign_in(uow, account, device=device, tokens=data.tokens)

    async def login(self, data: Credentials, *, device: Device) -> SignedIn:
        """Open a session.

        Raises InvalidCredentials, RateLimited after too many failures, and AccountDisabled.
        """
        key = username_key(typed_username(data.username))
        async with self._database.reading() as session:
            account = await store.account_named(session, key) if is_possible_username(key) else None
        stored = account.password_hash if account else None
        verdict = await self._password_checker.check(
            data.password,
            stored,
            username_key=key,
            network=network_of(device.address),
            own_networks=lambda: self._networks(account),
        )
        if account is None or not verdict.fits:
            raise InvalidCredentials
        async with unit_of_work(self._database, self._broker) as uow:
            found = await store.lock_account(uow.session, account.id, password_hash=stored)
            if found is not None:
                if found.disabled:
                    raise AccountDisabled
                found.password_hash = verdict.new_hash or found.password_hash
                return await self._sign_in(uow, found, device=device, tokens=data.tokens)
        # The password was changed while it was checked: the old one must not sign in.
        return await self.login(data, device=device)

    async def refresh(self, token: str) -> TokenPair:
        """Spend a refresh token for a new pair. Raises InvalidRefreshToken.

        A token that was spent more than 30 s ago is taken as stolen: its session ends.
        """
        pair = None
        async with unit_of_work(self._database, self._broker) as uow:
            identity, stolen = await store.spend_refresh_token(uow.session, token)
            if stolen:
                await self._end(uow, identity)
            else:
                await store.delete_old_tokens(
                    uow.session, session_id=identity.session_id, age=self._lifetime
                )
                pair = await self._token_pair(uow, identity)
        if pair is None:
            raise InvalidRefreshToken
        return pair

    async def logout(self, identity: Identity) -> None:
        """End the session everywhere: cookie, tokens, sockets and tabs, on every node."""
        async with unit_of_work(self._database, self._broker) as uow:
            await self._end(uow, identity)

    async def end_session(self, *, actor_id: UUID, session_id: UUID) -> None:
        """End one of the actor's sessions, like signing out there. Raises SessionNotFound."""
        async with unit_of_work(self._database, self._broker) as uow:
            if not await self._end(uow, Identity(actor_id, session_id)):
                raise SessionNotFound

    async def end_other_sessions(self, identity: Identity) -> int:
        """End the actor's other sessions; return how many those were."""
        async with unit_of_work(self._database, self._broker) as uow:
            ended = await store.end_other_sessions(uow.session, identity, reason="signed_out")
            announce_ended(uow, ended)
        return len(ended.session_ids)

    async def change_profile(self, *, actor_id: UUID, changes: ProfileChange) -> OwnUser:
        """Change the given fields of the actor's profile and settings.

        Raises RateLimited: a change of what others see is published to up to a hundred of them.
        """
        given = changes.given()
        limited: contextlib.AbstractAsyncContextManager[None] = contextlib.nullcontext()
        if not given.keys().isdisjoint(SHOWN_TO_OTHERS):
            limited = charged(self._limits, self._profile_limit, str(actor_id))
        async with limited, unit_of_work(self._database, self._broker) as uow:
            account = await store.lock_account(uow.session, actor_id)
            if account is None:
                raise Unauthenticated
            changed = {name for name, value in given.items() if getattr(account, name) != value}
            for name in changed:
                setattr(account, name, given[name])
            if "display_name" in changed:
                await store.index_names(uow.session, account)
            if not changed.isdisjoint(SHOWN_TO_OTHERS):
                uow.add(profile_changed(actor_id))
        if "share_presence" in changed:
            self._on_presence_changed(actor_id)
        return own_user_of(account)

    async def change_password(
        self, identity: Identity, data: PasswordChange, *, device: Device
    ) -> None:
        """Set a new password and end all other store.

        Raises WrongPassword, Invalid for a bad new one, and RateLimited: a borrowed session must
        not serve to guess the password.
        """
        account = await self._account(identity)
        _refuse_bad_password(data, account.username)
        await self._confirm_password(
            account, data.current_password, device, field="current_password"
        )
        new_hash = await self._passwords.hash(data.new_password)
        async with unit_of_work(self._database, self._broker) as uow:
            found = await store.lock_account(
                uow.session, account.id, password_hash=account.password_hash
            )
            if found is not None:
                await store.set_password(uow.session, found, new_hash)
                ended = await store.end_other_sessions(
                    uow.session, identity, reason="password_changed"
                )
                announce_ended(uow, ended)
        if found is None:  # another device was quicker
            await self.change_password(identity, data, device=device)

    async def delete(
        self, identity: Identity, confirmation: PasswordConfirmation, *, device: Device
    ) -> None:
        """Delete the account: everything personal goes, its messages stay.

        Its sessions end, and its friends and both sides of its friend requests are notified that
        nothing is between them any more. Raises WrongPassword, RateLimited and LastAdmin.
        """
        account = await self._account(identity)
        await self._confirm_password(account, confirmation.password, device, field="password")
        for _ in range(ATTEMPTS - 1):
            # Somebody may be adding the user to a group: the two wait for each other.
            with contextlib.suppress(Overtaken):
                return await self._delete(identity, confirmation, account, device)
        return await self._delete(identity, confirmation, account, device)

    async def _delete(
        self,
        identity: Identity,
        confirmation: PasswordConfirmation,
        account: User,
        device: Device,
    ) -> None:
        async with unit_of_work(self._database, self._broker) as uow:
            await store.lock_admins(uow.session)
            found = await store.lock_account(
                uow.session, account.id, password_hash=account.password_hash, leaving=True
            )
            if found is not None:
                await self.erase(uow, found)
        if found is None:
            await self.delete(identity, confirmation, device=device)
        else:
            self._on_presence_changed(account.id)

    async def erase(self, uow: UnitOfWork, account: User) -> None:
        """Delete an account, locked after `lock_admins`, in the caller's transaction.

        Raises LastAdmin.
        """
        await store.refuse_last_admin(uow.session, account)
        await self._on_leaving(uow, account.id)
        departure = await store.erase_account(uow.session, account)
        announce_ended(uow, departure.ended)
        gone = make_envelope(FriendRemoved(user_id=account.id))
        uow.publish(map(user_topic, departure.acquaintance_ids), gone)
        uow.add(profile_changed(account.id))

    async def hash_new_password(self, password: str, *, username: str) -> str:
        """Return the hash of a new password. Raises Invalid for one that may not be set."""
        _refuse_bad_new(password, username)
        return await self._passwords.hash(password)

    async def _account(self, identity: Identity) -> User:
        async with self._database.reading() as session:
            return await store.account_with_id(session, identity.user_id)

    async def _confirm_password(
        self, account: User, password: str, device: Device, *, field: str
    ) -> None:
        verdict = await self._password_checker.check(
            password,
            account.password_hash,
            username_key=account.username_key,
            network=network_of(device.address),
            own_networks=lambda: self._networks(account),
        )
        if not verdict.fits:
            raise WrongPassword(field)

    async def _networks(self, account: User | None) -> set[str]:
        """Return the networks from which an account is signed in."""
        if account is None:
            return set()
        async with self._database.reading() as session:
            return set(map(network_of, await store.signed_in_addresses(session, account.id)))

    async def _sign_in(
        self, uow: UnitOfWork, account: User, *, device: Device, tokens: bool
    ) -> SignedIn:
        session_id, cookie = store.open_session(
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
        refresh_token = await store.add_refresh_token(uow.session, session_id=identity.session_id)
        access_token = sign_access_token(Claims(*identity), secret=self._secret, seconds=seconds)
        return TokenPair(access_token=access_token, expires_in=seconds, refresh_token=refresh_token)

    async def _end(self, uow: UnitOfWork, identity: Identity) -> bool:
        user_id, session_id = identity
        ended = await store.end_session(uow.session, user_id=user_id, session_id=session_id)
        announce_ended(uow, ended)
        return bool(ended.session_ids)


def _refuse_bad_password(data: PasswordChange, username: str) -> None:
    _refuse_bad_new(data.new_password, username)
    if data.new_password == data.current_password:
        raise Invalid({"new_password": "This is the password you have. Choose another."})


def _refuse_bad_new(password: str, username: str) -> None:
    try:
        check_new_password(password, username)
    except ValueError as error:
        raise Invalid({"new_password": str(error)}) from None
