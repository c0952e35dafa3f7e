"""Use cases of admins, each with an entry in the audit log."""

import contextlib
from collections.abc import AsyncIterator, Callable
from uuid import UUID

from chat_app.accounts import store as accounts_store
from chat_app.accounts.announcements import announce_ended
from chat_app.accounts.errors import NoSuchUser, ResetLinkNotFound
from chat_app.accounts.rules import is_possible_username, typed_username, username_key
from chat_app.accounts.service import ATTEMPTS, Accounts
from chat_app.admin import store
from chat_app.admin.queries import managed_user
from chat_app.admin.schemas import (
    Action,
    Actor,
    ManagedUser,
    PasswordReset,
    ReportState,
    ResetLink,
    UserChange,
)
from chat_app.change_log.unit_of_work import UnitOfWork, unit_of_work
from chat_app.conversations.invites.errors import InviteNotFound
from chat_app.conversations.invites.schemas import InviteRequest, NewInvite
from chat_app.conversations.invites.service import with_qr_code
from chat_app.conversations.invites.store import add_invite
from chat_app.core.database import Database
from chat_app.core.errors import Overtaken
from chat_app.core.own_origins import linked_origin
from chat_app.core.settings import Settings
from chat_app.friends.errors import PersonNotFound
from chat_app.models import User
from chat_app.realtime.broker import Broker
from chat_app.realtime.events import EndReason


class Admin:
    """The use cases of admins over one database and broker.

    All raise NotFound where the actor is no admin. One at a time changes anything, so that none
    acts after another one has taken their rights, and an admin is always left.
    """

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        accounts: Accounts,
        settings: Settings,
        on_presence_changed: Callable[[UUID], None],
    ) -> None:
        """`on_presence_changed` is called after an account is deleted, with its user."""
        self._database = database
        self._broker = broker
        self._accounts = accounts
        self._settings = settings
        self._on_presence_changed = on_presence_changed

    async def change_user(self, actor: Actor, user_id: UUID, data: UserChange) -> ManagedUser:
        """Disable or enable an account, or change whether it is an admin's.

        A disabled one is signed out, and what it has scheduled is refused. Raises PersonNotFound
        and LastAdmin.
        """
        given = data.model_dump(exclude_unset=True)
        async with self._acting(actor) as (uow, me):
            account = await _lock(uow, user_id)
            disabled = given.get("disabled", account.disabled)
            admin = given.get("admin", account.admin)
            if disabled or not admin:
                await accounts_store.refuse_last_admin(uow.session, account)
            if admin != account.admin:
                account.admin = admin
                if not admin:
                    await accounts_store.end_reset_links(uow.session)
                self._record(uow, actor, me, account, "made_admin" if admin else "removed_admin")
            if disabled != account.disabled:
                account.disabled = disabled
                if disabled and account.admin:
                    await accounts_store.end_reset_links(uow.session)
                self._record(uow, actor, me, account, "disabled" if disabled else "enabled")
            if disabled:
                await _end_sessions(uow, user_id, "account_disabled")
                await store.refuse_scheduled(uow.session, user_id)
            return await managed_user(uow.session, user_id=user_id)

    async def end_sessions(self, actor: Actor, user_id: UUID) -> None:
        """Sign somebody out everywhere. Raises PersonNotFound."""
        async with self._acting(actor) as (uow, me):
            account = await _lock(uow, user_id)
            await _end_sessions(uow, user_id, "signed_out")
            self._record(uow, actor, me, account, "sessions_ended")

    async def delete_user(self, actor: Actor, user_id: UUID) -> None:
        """Delete an account, as its user would. Raises PersonNotFound and LastAdmin."""
        for _ in range(ATTEMPTS - 1):
            # Somebody may be adding the user to a group: the two wait for each other.
            with contextlib.suppress(Overtaken):
                return await self._delete_user(actor, user_id)
        return await self._delete_user(actor, user_id)

    async def _delete_user(self, actor: Actor, user_id: UUID) -> None:
        async with self._acting(actor) as (uow, me):
            account = await _lock(uow, user_id, leaving=True)
            # With the name that it loses now.
            self._record(uow, actor, me, account, "deleted")
            await self._accounts.erase(uow, account)
        self._on_presence_changed(user_id)

    async def make_reset_link(self, actor: Actor, user_id: UUID) -> ResetLink:
        """Make a link by which a user sets a new password; earlier ones end.

        Raises PersonNotFound.
        """
        async with self._acting(actor) as (uow, me):
            account = await _lock(uow, user_id)
            token, expires_at = await store.add_reset_link(uow.session, user_id)
            self._record(uow, actor, me, account, "reset_link_made")
        url = f"{linked_origin(self._settings)}/reset/{token}"
        return ResetLink(url=url, expires_at=expires_at)

    async def reset_password(self, data: PasswordReset, *, address: str) -> None:
        """Set a new password by a reset link, once, and end all sessions of its user.

        Raises ResetLinkNotFound, and Invalid for a password that may not be set.
        """
        async with self._database.reading() as session:
            account = await store.user_of_reset_link(session, data.token)
        if account is None:
            raise ResetLinkNotFound
        new_hash = await self._accounts.hash_new_password(
            data.new_password, username=account.username
        )
        async with unit_of_work(self._database, self._broker) as uow:
            found = await accounts_store.lock_account(uow.session, account.id)
            if found is None or await store.use_reset_link(uow.session, data.token) is None:
                raise ResetLinkNotFound
            await accounts_store.set_password(uow.session, found, new_hash)
            await _end_sessions(uow, found.id, "password_changed")
            self._record(uow, Actor(found.id, address), found, found, "password_reset")

    async def make_invite(self, actor: Actor, data: InviteRequest) -> NewInvite:
        """Make an invitation to register."""
        async with self._acting(actor) as (uow, me):
            made = add_invite(
                uow.session,
                data,
                origin=linked_origin(self._settings),
                created_by=actor.user_id,
                group_id=None,
            )
            store.add_entry(
                uow.session, actor, "invite_made", actor_name=me.username, detail=str(made.id)
            )
        return await with_qr_code(made)

    async def withdraw_invite(self, actor: Actor, invite_id: UUID) -> None:
        """Withdraw an invitation to register. Raises InviteNotFound."""
        async with self._acting(actor) as (uow, me):
            if not await store.withdraw_invite(uow.session, invite_id):
                raise InviteNotFound
            store.add_entry(
                uow.session,
                actor,
                "invite_withdrawn",
                actor_name=me.username,
                detail=str(invite_id),
            )

    async def set_report_state(self, actor: Actor, report_id: UUID, state: ReportState) -> None:
        """Set the state of a report. Raises ReportNotFound."""
        async with self._acting(actor) as (uow, me):
            about, changed = await store.set_report_state(uow.session, report_id, state)
            if changed:
                store.add_entry(
                    uow.session,
                    actor,
                    f"report_{state}",  # type: ignore[arg-type]  # one of each state
                    actor_name=me.username,
                    target=about,
                    detail=str(report_id),
                )

    @contextlib.asynccontextmanager
    async def _acting(self, actor: Actor) -> AsyncIterator[tuple[UnitOfWork, User]]:
        """Yield a unit of work of an admin, and their account. Raises NotFound for anybody else."""
        async with unit_of_work(self._database, self._broker) as uow:
            await accounts_store.lock_admins(uow.session)
            assert actor.user_id is not None  # noqa: S101  # doors have authenticated them
            yield uow, await store.require_admin(uow.session, actor.user_id)

    def _record(
        self, uow: UnitOfWork, actor: Actor, me: User, target: User, action: Action
    ) -> None:
        store.add_entry(uow.session, actor, action, actor_name=me.username, target=target)


async def make_admin(database: Database, broker: Broker, name: str) -> str:
    """Make an account an admin's, for the operator, and enable it; return its username.

    Raises NoSuchUser.
    """
    key = username_key(typed_username(name))
    async with unit_of_work(database, broker) as uow:
        session = uow.session
        await accounts_store.lock_admins(session)
        found = (
            await accounts_store.account_named(session, key) if is_possible_username(key) else None
        )
        account = await accounts_store.lock_account(session, found.id) if found else None
        if account is None:
            raise NoSuchUser
        if account.disabled:
            account.disabled = False
            store.add_entry(session, Actor(), "enabled", target=account)
        if not account.admin:
            account.admin = True
            store.add_entry(session, Actor(), "made_admin", target=account)
        return account.username


async def _lock(uow: UnitOfWork, user_id: UUID, *, leaving: bool = False) -> User:
    account = await accounts_store.lock_account(uow.session, user_id, leaving=leaving)
    if account is None:
        raise PersonNotFound
    return account


async def _end_sessions(uow: UnitOfWork, user_id: UUID, reason: EndReason) -> None:
    ended = await accounts_store.end_sessions(uow.session, user_id=user_id, reason=reason)
    announce_ended(uow, ended)
