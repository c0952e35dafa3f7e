"""Use cases of an operator, from the shell: create accounts, reset passwords, end sessions."""

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
)
from chat_app.change_log.unit_of_work import unit_of_work
from chat_app.core.database import Database
from chat_app.core.errors import Invalid
from chat_app.core.passwords import Passwords
from chat_app.models import User
from chat_app.realtime.broker import Broker

# Sessions of one transaction, and of one entry of the change log.
BATCH_SIZE = 5_000


class Administration:
    """The operator's use cases over one database and broker."""

    def __init__(self, *, database: Database, broker: Broker, passwords: Passwords) -> None:
        self._database = database
        self._broker = broker
        self._passwords = passwords

    async def create_user(self, data: Registration) -> OwnUser:
        """Create an account by the rules of registering, without signing it in."""
        password_hash = await self._passwords.hash(data.password)
        async with unit_of_work(self._database, self._broker) as uow:
            return own_user_of(await add_account(uow.session, data, password_hash))

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
            account.password_hash = password_hash
            ended = await end_sessions(uow.session, user_id=account.id, reason="password_changed")
            announce_ended(uow, ended)
        return len(ended.session_ids)

    async def end_sessions(self, username: str) -> int:
        """End all sessions of a user; return how many those were. Raises NoSuchUser."""
        async with unit_of_work(self._database, self._broker) as uow:
            account = await _lock(uow.session, username)
            ended = await end_sessions(uow.session, user_id=account.id, reason="signed_out")
            announce_ended(uow, ended)
        return len(ended.session_ids)

    async def end_some_sessions(self) -> int:
        """End up to BATCH_SIZE live sessions of anybody; return how many, 0 when none are left."""
        async with unit_of_work(self._database, self._broker) as uow:
            ended = await end_some_sessions(uow.session, at_most=BATCH_SIZE)
            announce_ended(uow, ended)
        return len(ended.session_ids)


async def _lock(session: AsyncSession, username: str) -> User:
    key = username_key(username)
    found = await account_named(session, key) if is_possible_username(key) else None
    account = await lock_account(session, found.id) if found is not None else None
    if account is None:
        raise NoSuchUser
    return account
