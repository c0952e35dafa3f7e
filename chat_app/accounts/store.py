"""Finding the row of an account; the callers own the transaction."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chat_app.core.errors import Unauthenticated
from chat_app.models import User


async def account_named(session: AsyncSession, key: str) -> User | None:
    """Return the account with this username, by its key."""
    found = await session.execute(
        select(User).where(col(User.username_key) == key, col(User.deleted_at).is_(None))
    )
    return found.scalar_one_or_none()


async def account_with_id(session: AsyncSession, user_id: UUID) -> User:
    """Return the account of somebody who was signed in. Raises Unauthenticated when it is gone."""
    account = await session.get(User, user_id)
    if account is None or account.deleted_at is not None:
        raise Unauthenticated
    return account


async def locked_account(
    session: AsyncSession, user_id: UUID, *, password_hash: str | None = None, leaving: bool = False
) -> User | None:
    """Return the account to change it, unless it is gone or has another password than that.

    Somebody who leaves waits for those who just point at them, and they for the departure.
    """
    statement = select(User).where(col(User.id) == user_id, col(User.deleted_at).is_(None))
    if password_hash is not None:
        statement = statement.where(col(User.password_hash) == password_hash)
    found = await session.execute(statement.with_for_update(key_share=not leaving))
    return found.scalar_one_or_none()
