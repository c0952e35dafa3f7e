"""Every question about accounts, on behalf of someone."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chat_app.accounts.schemas import OwnUser
from chat_app.core.errors import NotFound
from chat_app.models import User as Account


async def own_user(session: AsyncSession, *, user_id: UUID) -> OwnUser:
    """Return a person as they see themselves. Raises NotFound when the account is gone."""
    account = await session.get(Account, user_id)
    if account is None or account.deleted_at is not None:
        raise NotFound
    return own_user_of(account)


def own_user_of(account: Account) -> OwnUser:
    """Make the private view of an account."""
    return OwnUser(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        avatar_url=None,
        bio=account.bio,
        status_text=account.status_text,
        created_at=account.created_at,
        accept_messages_from="friends" if account.accept_messages_from == "friends" else "everyone",
        share_presence=account.share_presence,
        sound=account.sound,
    )
