"""Use cases of the operator, from the shell, each with an entry in the audit log."""

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.accounts.announcements import announce_ended
from chat_app.accounts.errors import NoSuchUser
from chat_app.accounts.queries import own_user_of
from chat_app.accounts.rules import check_new_password, is_possible_username, username_key
from chat_app.accounts.schemas import OwnUser, Registration
from chat_app.accounts.store import (
    account_named,
    add_account,
    end_sessions,
    end_some_sessions,
    lock_account,
    set_password,
)
from chat_app.admin.schemas import Actor
from chat_app.admin.store import add_entry
from chat_app.change_log.unit_of_work import unit_of_work
from chat_app.conversations.invites.schemas import InviteRequest, NewInvite
from chat_app.conversations.invites.store import add_invite
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.passwords import Passwords
from chat_app.models import User
from chat_app.realtime.broker import Broker

# Sessions of one transaction, and of one entry of the change log.
BATCH_SIZE = 5_000


class Operator:
    """The operator's use cases over one database and broker."""

    def __init__(self, *, database: Database, broker: Broker, passwords: Passwords) -> None:
        self._database = database
        self._broker = broker
        self._passwords = passwords

    async def create_user(self, data: Registration) -> OwnUser:
        """Create an account by the rules of registering, without signing it in."""
        password_hash = await self._passwords.hash(data.password)
        async with unit_of_work(self._database, self._broker) as uow:
            account = await add_account(uow.session, data, password_hash)
            add_entry(uow.session, Actor(), "created", target=account)
            return own_user_of(account)

    async def reset_password(self, username: str, password: str) -> int:
        """Set the password of a user and end their sessions; return how many those were.

        Raises NoSuchUser, and Invalid for a password that nobody could register with.
        """
        try:
            check_new_password(password, username)
        except ValueError as error:
            raise Invalid({"password": str(error)}, str(error)) from None
        password_hash = await self._passwords.hash(password)
        async with unit_of_work(self._database, self._broker) as uow:
            account = await _lock(uow.session, username)
            await set_password(uow.session, account, password_hash)
            add_entry(uow.session, Actor(), "password_set", target=account)
            ended = await end_sessions(uow.session, user_id=account.id, reason="password_changed")
            announce_ended(uow, ended)
        return len(ended.session_ids)

    async def end_sessions(self, username: str) -> int:
        """End all sessions of a user; return how many those were. Raises NoSuchUser."""
        async with unit_of_work(self._database, self._broker) as uow:
            account = await _lock(uow.session, username)
            ended = await end_sessions(uow.session, user_id=account.id, reason="signed_out")
            add_entry(uow.session, Actor(), "sessions_ended", target=account)
            announce_ended(uow, ended)
        return len(ended.session_ids)

    async def end_some_sessions(self) -> int:
        """End up to BATCH_SIZE live sessions of anybody; return how many, 0 when none are left."""
        async with unit_of_work(self._database, self._broker) as uow:
            ended = await end_some_sessions(uow.session, at_most=BATCH_SIZE)
            if not ended.session_ids:
                add_entry(uow.session, Actor(), "all_sessions_ended")
            announce_ended(uow, ended)
        return len(ended.session_ids)


async def invite(database: Database, data: InviteRequest, *, origin: str) -> NewInvite:
    """Make an invitation to the chat itself. Raises Unavailable."""
    async with database.writing() as session:
        made = add_invite(session, data, origin=origin, created_by=None, group_id=None)
        add_entry(session, Actor(), "invite_made", detail=str(made.id))
        return made


async def _lock(session: AsyncSession, username: str) -> User:
    key = username_key(username)
    found = await account_named(session, key) if is_possible_username(key) else None
    account = await lock_account(session, found.id) if found is not None else None
    if account is None:
        raise NoSuchUser
    return account
